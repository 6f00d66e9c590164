"""What is in the dead-letter queue, and what a redrive would do with each letter."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from function.failures.reasons import Failure
from function.limits import MAX_MESSAGE_BYTES
from function.message import builder
from function.message.idempotency import valid_key
from function.message.quotable import public_pieces, secrets_of
from function.message.redaction import redact
from function.outcomes.explanations import explain
from function.outcomes.states import State
from runtask.redrive.letters import MOVED_BY_SQS, entry, entry_bytes, relaunch_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from function.settings import Settings
    from runtask.redrive.letters import DeadLetter
    from runtask.redrive.queue import DeadLetterQueue

# Letters that one command looks at. SQS hides up to 120,000 at once.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_LETTERS: Final = 100_000

# Reasons for which no message can be launched under the key of the letter.
_OF_THE_KEY: Final = frozenset({"key-reused", "outcome-unknown", "bad-key"})

_MOVED_CURE: Final = "Read the function's log: it crashed on the message each time. Then redrive."


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which letters are meant.

    Attributes:
        reasons: Those with one of these reasons.
        keys: Those with one of these keys.
        everything: All of them.
    """

    reasons: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    everything: bool = False

    def __bool__(self) -> bool:
        """Return whether anything is selected."""
        return bool(self.everything or self.reasons or self.keys)

    def __contains__(self, letter: DeadLetter) -> bool:
        """Return whether a letter is selected."""
        if self.everything or not self:
            return self.everything
        of_reason = not self.reasons or letter.reason in self.reasons
        return of_reason and (not self.keys or letter.key in self.keys)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is done with a letter.

    Attributes:
        letter: The letter; without its body, unless that is edited.
        digest: The SHA-256 of the letter's body.
        key: The key of the message that is made of it.
        body: What its body was changed to; None if it stays as it is.
        refusal: Why it stays where it is; empty if it does not.
    """

    letter: DeadLetter
    digest: str
    key: str
    body: str | None = None
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The letters with one reason.

    Attributes:
        reason: The reason.
        letters: How many there are.
        redrivable: How many of them can succeed once the cause is fixed.
        oldest: When the oldest came into the queue, in seconds since 1970.
        cure: What to do.
    """

    reason: str
    letters: int
    redrivable: int
    oldest: float
    cure: str


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What was found in the queue.

    Attributes:
        groups: The letters by reason, the largest group first.
        chosen: The letters that are selected, in the order of their receives.
        seen: How many letters were received.
        total: About how many there are.
    """

    groups: tuple[Group, ...]
    chosen: tuple[Decision, ...]
    seen: int
    total: int

    @property
    def moving(self) -> tuple[Decision, ...]:
        """Those that are sent."""
        return tuple(one for one in self.chosen if not one.refusal)

    @property
    def staying(self) -> tuple[Decision, ...]:
        """Those that stay where they are."""
        return tuple(one for one in self.chosen if one.refusal)


def survey(
    queue: DeadLetterQueue, selection: Selection, *, relaunch: bool = False, edit: bool = False
) -> Survey:
    """Look at every letter, and show all of them again.

    Args:
        queue: The dead-letter queue.
        selection: Which letters are meant.
        relaunch: Whether the tasks of a letter are started again.
        edit: Whether their bodies are changed afterwards; they are kept, and not checked yet.

    Raises:
        RuntaskError: if SQS rejects a request, or does not answer.
    """
    by_reason: defaultdict[str, list[DeadLetter]] = defaultdict(list)
    chosen: list[Decision] = []
    total = queue.count()
    seen: set[str] = set()
    try:
        while len(seen) < MAX_LETTERS and (letters := queue.receive()):
            new = [letter for letter in letters if letter.message_id not in seen]
            if not new:
                break  # they were hidden for as long as they can be
            for letter in new:
                seen.add(letter.message_id)
                light = replace(letter, body="", attributes=_short(letter))
                by_reason[letter.reason].append(light)
                # What is held has to be shown again, and needs no body for that.
                queue.held[letter.message_id] = light
                if letter in selection:
                    refusal = refusal_of(letter, relaunch=relaunch, edit=edit)
                    if not refusal and not edit:
                        refusal = refusal_of_body(letter, letter.body, queue)
                    chosen.append(
                        Decision(
                            letter=letter if edit else light,
                            digest=letter.body_digest,
                            key=letter.key,
                            refusal=refusal,
                        )
                    )
    finally:
        queue.show_again()
    return Survey(
        groups=tuple(sorted(map(_group, by_reason.values()), key=lambda one: -one.letters)),
        chosen=tuple(chosen),
        seen=len(seen),
        total=max(total, len(seen)),
    )


def refusal_of(letter: DeadLetter, *, relaunch: bool, edit: bool = False) -> str:
    """Return why a letter is not sent, whatever its body is; empty if it is sent.

    Args:
        letter: The letter.
        relaunch: Whether its tasks are started again, under another key.
        edit: Whether its body is changed.
    """
    if letter.truncated:
        return "its body was cut to the size of a message; send the request again, shorter"
    if letter.is_restart:
        return "the stage itself has sent it, to start tasks again, and repeats it if needed"
    return "" if relaunch else _refusal_of_key(letter, edit=edit)


def _refusal_of_key(letter: DeadLetter, *, edit: bool) -> str:
    """Return why a letter is not sent with the key that it has."""
    if not valid_key(letter.key):
        return "its key is not valid, so it would be rejected again; --relaunch gives it another"
    if letter.reason in _OF_THE_KEY:
        return (
            f"{letter.reason}: it would be rejected again with this key; look whether its task "
            "ran, and if it shall run again, --relaunch gives it another key"
        )
    if not edit and not letter.redrivable:
        return (
            f"{letter.reason}: the same message cannot succeed; change it with --edit, or send it "
            "anew"
        )
    return ""


def refusal_of_body(letter: DeadLetter, body: str, queue: DeadLetterQueue) -> str:
    """Return why a letter is not sent with a body; empty if it is sent.

    Args:
        letter: The letter.
        body: Its body, or what it was changed to.
        queue: Where it is.
    """
    if problem := check_body(body, queue.settings):
        return f"it would be rejected again: {problem}"
    size = entry_bytes(entry(letter, body=body, key=letter.key, fifo=queue.fifo))
    if size > MAX_MESSAGE_BYTES:
        return f"it has {size:,} bytes with its key; SQS takes {MAX_MESSAGE_BYTES:,}"
    return ""


def check_body(body: str, settings: Settings) -> str:
    """Return why the stage's handler would reject a body, without secrets; empty if it would not.

    Args:
        body: The body of a message.
        settings: With which the handler reads it.
    """
    try:
        builder.read(body, settings)
    except Failure as failure:
        return redact(failure.error, secrets_of(body, settings), public_pieces(settings))
    return ""


def cure_of(reason: str) -> str:
    """Return what to do about a reason."""
    return _MOVED_CURE if reason == MOVED_BY_SQS else explain(State.REJECTED, reason).cure


def relaunched(chosen: Sequence[Decision]) -> tuple[Decision, ...]:
    """Return the decisions with new keys."""
    return tuple(
        one if one.refusal else replace(one, key=relaunch_key(one.letter, one.digest))
        for one in chosen
    )


def _group(letters: Sequence[DeadLetter]) -> Group:
    reason = letters[0].reason
    return Group(
        reason=reason,
        letters=len(letters),
        redrivable=sum(letter.redrivable for letter in letters),
        oldest=min(letter.sent_at for letter in letters),
        cure=cure_of(reason),
    )


def _short(letter: DeadLetter) -> Mapping[str, Mapping[str, object]]:
    """Return the attributes that tell of a letter what is shown; the rest may be large."""
    shown = ("reason", "error", "redrivable", "tasks", "messageId", "key")
    return {name: letter.attributes[name] for name in shown if name in letter.attributes}
