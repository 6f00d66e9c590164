"""Recognises the notifications of AWS services that wrap or stand in for a request.

Where the stage has a template for an event, the request is made of it. Every other notification is
rejected with an error that says how to configure its source.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote_plus

from function.failures.reasons import PermanentFailure
from function.limits import MAX_KEY_LENGTH

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# The name of the message attribute of an SNS message with which its publisher sets the key.
_KEY: Final = "key"

# Where a template would make a request of the notification.
_TEMPLATE: Final = "or set ecs-run-task:templates in the stage's file"

_S3_KEY_PREFIX: Final = "s3-"
_OTHER_KEY_PREFIX: Final = "event-"
_DIGEST_LENGTH: Final = 40


class Event(NamedTuple):
    """An event of which a template makes a request.

    Attributes:
        source: The kind of event, as the option `templates` names it.
        content: What the template's expression is applied to.
        key: The idempotency key that the event gives its message; None if it has no id.
    """

    source: str
    content: Mapping[str, Any]
    key: str | None


def event_of(content: Mapping[str, Any], sources: Collection[str]) -> Event | None:
    """Return the event that a body is, None if it is no event that has a template.

    Args:
        content: The body's object.
        sources: The kinds of events that have a template.
    """
    if not sources:
        return None
    message = _sns_message(content)
    if message is not None:
        # What S3 sends through a topic is an event of S3.
        inner = _s3_event(message) if "s3" in sources and isinstance(message, dict) else None
        if inner is not None:
            return inner._replace(key=_sns_key(content) or inner.key)
        if "sns" in sources:
            key = _sns_key(content) or _key(content.get("MessageId"))
            return Event("sns", {**content, "Message": message}, key)
        return None
    if "eventbridge" in sources and _is_eventbridge(content):
        return Event("eventbridge", content, _key(content.get("id")))
    return _s3_event(content) if "s3" in sources else None


def is_test(content: object, sources: Collection[str]) -> bool:
    """Return whether a body is S3's test event, where the stage expects events of S3.

    S3 sends it when a notification is configured, directly or through a topic.

    Args:
        content: The body's value.
        sources: The kinds of events that have a template.
    """
    if "s3" not in sources or not isinstance(content, dict):
        return False
    message = _sns_message(content)
    return _is_s3_test(content if message is None else message)


def check(content: Mapping[str, Any]) -> None:
    """Check that a body is not the notification of an AWS service.

    Args:
        content: The body's object.

    Raises:
        PermanentFailure: `envelope`.
    """
    problem = _problem(content)
    if problem is not None:
        raise PermanentFailure("envelope", f"the body: expected a request, got {problem}")


def _problem(content: Mapping[str, Any]) -> str | None:
    if "TopicArn" in content and "SubscribeURL" in content:
        return "a message of SNS about a subscription; confirm it with its SubscribeURL"
    if "TopicArn" in content and "Message" in content:
        return (
            "an SNS notification; enable raw message delivery on the subscription:"
            f" RawMessageDelivery=true, {_TEMPLATE}: sns"
        )
    if _is_eventbridge(content):
        return (
            "an EventBridge event; set an input transformer on the rule's target that makes the"
            f" request, {_TEMPLATE}: eventbridge"
        )
    if _is_s3_test(content):
        return "an S3 test event, which S3 sends when a notification is configured"
    return _records_problem(_records(content))


def _records_problem(records: list[dict[str, Any]]) -> str | None:
    if not records:
        return None
    if records[0].get("eventSource") == "aws:s3":
        if len(records) > 1:
            return f"an S3 event notification with {len(records)} records; expected one"
        return (
            "an S3 event notification; send it to EventBridge instead, and set an input"
            f" transformer on the rule's target that makes the request, {_TEMPLATE}: s3"
        )
    if records[0].get("EventSource") == "aws:sns":
        return "an SNS event; enable raw message delivery on the subscription"
    return None


def _is_eventbridge(content: Mapping[str, Any]) -> bool:
    return "detail-type" in content and "detail" in content


def _is_s3_test(content: object) -> bool:
    return (
        isinstance(content, dict) and content.get("Event") == "s3:TestEvent" and "Bucket" in content
    )


def _records(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the records of a notification; empty if they are something else."""
    records = content.get("Records")
    if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
        return []
    return records


def _sns_message(content: Mapping[str, Any]) -> object:
    """Return what an SNS notification holds, parsed if it is JSON; None if it is none.

    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
    """
    message = content.get("Message")
    if content.get("Type", "Notification") != "Notification" or "TopicArn" not in content:
        return None
    if not isinstance(message, str):
        return None
    try:
        parsed = json.loads(message)
    except ValueError:
        return message
    return message if parsed is None else parsed


def _sns_key(content: Mapping[str, Any]) -> str | None:
    """Return the key that the publisher of an SNS message has set; None if there is none."""
    attributes = content.get("MessageAttributes")
    attribute = attributes.get(_KEY) if isinstance(attributes, dict) else None
    value = attribute.get("Value") if isinstance(attribute, dict) else None
    return value if isinstance(value, str) and value else None


def _s3_event(content: Mapping[str, Any]) -> Event | None:
    """Return the event of an S3 notification.

    S3 encodes the object's key as in a form, and puts one record into a notification.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    """
    records = _records(content)
    if len(records) != 1 or records[0].get("eventSource") != "aws:s3":
        return None
    record = records[0]
    s3, found = _member(record, "s3"), _member(_member(record, "s3"), "object")
    object_key = found.get("key")
    if isinstance(object_key, str):
        decoded = {**found, "key": unquote_plus(object_key)}
        record = {**record, "s3": {**s3, "object": decoded}}
    return Event("s3", record, _s3_key(record))


def _s3_key(record: Mapping[str, Any]) -> str:
    """Return the key of an event of S3, which has no id.

    Only events about creating and deleting have a sequencer. The others have a time and a request.
    """
    s3 = _member(record, "s3")
    found = _member(s3, "object")
    identity = [
        record.get("eventName"),
        _member(s3, "bucket").get("name"),
        *(found.get(name) for name in ("key", "versionId", "sequencer")),
    ]
    if not found.get("sequencer"):
        request = _member(record, "responseElements").get("x-amz-request-id")
        identity += [record.get("eventTime"), request]
    return _S3_KEY_PREFIX + _digest(identity)


def _member(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _key(event_id: object) -> str | None:
    """Return a key for the id of an event: the id itself if it can be one, as UUIDs can."""
    if not isinstance(event_id, str) or not event_id:
        return None
    plain = event_id.replace("-", "").replace("_", "")
    if len(event_id) <= MAX_KEY_LENGTH and plain.isascii() and plain.isalnum():
        return event_id
    return _OTHER_KEY_PREFIX + _digest(event_id)


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
