"""What became of a message, as the facts that a test compares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from function.message.idempotency import KEY_ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.emulator import Call


@dataclass(frozen=True, kw_only=True)
class SentMessage:
    """A message as it was sent."""

    message_id: str
    key: str
    body: str


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message in the DLQ; two are equal whatever the text of their errors."""

    reason: str
    attempts: int
    message_id: str
    redrivable: bool
    key: str
    body: str
    error: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class QueuedMessage:
    """A message in a queue, visible or not."""

    message_id: str
    body: str
    receives: int
    first_received_at: float
    visible_at: float
    attributes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class EndState:
    """Where a message ended: how many tasks, which dead letters, how often still in the queue."""

    tasks: int
    dead_letters: tuple[DeadLetter, ...] = ()
    left: int = 0


@dataclass(frozen=True, kw_only=True)
class MessageHistory:
    """All that is known of one message."""

    sent: SentMessage
    end: EndState
    tasks: tuple[dict[str, Any], ...]
    calls: tuple[Call, ...]
    returned: tuple[str, ...]
    notifications: tuple[dict[str, Any], ...]

    @property
    def error(self) -> str:
        """The error of the only dead letter."""
        (dead_letter,) = self.end.dead_letters
        return dead_letter.error

    @property
    def answers(self) -> list[str]:
        """What RunTask answered, oldest first; empty where it answered with a task."""
        return [call.error for call in self.calls]


def launched(tasks: int = 1) -> EndState:
    """Return the end of a message that was launched once."""
    return EndState(tasks=tasks)


def rejected(
    sent: SentMessage, reason: str, *, redrivable: bool = False, attempts: int = 1
) -> EndState:
    """Return the end of a message that is in the DLQ once, as it was sent."""
    dead_letter = DeadLetter(
        reason=reason,
        attempts=attempts,
        message_id=sent.message_id,
        redrivable=redrivable,
        key=sent.key,
        body=sent.body,
    )
    return EndState(tasks=0, dead_letters=(dead_letter,))


def read_queued_message(raw: Mapping[str, Any]) -> QueuedMessage:
    """Read a message as MiniStack shows it."""
    attributes = raw["MessageAttributes"].items()
    return QueuedMessage(
        message_id=raw["MessageId"],
        body=raw["Body"],
        receives=raw["ReceiveCount"],
        first_received_at=raw["FirstReceiveTimestamp"] or 0.0,
        visible_at=raw["VisibleAt"],
        attributes={name: value.get("StringValue", "") for name, value in attributes},
    )


def read_dead_letter(message: QueuedMessage) -> DeadLetter:
    """Read a dead letter; one that SQS moved there itself has no attributes of ours."""
    attributes = message.attributes
    return DeadLetter(
        reason=attributes.get("reason", "moved by SQS"),
        attempts=int(attributes.get("attempts", 0)),
        message_id=attributes.get("messageId", message.message_id),
        redrivable={"true": True, "false": False}[attributes.get("redrivable", "false")],
        key=attributes.get(KEY_ATTRIBUTE, ""),
        body=message.body,
        error=attributes.get("error", ""),
    )
