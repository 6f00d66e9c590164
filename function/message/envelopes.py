"""Recognises the notifications of AWS services that wrap or stand in for a request.

They are rejected with an error that says how to configure their source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from function.failures.reasons import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    if "TopicArn" in content and ("Message" in content or "SubscribeURL" in content):
        return (
            "an SNS notification; enable raw message delivery on the subscription:"
            " RawMessageDelivery=true"
        )
    if "detail-type" in content and "detail" in content:
        return (
            "an EventBridge event; set an input transformer on the rule's target that makes the"
            " request"
        )
    if content.get("Event") == "s3:TestEvent" and "Bucket" in content:
        return "an S3 test event, which S3 sends when a notification is configured"
    records = content.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        source = records[0].get("eventSource")
        if source == "aws:s3":
            return (
                "an S3 event notification; send it to EventBridge instead, and set an input"
                " transformer on the rule's target that makes the request"
            )
        if records[0].get("EventSource") == "aws:sns":
            return "an SNS event; enable raw message delivery on the subscription"
    return None
