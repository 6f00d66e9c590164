"""Moves letters to the work queue: receive, send, delete, in this order.

If the command ends in between, however it does, a letter is in the dead-letter queue, in the work
queue, or in both: never in none. Sent again, it has the same key, so what arrives twice starts
nothing twice. The queue itself is the record of what is left.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from runtask.delivery.batches import MAX_BATCH_BYTES
from runtask.delivery.pace import Pace
from runtask.errors import ExitCode, RuntaskError
from runtask.redrive.letters import entry, entry_bytes
from runtask.redrive.plan import Decision, refusal_of, refusal_of_body
from runtask.redrive.queue import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from runtask.redrive.letters import DeadLetter
    from runtask.redrive.plan import Selection, Survey
    from runtask.redrive.queue import DeadLetterQueue

# What is received at once is sent within this time, far below that for which it is hidden.
_MAX_BATCH_SECONDS: Final = 60


class InterruptedRedriveError(RuntaskError):
    """Ctrl-C ended a redrive."""

    exit_code = ExitCode.INTERRUPTED


@dataclass(frozen=True, kw_only=True)
class Orders:
    """What to move, and how.

    Attributes:
        survey: What was found, and decided about each letter.
        selection: Which letters of a FIFO queue are meant that were behind others.
        behind: Whether those are moved too: each with the key and the body that it has.
        rate: Messages a second; None for no limit.
        progress: Is told how many were moved.
    """

    survey: Survey
    selection: Selection
    behind: bool = False
    rate: float | None = None
    progress: Callable[[int], None] = lambda _moved: None


class Move:
    """One redrive.

    Args:
        queue: The dead-letter queue.
        orders: What to move.
        sleep: Waits for some seconds.

    Attributes:
        moved: What is no longer in the dead-letter queue: the ids of its letters, and those of
            their messages in the work queue.
        in_doubt: The ids of letters that may be in both queues.
        refused: Why letters were not sent, by their ids.
    """

    def __init__(
        self, queue: DeadLetterQueue, orders: Orders, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._queue = queue
        self._orders = orders
        self._sleep = sleep
        self._pace = Pace(orders.rate)
        self._decisions = {one.letter.message_id: one for one in orders.survey.chosen}
        self._open = {one.letter.message_id for one in orders.survey.moving}
        self._behind = orders.behind
        self._used = {one.key for one in orders.survey.moving}
        self._sent: dict[str, str] = {}
        self._stopped_groups: set[str] = set()
        self.moved: dict[str, str] = {}
        self.in_doubt: set[str] = set()
        self.refused: dict[str, str] = {}

    def run(self) -> None:
        """Move everything.

        Raises:
            InterruptedRedriveError: if Ctrl-C ended it.
            RuntaskError: if SQS rejects a request, or does not answer.
        """
        try:
            while (self._open or self._behind) and (letters := self._queue.receive(self._size)):
                for part in self._parts(letters):
                    self._move(part)
        except KeyboardInterrupt:
            raise InterruptedRedriveError(f"interrupted; {self.so_far}") from None
        except RuntaskError as error:
            raise type(error)(f"{error}; {self.so_far}") from None
        finally:
            self._queue.show_again()

    @property
    def so_far(self) -> str:
        """How far it is, and how it goes on."""
        total = len(self._orders.survey.moving)
        text = f"{len(self.moved):,} of {total:,} letters were redriven"
        if self.in_doubt:
            text += (
                f"; {len(self.in_doubt):,} may be in both queues: they have the same key in both, "
                "so none of them starts a task twice"
            )
        return f"{text}; to go on, run the same command again"

    @property
    def decisions(self) -> list[Decision]:
        """What was decided about each letter that is selected."""
        return list(self._decisions.values())

    @property
    def missing(self) -> int:
        """How many letters were to be moved, and were not received any more."""
        return len(self._open - self.refused.keys())

    @property
    def _size(self) -> int:
        """How many letters are received at once."""
        rate = self._orders.rate
        return MAX_BATCH if rate is None else max(1, min(MAX_BATCH, int(rate * _MAX_BATCH_SECONDS)))

    def _parts(self, letters: Sequence[DeadLetter]) -> Iterator[list[DeadLetter]]:
        """Yield the letters that are to be moved, as many together as one call takes."""
        part: list[DeadLetter] = []
        size = 0
        for letter in letters:
            if self._decision(letter).refusal or letter.message_id in self.refused:
                # It is held until the end, and there can be many.
                self._queue.held[letter.message_id] = replace(letter, body="", attributes={})
                continue
            own = entry_bytes(self._entry(letter))
            full = len(part) == (1 if self._queue.fifo else MAX_BATCH)
            if part and (full or size + own > MAX_BATCH_BYTES):
                yield part
                part, size = [], 0
            part.append(letter)
            size += own
        if part:
            yield part

    def _decision(self, letter: DeadLetter) -> Decision:
        """Return what is done with a letter; that of one that was not surveyed is made now."""
        found = self._decisions.get(letter.message_id)
        if found is None:
            refusal = "not selected"
            # What comes back while the command runs was moved by it, and is left alone.
            if self._behind and letter in self._orders.selection and letter.key not in self._used:
                refusal = refusal_of(letter, relaunch=False)
                refusal = refusal or refusal_of_body(letter, letter.body, self._queue)
            found = Decision(
                letter=letter, digest=letter.body_digest, key=letter.key, refusal=refusal
            )
            if not refusal:
                self._decisions[letter.message_id] = found
                self._used.add(letter.key)
        return found

    def _entry(self, letter: DeadLetter) -> SendMessageBatchRequestEntryTypeDef:
        decision = self._decisions[letter.message_id]
        body = letter.body if decision.body is None else decision.body
        return entry(letter, body=body, key=decision.key, fifo=self._queue.fifo)

    def _move(self, part: Sequence[DeadLetter]) -> None:
        new = [one for one in part if one.message_id not in self._sent]
        if self._queue.fifo:
            # What follows in a group waits for what is before it.
            new = [one for one in new if one.group not in self._stopped_groups]
        if new:
            self._sleep(self._pace.delay(len(new)))
            self._send(new)
        self._delete([one for one in part if one.message_id in self._sent])

    def _send(self, letters: Sequence[DeadLetter]) -> None:
        ids = {letter.message_id for letter in letters}
        self.in_doubt |= ids
        sent, refused = self._queue.send([self._entry(letter) for letter in letters])
        self._sent.update(sent)
        self.refused.update(refused)
        self.in_doubt -= refused.keys()
        self._stopped_groups |= {
            one.group for one in letters if one.group and one.message_id in refused
        }

    def _delete(self, letters: Sequence[DeadLetter]) -> None:
        for one in self._queue.delete(letters):
            self._open.discard(one)
            self.in_doubt.discard(one)
            self.moved[one] = self._sent[one]
        self._orders.progress(len(self.moved))
