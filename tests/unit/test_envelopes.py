"""Notifications of AWS services: what their sender is told, and what is none of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from function.failures.reasons import PermanentFailure
from function.message.parsing import parse

SNS = (
    "an SNS notification; enable raw message delivery on the subscription: RawMessageDelivery=true,"
    " or set ecs-run-task:templates in the stage's file: sns"
)
SUBSCRIPTION = "a message of SNS about a subscription; confirm it with its SubscribeURL"
EVENT = (
    "an EventBridge event; set an input transformer on the rule's target that makes the request, or"
    " set ecs-run-task:templates in the stage's file: eventbridge"
)
S3_TEST = "an S3 test event, which S3 sends when a notification is configured"
S3 = (
    "an S3 event notification; send it to EventBridge instead, and set an input transformer on the"
    " rule's target that makes the request, or set ecs-run-task:templates in the stage's file: s3"
)
S3_TWO = "an S3 event notification with 2 records; expected one"
SNS_EVENT = "an SNS event; enable raw message delivery on the subscription"

TOPIC = "arn:aws:sns:eu-central-1:111111111111:jobs"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"Type": "Notification", "TopicArn": TOPIC, "Message": "{}"}, SNS),
        (
            {"Type": "SubscriptionConfirmation", "TopicArn": TOPIC, "SubscribeURL": "https://x"},
            SUBSCRIPTION,
        ),
        ({"detail-type": "Scheduled Event", "detail": {}}, EVENT),
        ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}, S3_TEST),
        ({"Records": [{"eventSource": "aws:s3"}]}, S3),
        ({"Records": [{"eventSource": "aws:s3"}, {"eventSource": "aws:s3"}]}, S3_TWO),
        ({"Records": [{"EventSource": "aws:sns"}]}, SNS_EVENT),
    ],
)
def test_a_notification_is_named_with_the_way_out(body: dict[str, Any], problem: str) -> None:
    with pytest.raises(PermanentFailure) as failure:
        parse(json.dumps(body))

    assert failure.value.reason == "envelope"
    assert failure.value.error == f"the body: expected a request, got {problem}"


@pytest.mark.parametrize(
    "body",
    [
        {"TopicArn": TOPIC},
        {"Message": "x", "SubscribeURL": "y"},
        {"detail": {}},
        {"detail-type": "x"},
        {"Event": "s3:TestEvent"},
        {"Bucket": "b"},
        {"Event": "s3:Other", "Bucket": "b"},
        {"Records": []},
        {"Records": ["aws:s3"]},
        {"Records": {"0": {"eventSource": "aws:s3"}}},
        {"Records": [{"eventSource": "aws:sqs"}]},
    ],
)
def test_half_of_a_notification_is_none(body: dict[str, Any]) -> None:
    assert parse(json.dumps(body)) == body
