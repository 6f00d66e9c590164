"""A dead letter, and the message that is made of it again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from function import event_bodies
from function.limits import MAX_KEY_LENGTH, MAX_MESSAGE_ATTRIBUTES, MAX_MESSAGE_BYTES
from function.message.idempotency import (
    KEY_ATTRIBUTE,
    ORIGIN_ATTRIBUTE,
    TASKS_ATTRIBUTE,
    valid_key,
)
from function.processor import RESTART
from function.sqs.dead_letter import TRUNCATED, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs.type_defs import MessageTypeDef, SendMessageBatchRequestEntryTypeDef

    from function.settings import Settings

# What stands for a reason where SQS moved a message, because its function crashed on it again and
# again.
MOVED_BY_SQS: Final = "moved-by-sqs"

# Attributes that are about the rejection, not about the message.
_OF_THE_LETTER: Final = frozenset({"reason", "error", "attempts", "redrivable"})

# What the handler needs of a message that is sent again; the sender's attributes come after these.
_NEEDED: Final[tuple[str, ...]] = (KEY_ATTRIBUTE, ORIGIN_ATTRIBUTE, TASKS_ATTRIBUTE)

# The system attribute of a message that SQS has moved.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
_SOURCE: Final = "DeadLetterQueueSourceArn"

# Hexadecimal digits that tell a derived key from the one before, and those that tell one sending
# from another.
_KEY_DIGITS: Final = 10
_SENDING_DIGITS: Final = 32

_MILLISECONDS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message of the dead-letter queue, as it was received.

    Attributes:
        message_id: What SQS calls it there.
        receipt_handle: The handle of this receive.
        body: The message's body.
        attributes: Its attributes, as SendMessage takes them.
        group: Its message group; None if there is none.
        sent_at: When it came into the queue, or, of one that SQS has moved, when it was first sent.
        moved: Whether SQS has moved it.
        event_key: The key of the event that the body is; None if it is none.
    """

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, Mapping[str, Any]]
    group: str | None
    sent_at: float
    moved: bool
    event_key: str | None = None

    @property
    def reason(self) -> str:
        """Why it is a dead letter."""
        return MOVED_BY_SQS if self.moved else self._text("reason")

    @property
    def error(self) -> str:
        """What was found; free of secrets."""
        return "" if self.moved else self._text("error")

    @property
    def redrivable(self) -> bool:
        """Whether the same message can succeed once the cause is fixed."""
        return self.moved or self._text("redrivable") == "true"

    @property
    def truncated(self) -> bool:
        """Whether the body is not whole."""
        return self.error.endswith(TRUNCATED)

    @property
    def is_restart(self) -> bool:
        """Whether the stage itself has sent it, to start tasks again."""
        return self.body.startswith(RESTART)

    @property
    def tasks(self) -> str:
        """How many of its tasks were started; empty if nothing tells."""
        return self._text(TASKS_ATTRIBUTE)

    @property
    def origin(self) -> str:
        """The id of the message that was sent first."""
        return self._text(ORIGIN_ATTRIBUTE) or self.message_id

    @property
    def key(self) -> str:
        """Its idempotency key, valid or not: without one of its sender's, what the handler used."""
        if KEY_ATTRIBUTE in self.attributes:
            return self._text(KEY_ATTRIBUTE)
        return self.event_key or self.message_id

    @property
    def body_digest(self) -> str:
        """The SHA-256 of the body."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    def _text(self, name: str) -> str:
        return str(self.attributes.get(name, {}).get("StringValue", ""))


def read_letter(message: MessageTypeDef, settings: Settings) -> DeadLetter:
    """Return a dead letter.

    Args:
        message: What ReceiveMessage returned.
        settings: The stage's templates, which give events their keys.
    """
    system: Mapping[str, str] = message.get("Attributes", {})  # type: ignore[assignment]
    attributes = {
        name: _sendable(value) for name, value in message.get("MessageAttributes", {}).items()
    }
    body = message["Body"]
    return DeadLetter(
        message_id=message["MessageId"],
        receipt_handle=message["ReceiptHandle"],
        body=body,
        attributes=attributes,
        group=system.get("MessageGroupId"),
        sent_at=int(system.get("SentTimestamp", "0")) / _MILLISECONDS,
        moved=_SOURCE in system or "reason" not in attributes,
        event_key=None if KEY_ATTRIBUTE in attributes else event_bodies.key_in(body, settings),
    )


def relaunch_key(letter: DeadLetter, digest: str) -> str:
    """Return the key under which the tasks of a letter are started again.

    It depends on nothing but the key and the body: letters of one message have the same one, and so
    has a redrive that was interrupted and is begun again.

    Args:
        letter: The dead letter.
        digest: The SHA-256 of its body.
    """
    names = (letter.key, letter.origin, letter.message_id)
    former = next(name for name in names if valid_key(name))
    digits = hashlib.sha256(f"{former}\0{digest}".encode()).hexdigest()[:_KEY_DIGITS]
    suffix = f"-r{digits}"
    return f"{former[: MAX_KEY_LENGTH - len(suffix)]}{suffix}"


def entry(
    letter: DeadLetter, *, body: str, key: str, fifo: bool
) -> SendMessageBatchRequestEntryTypeDef:
    """Return the message that is made of a dead letter, as an entry of SendMessageBatch.

    Args:
        letter: The dead letter.
        body: Its body, or what it was changed to.
        key: Its key, or the one under which its tasks are started again.
        fifo: Whether the queues are FIFO queues.
    """
    attributes = _attributes(letter, body, key)
    made: SendMessageBatchRequestEntryTypeDef = {
        "Id": letter.message_id,
        "MessageBody": body,
        "MessageAttributes": attributes,
    }
    if letter.group is not None:
        made["MessageGroupId"] = letter.group
    if fifo:
        made.setdefault("MessageGroupId", letter.message_id)
        # Not the key: SQS would drop what is sent with the same one within five minutes of the
        # first sending, and the letter would be lost.
        content = f"{letter.message_id}\0{key}\0{body}"
        digits = hashlib.sha256(content.encode()).hexdigest()[:_SENDING_DIGITS]
        made["MessageDeduplicationId"] = f"redrive-{digits}"
    return made


def entry_bytes(made: SendMessageBatchRequestEntryTypeDef) -> int:
    """Return the size of an entry as SQS counts it."""
    attributes: Any = made.get("MessageAttributes", {})
    return len(made["MessageBody"].encode()) + size_of(attributes)


def _attributes(letter: DeadLetter, body: str, key: str) -> dict[str, Any]:
    own: dict[str, Any] = {
        name: dict(value)
        for name, value in letter.attributes.items()
        if name not in _OF_THE_LETTER or letter.moved
    }
    for name, text in ((KEY_ATTRIBUTE, key), (ORIGIN_ATTRIBUTE, letter.origin)):
        own[name] = {"DataType": "String", "StringValue": text}
    if key != letter.key:
        own.pop(TASKS_ATTRIBUTE, None)  # none was started for the new key
    found: dict[str, Any] = {name: own[name] for name in _NEEDED if name in own}
    for name, value in own.items():
        more = {**found, name: value}
        fits = len(body.encode()) + size_of(more) <= MAX_MESSAGE_BYTES
        if fits and len(more) <= MAX_MESSAGE_ATTRIBUTES:
            found = more
    return found


def _sendable(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message attribute without what SendMessage does not take."""
    names = ("DataType", "StringValue", "BinaryValue")
    return {name: value[name] for name in names if value.get(name) is not None}
