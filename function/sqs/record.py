"""The records of the event that SQS sends to the function.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_SOURCE: Final = "aws:sqs"
_MILLISECONDS: Final = 1000


class EventError(ValueError):
    """The event is not an SQS batch. The message quotes nothing of the event."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One delivery of one message.

    Attributes:
        message_id: The message's id in SQS.
        receipt_handle: The handle of this delivery.
        body: The message's body, as text.
        receives: How often the message has been received, this time included.
        sent_at: When it was sent, in seconds since 1970.
        first_received_at: When it was received for the first time, in seconds since 1970.
        group: The message group; None if there is none.
        attributes: The sender's message attributes, as SendMessage takes them.
        queue: The name of the queue; empty if the event does not tell.
    """

    message_id: str
    receipt_handle: str
    body: str
    receives: int
    sent_at: float
    first_received_at: float
    group: str | None
    attributes: Mapping[str, Mapping[str, Any]]
    queue: str = ""


def records_of(event: object) -> list[Record]:
    """Return the records of an SQS event.

    Raises:
        EventError: if it is any other event.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        raise EventError("the event is not an SQS batch: it has no list `Records`")
    for record in records:
        source = record.get("eventSource") if isinstance(record, Mapping) else None
        if source != _SOURCE:
            raise EventError(f"the event is not an SQS batch: expected records of {_SOURCE}")
    try:
        return [_record(record) for record in records]
    except KeyError as error:
        raise EventError(f"the event is not an SQS batch: a record has no {error}") from None


def _record(record: Mapping[str, Any]) -> Record:
    system = record["attributes"]
    return Record(
        message_id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        receives=int(system["ApproximateReceiveCount"]),
        sent_at=int(system["SentTimestamp"]) / _MILLISECONDS,
        first_received_at=int(
            system.get("ApproximateFirstReceiveTimestamp") or system["SentTimestamp"]
        )
        / _MILLISECONDS,
        group=system.get("MessageGroupId"),
        attributes={
            name: _attribute(value) for name, value in record.get("messageAttributes", {}).items()
        },
        queue=record.get("eventSourceARN", "").rpartition(":")[2],
    )


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message attribute as SendMessage takes it.

    Lambda's names begin in lower case, and it encodes binary values in base64.
    """
    attribute: dict[str, Any] = {"DataType": value.get("dataType", "String")}
    if value.get("stringValue") is not None:
        attribute["StringValue"] = value["stringValue"]
    elif value.get("binaryValue") is not None:
        attribute["BinaryValue"] = base64.b64decode(value["binaryValue"])
    return attribute
