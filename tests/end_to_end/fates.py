"""What became of a message, in the facts that a test compares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from function.message.idempotency import KEY_ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.emulator.fault_injection import Call


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """A message as it was sent."""

    message_id: str
    key: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message in the dead-letter queue. The words of its error are asserted apart."""

    reason: str
    attempts: int
    message_id: str
    redrivable: bool
    key: str
    body: str
    error: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Lying:
    """A message as it lies in a queue, in sight or not."""

    message_id: str
    body: str
    receives: int
    first_received_at: float
    visible_at: float
    attributes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class End:
    """What became of a message: the three facts of every row."""

    tasks: int
    letters: tuple[Letter, ...] = ()
    left: int = 0


@dataclass(frozen=True, kw_only=True)
class Fate:
    """All that is known of one message."""

    sent: SentMessage
    end: End
    tasks: tuple[dict[str, Any], ...]
    calls: tuple[Call, ...]
    kept: tuple[str, ...]
    notices: tuple[dict[str, Any], ...]

    @property
    def error(self) -> str:
        """The words of the only letter's error."""
        (letter,) = self.end.letters
        return letter.error

    @property
    def answers(self) -> list[str]:
        """What RunTask answered, oldest first; empty where it answered with a task."""
        return [call.error for call in self.calls]


def launched(tasks: int = 1) -> End:
    """Return the end of a message that was launched, once."""
    return End(tasks=tasks)


def rejected(sent: SentMessage, reason: str, *, redrivable: bool = False, attempts: int = 1) -> End:
    """Return the end of a message that lies in the dead-letter queue, once, as it was sent."""
    letter = Letter(
        reason=reason,
        attempts=attempts,
        message_id=sent.message_id,
        redrivable=redrivable,
        key=sent.key,
        body=sent.body,
    )
    return End(tasks=0, letters=(letter,))


def lying_of(raw: Mapping[str, Any]) -> Lying:
    """Read a message as MiniStack shows it."""
    attributes = raw["MessageAttributes"].items()
    return Lying(
        message_id=raw["MessageId"],
        body=raw["Body"],
        receives=raw["ReceiveCount"],
        first_received_at=raw["FirstReceiveTimestamp"] or 0.0,
        visible_at=raw["VisibleAt"],
        attributes={name: value.get("StringValue", "") for name, value in attributes},
    )


def letter_of(lying: Lying) -> Letter:
    """Read a dead letter; one that SQS moved there by itself has no attributes of ours."""
    attributes = lying.attributes
    return Letter(
        reason=attributes.get("reason", "moved by SQS"),
        attempts=int(attributes.get("attempts", 0)),
        message_id=attributes.get("messageId", lying.message_id),
        redrivable={"true": True, "false": False}[attributes.get("redrivable", "false")],
        key=attributes.get(KEY_ATTRIBUTE, ""),
        body=lying.body,
        error=attributes.get("error", ""),
    )
