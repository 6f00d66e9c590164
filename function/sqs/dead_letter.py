"""Moves a rejected message to the dead-letter queue, with the reason.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from function.limits import (
    FORMER_MAX_MESSAGE_BYTES,
    MAX_MESSAGE_ATTRIBUTES,
    MAX_MESSAGE_BYTES,
)
from function.message.idempotency import KEY_ATTRIBUTE, ORIGIN_ATTRIBUTE, TASKS_ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs import SQSClient

    from function.failures.reasons import Failure
    from function.sqs.record import Record

Attributes = dict[str, dict[str, Any]]

# What `error` ends with where the body is not whole.
TRUNCATED: Final = " (the body was truncated to the size of a message)"

# How SQS refuses a message that is too long for the queue.
_TOO_LONG: Final = frozenset({"InvalidParameterValue", "InvalidMessageContents"})

# What stands for a key that is an empty text, which SQS does not take as a value.
_EMPTY_KEY: Final = "(empty)"


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a dead letter says of its message.

    Attributes:
        failure: The reason; its error is free of secrets.
        key: The message's idempotency key, None if it has no valid one.
        origin: The id of the message that was sent first.
        tasks: How many of its tasks were started.
    """

    failure: Failure
    key: str | None
    origin: str
    tasks: str


def send(sqs: SQSClient, queue_url: str, record: Record, letter: Letter) -> None:
    """Send a message to the dead-letter queue.

    The idempotency key goes with it, so that a redriven message does not start its tasks again.

    Args:
        sqs: A client for the dead-letter queue.
        queue_url: The dead-letter queue, which keeps the message's group.
        record: The rejected message.
        letter: What to say of it.

    Raises:
        ClientError: if SQS refuses the message; BotoCoreError if it does not respond.
    """
    arguments: dict[str, Any] = {"QueueUrl": queue_url}
    if record.group is not None:  # on a standard queue, the sender's tenant
        arguments["MessageGroupId"] = record.group
    if queue_url.endswith(".fifo"):
        arguments.setdefault("MessageGroupId", record.message_id)
        # SQS drops a second copy of the same message within five minutes.
        arguments["MessageDeduplicationId"] = record.message_id
    whole = _entry(record, letter, MAX_MESSAGE_BYTES)
    try:
        sqs.send_message(**arguments, **whole)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code.rpartition(".")[2] not in _TOO_LONG or _length(whole) <= FORMER_MAX_MESSAGE_BYTES:
            raise
        # The queue was made when messages were shorter.
        sqs.send_message(**arguments, **_entry(record, letter, FORMER_MAX_MESSAGE_BYTES))


def _entry(record: Record, letter: Letter, max_bytes: int) -> dict[str, Any]:
    """Return the body and attributes of the dead letter, within the size of a message."""
    attributes = _attributes(record, letter)
    body = record.body.encode()
    room = max_bytes - size_of(attributes)
    if len(body) > room:
        # A body of nearly one mebibyte leaves no room for the reason, which matters more: no valid
        # request is that long. A truncated body cannot be redriven.
        attributes["error"]["StringValue"] += TRUNCATED
        attributes["redrivable"]["StringValue"] = "false"
        room = max_bytes - size_of(attributes)
        return {
            "MessageBody": body[:room].decode(errors="ignore"),
            "MessageAttributes": attributes,
        }
    for name, attribute in record.attributes.items():
        more = {**attributes, name: dict(attribute)}
        fits = len(body) + size_of(more) <= max_bytes
        if name not in attributes and len(more) <= MAX_MESSAGE_ATTRIBUTES and fits:
            attributes = more
    return {"MessageBody": record.body, "MessageAttributes": attributes}


def _attributes(record: Record, letter: Letter) -> Attributes:
    failure = letter.failure
    texts = {
        "reason": failure.reason,
        "error": failure.error,
        "attempts": str(record.receives),
        ORIGIN_ATTRIBUTE: letter.origin,
        "redrivable": str(failure.redrivable).lower(),
        TASKS_ATTRIBUTE: letter.tasks,
        KEY_ATTRIBUTE: letter.key or _EMPTY_KEY,
    }
    attributes: Attributes = {
        name: {"DataType": "String", "StringValue": text} for name, text in texts.items()
    }
    sent = record.attributes.get(KEY_ATTRIBUTE, {})
    if sent.get("StringValue") or sent.get("BinaryValue"):  # as it was sent, even if not valid
        attributes[KEY_ATTRIBUTE] = dict(sent)
    return attributes


def _length(entry: Mapping[str, Any]) -> int:
    return len(entry["MessageBody"].encode()) + size_of(entry["MessageAttributes"])


def size_of(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the bytes of message attributes, as SQS counts them."""
    return sum(
        len(name.encode())
        + len(attribute["DataType"].encode())
        + len(str(attribute.get("StringValue", "")).encode())
        + len(attribute.get("BinaryValue", b""))
        for name, attribute in attributes.items()
    )
