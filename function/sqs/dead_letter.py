"""Moves a rejected message to the dead-letter queue, with the reason.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from function.limits import MAX_MESSAGE_ATTRIBUTES, MAX_MESSAGE_BYTES
from function.message.idempotency import KEY_ATTRIBUTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs import SQSClient

    from function.failures.reasons import Failure
    from function.sqs.record import Record

Attributes = dict[str, dict[str, Any]]

_TRUNCATED: Final = " (the body was truncated to the size of a message)"


def send(sqs: SQSClient, queue_url: str, record: Record, failure: Failure, key: str | None) -> None:
    """Send a message to the dead-letter queue.

    The idempotency key goes with it, so that a redriven message does not start its tasks again.

    Args:
        sqs: A client for the dead-letter queue.
        queue_url: The dead-letter queue; a FIFO queue keeps the message's group.
        record: The rejected message.
        failure: The reason; its error is free of secrets.
        key: The message's idempotency key, None if it has no valid one.

    Raises:
        ClientError: if SQS refuses the message; BotoCoreError if it does not respond.
    """
    arguments: dict[str, Any] = {"QueueUrl": queue_url, **_entry(record, failure, key)}
    if queue_url.endswith(".fifo"):
        arguments["MessageGroupId"] = record.group or record.message_id
        # SQS drops a second copy of the same message within five minutes.
        arguments["MessageDeduplicationId"] = record.message_id
    sqs.send_message(**arguments)


def _entry(record: Record, failure: Failure, key: str | None) -> dict[str, Any]:
    """Return the body and attributes of the dead letter, within the size of a message."""
    attributes = _attributes(record, failure, key)
    body = record.body.encode()
    room = MAX_MESSAGE_BYTES - _size(attributes)
    if len(body) > room:
        # A body of nearly one mebibyte leaves no room for the reason, which matters more: no valid
        # request is that long. A truncated body cannot be redriven.
        attributes["error"]["StringValue"] += _TRUNCATED
        attributes["redrivable"]["StringValue"] = "false"
        room = MAX_MESSAGE_BYTES - _size(attributes)
        return {
            "MessageBody": body[:room].decode(errors="ignore"),
            "MessageAttributes": attributes,
        }
    for name, attribute in record.attributes.items():
        more = {**attributes, name: dict(attribute)}
        fits = len(body) + _size(more) <= MAX_MESSAGE_BYTES
        if name not in attributes and len(more) <= MAX_MESSAGE_ATTRIBUTES and fits:
            attributes = more
    return {"MessageBody": record.body, "MessageAttributes": attributes}


def _attributes(record: Record, failure: Failure, key: str | None) -> Attributes:
    texts = {
        "reason": failure.reason,
        "error": failure.error,
        "attempts": str(record.receives),
        "messageId": record.message_id,
        "redrivable": str(failure.redrivable).lower(),
    }
    if key is not None:
        texts[KEY_ATTRIBUTE] = key
    attributes: Attributes = {
        name: {"DataType": "String", "StringValue": text} for name, text in texts.items()
    }
    if KEY_ATTRIBUTE in record.attributes:  # as it was sent, even if it is not a valid key
        attributes[KEY_ATTRIBUTE] = dict(record.attributes[KEY_ATTRIBUTE])
    return attributes


def _size(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    return sum(
        len(name.encode())
        + len(attribute["DataType"].encode())
        + len(str(attribute.get("StringValue", "")).encode())
        + len(attribute.get("BinaryValue", b""))
        for name, attribute in attributes.items()
    )
