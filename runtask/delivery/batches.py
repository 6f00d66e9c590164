"""Messages as entries of SendMessageBatch, as many as one call takes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from function.limits import MAX_MESSAGE_BYTES
from function.message.idempotency import KEY_ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from runtask.messages import Message

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MAX_BATCH_MESSAGES: Final = 10

# Bytes of all messages of a batch together.
MAX_BATCH_BYTES: Final = MAX_MESSAGE_BYTES

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
MAX_GROUP_LENGTH: Final = 128
_GROUP: Final = re.compile(rf"[!-~]{{1,{MAX_GROUP_LENGTH}}}")

_ATTRIBUTE_BYTES: Final = len(KEY_ATTRIBUTE) + len("String")


def message_bytes(message: Message) -> int:
    """Return the size of a message as SQS counts it, with its attributes."""
    return len(message.body.encode()) + _ATTRIBUTE_BYTES + len(message.key)


def valid_group(group: str) -> bool:
    """Return whether a text can be a message group: 1 to 128 letters, digits and punctuation."""
    return _GROUP.fullmatch(group) is not None


def batches(messages: Sequence[Message], positions: Iterable[int]) -> list[tuple[int, ...]]:
    """Return the positions of messages, as many together as one call takes.

    Args:
        messages: All messages.
        positions: Those to send, in their order.
    """
    found: list[tuple[int, ...]] = []
    batch: list[int] = []
    total = 0
    for position in positions:
        size = message_bytes(messages[position])
        if batch and (len(batch) == MAX_BATCH_MESSAGES or total + size > MAX_BATCH_BYTES):
            found.append(tuple(batch))
            batch, total = [], 0
        batch.append(position)
        total += size
    if batch:
        found.append(tuple(batch))
    return found


def entry(position: int, message: Message, *, fifo: bool) -> SendMessageBatchRequestEntryTypeDef:
    """Return an entry of SendMessageBatch.

    Args:
        position: The number of the message, by which the answer names it.
        message: The message.
        fifo: Whether the queue is a FIFO queue, which needs a group and a deduplication id.
    """
    made: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(position),
        "MessageBody": message.body,
        "MessageAttributes": {KEY_ATTRIBUTE: {"DataType": "String", "StringValue": message.key}},
    }
    if message.group is not None:
        made["MessageGroupId"] = message.group
    if fifo:
        made["MessageGroupId"] = message.group or message.key
        made["MessageDeduplicationId"] = message.key
    return made
