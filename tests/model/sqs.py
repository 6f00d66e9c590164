"""A model of SQS, and of the event source mapping that hands a queue to the function.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
import itertools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.model.clock import EPOCH
from tests.model.wire import error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bench.kernel import Kernel
    from tests.model.wire import Wire

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_MESSAGE_BYTES: Final = 1_048_576
MAX_ATTRIBUTES: Final = 10
MAX_ENTRIES: Final = 10
MAX_VISIBILITY_SECONDS: Final = 43_200

_MILLISECONDS: Final = 1000

Attributes = dict[str, dict[str, Any]]


@dataclass(kw_only=True, eq=False)
class Message:
    """A message in a queue, with what SQS knows of it.

    Attributes:
        id: SQS's.
        origin: id of the message that a sender sent; it stays the same through dead letters.
        body: the text.
        attributes: as SendMessage takes them.
        sent_at: when it was sent, on the kernel's time; a move by SQS keeps it.
        moved_by_sqs: whether SQS moved it to this queue.
        receives: how often it was received.
        first_received_at: on the kernel's time.
        visible_at: from then on it can be received.
        receipt: of the last receive.
        gone: deleted, moved or dropped.
        echoes: so many receives more leave it visible.
    """

    id: str
    origin: str
    body: str
    attributes: Attributes
    sent_at: float
    moved_by_sqs: bool = False
    receives: int = 0
    first_received_at: float | None = None
    visible_at: float = 0.0
    receipt: str = ""
    gone: bool = False
    echoes: int = 0

    def attribute(self, name: str) -> str | None:
        """Return the text of an attribute."""
        value = self.attributes.get(name, {}).get("StringValue")
        return None if value is None else str(value)


@dataclass(kw_only=True, eq=False)
class Queue:
    """A standard queue.

    Attributes:
        kernel: tells time.
        retention_seconds: after which SQS drops a message without a word.
        visibility_seconds: of a receive.
        max_receives: after so many SQS moves the message to the dead-letter queue.
        dead: the dead-letter queue.
        on_drop: is told of messages that the retention ended.
        on_move: is told of messages that SQS moved to the dead-letter queue.
        ids: numbers to make message ids of; queues of one account share them.
        messages: that were ever in the queue and may come back as a duplicate.
    """

    kernel: Kernel
    retention_seconds: float
    visibility_seconds: float = 360.0
    max_receives: int = 1000
    dead: Queue | None = None
    on_drop: Callable[[Message], None] = lambda _message: None
    on_move: Callable[[Message], None] = lambda _message: None
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    messages: list[Message] = field(default_factory=list)

    def send(
        self, body: str, attributes: Mapping[str, Any], origin: str = "", delay: float = 0.0
    ) -> Message:
        """Put a message in, and return it."""
        number = str(uuid.UUID(int=next(self.ids), version=4))
        message = Message(
            id=number,
            origin=origin or number,
            body=body,
            attributes={name: dict(value) for name, value in attributes.items()},
            sent_at=self.kernel.now,
            visible_at=self.kernel.now + delay,
        )
        self.messages.append(message)
        return message

    @property
    def live(self) -> list[Message]:
        """The messages that are in the queue, in flight or not."""
        now = self.kernel.now
        for message in self.messages:
            if not message.gone and now - message.sent_at >= self.retention_seconds:
                message.gone = True
                self.on_drop(message)
        return [message for message in self.messages if not message.gone]

    @property
    def visible(self) -> list[Message]:
        """The messages that can be received now, those first that have waited longest."""
        now = self.kernel.now
        seen = [message for message in self.live if message.visible_at <= now]
        return sorted(seen, key=lambda message: message.visible_at)

    def receive(self, most: int) -> list[Message]:
        """Return visible messages, out of sight from now on."""
        batch: list[Message] = []
        for message in self.visible:
            if len(batch) == most:
                break
            if message.receives >= self.max_receives and self.dead is not None:
                self.move(message)
                continue
            message.receives += 1
            if message.first_received_at is None:
                message.first_received_at = self.kernel.now
            if message.echoes:
                message.echoes -= 1
            else:
                message.visible_at = self.kernel.now + self.visibility_seconds
            message.receipt = f"{message.id}#{message.receives}"
            batch.append(message)
        return batch

    def move(self, message: Message) -> None:
        """Move a message to the dead-letter queue as SQS does: same id, attributes and age."""
        if self.dead is None:
            raise LookupError("the queue has no dead-letter queue")
        message.gone = True
        moved = Message(
            id=message.id,
            origin=message.origin,
            body=message.body,
            attributes=message.attributes,
            sent_at=message.sent_at,
            moved_by_sqs=True,
            visible_at=self.kernel.now,
        )
        self.dead.messages.append(moved)
        self.on_move(moved)

    def hide(self, receipt: str, seconds: float) -> str:
        """Set the visibility timeout of a delivery; return an error code, or nothing."""
        message = self._of(receipt)
        if message is None:
            return "ReceiptHandleIsInvalid"
        if message.gone or message.visible_at <= self.kernel.now or message.receipt != receipt:
            return "MessageNotInflight"
        message.visible_at = self.kernel.now + seconds
        return ""

    def delete(self, receipt: str) -> None:
        """Delete a message; with the receipt of an older delivery nothing happens."""
        message = self._of(receipt)
        if message is not None and message.receipt == receipt:
            message.gone = True

    def duplicate(self, message: Message, echoes: int = 0) -> None:
        """Let a message be received again, although it is in flight or was deleted.

        Args:
            message: of this queue.
            echoes: how many environments more receive it at the same time.
        """
        message.echoes = echoes
        message.gone = False
        message.visible_at = self.kernel.now

    def _of(self, receipt: str) -> Message | None:
        number = receipt.partition("#")[0]
        return next((message for message in self.messages if message.id == number), None)


def redrive(letter: Message, dead: Queue, work: Queue, *, ours: bool = True) -> Message:
    """Send a dead letter to the work queue again, with a new message id and age.

    Args:
        letter: in the dead-letter queue.
        dead: the dead-letter queue.
        work: the queue that it goes to.
        ours: a letter that SQS moved, so without these attributes, gets its message id as `key`
            and as `messageId`, as our own redrive does it; a redrive by SQS leaves it without.
    """
    letter.gone = True
    attributes = dict(letter.attributes)
    if ours:
        for name in ("key", "messageId"):
            attributes.setdefault(name, {"DataType": "String", "StringValue": letter.id})
    if letter not in dead.messages:
        raise LookupError("the letter is in another queue")
    return work.send(letter.body, attributes, letter.origin)


def record_of(
    message: Message, region: str = "eu-central-1", queue: str = "work"
) -> dict[str, Any]:
    """Return the record of a delivery, as Lambda hands it to the function."""
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": str(message.receives),
            "SentTimestamp": _stamp(message.sent_at),
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": _stamp(message.first_received_at or 0.0),
        },
        "messageAttributes": {
            name: _lambda_attribute(value) for name, value in message.attributes.items()
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{region}:111111111111:{queue}",
        "awsRegion": region,
    }


def _stamp(moment: float) -> str:
    return str(int((EPOCH + moment) * _MILLISECONDS))


def _lambda_attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    spelled: dict[str, Any] = {"dataType": value["DataType"]}
    if "StringValue" in value:
        spelled["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        spelled["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return spelled


@dataclass(frozen=True, kw_only=True)
class SqsClient:
    """The client of one execution environment.

    Attributes:
        wire: carries the calls.
        work: the work queue.
        dead: the dead-letter queue.
        work_url: of the work queue.
        dead_url: of the dead-letter queue.
        on_letter: is told of each dead letter that the handler sent.
    """

    wire: Wire
    work: Queue
    dead: Queue
    work_url: str
    dead_url: str
    on_letter: Callable[[Message], None]

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - as boto3's
        Entries: list[dict[str, Any]],  # noqa: N803 - as boto3's
    ) -> dict[str, Any]:
        """Hide messages."""
        return self.wire.call(
            "ChangeMessageVisibilityBatch", lambda: self._change(QueueUrl, Entries)
        )

    def send_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - as boto3's
        MessageBody: str,  # noqa: N803 - as boto3's
        MessageAttributes: Attributes,  # noqa: N803 - as boto3's
        **_: Any,
    ) -> dict[str, Any]:
        """Send a dead letter."""
        return self.wire.call(
            "SendMessage", lambda: self._send(QueueUrl, MessageBody, MessageAttributes)
        )

    def _change(self, url: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
        queue = self._queue(url, "ChangeMessageVisibilityBatch")
        if not 1 <= len(entries) <= MAX_ENTRIES:
            raise error_of("TooManyEntriesInBatchRequest", "", "ChangeMessageVisibilityBatch")
        failed = []
        for entry in entries:
            seconds = entry["VisibilityTimeout"]
            good = isinstance(seconds, int) and 0 <= seconds <= MAX_VISIBILITY_SECONDS
            code = queue.hide(entry["ReceiptHandle"], seconds) if good else "InvalidParameterValue"
            if code:
                failed.append({"Id": entry["Id"], "Code": code, "SenderFault": True})
        return {"Successful": [], "Failed": failed}

    def _queue(self, url: str, operation: str) -> Queue:
        if url != self.work_url:
            raise error_of("QueueDoesNotExist", url, operation)
        return self.work

    def _send(self, url: str, body: str, attributes: Attributes) -> dict[str, Any]:
        if url != self.dead_url:
            raise error_of("QueueDoesNotExist", url, "SendMessage")
        size = len(body.encode()) + sum(
            len(name.encode())
            + len(value["DataType"])
            + len(str(value.get("StringValue", "")).encode())
            + len(value.get("BinaryValue", b""))
            for name, value in attributes.items()
        )
        empty = any(value.get("StringValue") == "" for value in attributes.values())
        if not body or empty or size > MAX_MESSAGE_BYTES or len(attributes) > MAX_ATTRIBUTES:
            raise error_of("InvalidParameterValue", "the message is not valid", "SendMessage")
        letter = self.dead.send(body, attributes)
        self.on_letter(letter)
        return {"MessageId": letter.id}
