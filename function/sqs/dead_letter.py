"""The dead-letter queue: a message that is given up, with the reason.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from function.limits import MAX_MESSAGE_ATTRIBUTES, MAX_MESSAGE_BYTES
from function.message.idempotency import KEY_ATTRIBUTE, valid_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_sqs import SQSClient

    from function.failures.reasons import Failure
    from function.sqs.record import Record

Attributes = dict[str, dict[str, Any]]

_CUT: Final = " (the body was cut to the size of a message)"


def send(sqs: SQSClient, queue_url: str, record: Record, failure: Failure) -> None:
    """Send a message to the dead-letter queue.

    Its key goes along, so that a message that is redriven still starts its task only once.

    Args:
        sqs: the client.
        queue_url: of the dead-letter queue; a FIFO queue keeps the message's group.
        record: the message.
        failure: the reason, with a text that holds no secrets.

    Raises:
        ClientError: from SendMessage, as `BotoCoreError`.
    """
    arguments: dict[str, Any] = {"QueueUrl": queue_url, **_entry(record, failure)}
    if queue_url.endswith(".fifo"):
        arguments["MessageGroupId"] = record.group or record.message_id
        # A second send of the same message within five minutes is dropped by SQS.
        arguments["MessageDeduplicationId"] = record.message_id
    sqs.send_message(**arguments)


def _entry(record: Record, failure: Failure) -> dict[str, Any]:
    ours = _attributes(record, failure.error, redrivable=failure.redrivable, reason=failure.reason)
    body, room = record.body, MAX_MESSAGE_BYTES - _size(ours)
    if len(body.encode()) > room:
        # A body of nearly a mebibyte leaves no room for the reason, which matters more: no body
        # of that size is a valid request. What is cut off cannot be redriven.
        ours = _attributes(record, failure.error + _CUT, redrivable=False, reason=failure.reason)
        room = MAX_MESSAGE_BYTES - _size(ours)
        return {
            "MessageBody": body.encode()[:room].decode(errors="ignore"),
            "MessageAttributes": ours,
        }
    for name, attribute in record.attributes.items():
        more = {**ours, name: dict(attribute)}
        fits = len(body.encode()) + _size(more) <= MAX_MESSAGE_BYTES
        if name not in ours and len(more) <= MAX_MESSAGE_ATTRIBUTES and fits:
            ours = more
    return {"MessageBody": body, "MessageAttributes": ours}


def _attributes(record: Record, error: str, *, redrivable: bool, reason: str) -> Attributes:
    texts = {
        "reason": reason,
        "error": error,
        "attempts": str(record.receives),
        "messageId": record.message_id,
        "redrivable": str(redrivable).lower(),
    }
    sent = record.attributes.get(KEY_ATTRIBUTE, {}).get("StringValue")
    if sent is None and KEY_ATTRIBUTE not in record.attributes and valid_key(record.message_id):
        texts[KEY_ATTRIBUTE] = record.message_id
    attributes: Attributes = {
        name: {"DataType": "String", "StringValue": text} for name, text in texts.items()
    }
    if KEY_ATTRIBUTE in record.attributes:  # the sender's own, also where it is no valid key
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
