"""One message: launched, rejected, or returned to the queue."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tests.unit.fakes import (
    ENVIRONMENT,
    Rig,
    client_error,
    message,
    settings,
    token,
)

THROTTLED = client_error("ThrottlingException", "Rate exceeded")
DENIED = client_error("AccessDeniedException", "User: x is not authorized to perform: iam:PassRole")
DAY = 86_400


def test_a_good_message_starts_its_task(rig: Rig) -> None:
    assert rig.run(message()) == []

    assert [call["clientToken"] for call in rig.ecs.calls] == [token("message-0")]
    assert rig.ecs.calls[0]["startedBy"] == "ecs-run-task/dev/message-0"
    assert rig.sqs.sent == []
    assert rig.sns.published == []


def test_the_senders_key_takes_precedence_over_the_message_id(rig: Rig) -> None:
    rig.run(message(), attributes={"key": "order-17"})

    assert rig.ecs.calls[0]["clientToken"] == token("order-17")


def test_a_second_delivery_makes_the_same_calls(rig: Rig) -> None:
    rig.run(message(count=2))
    rig.clock.now += 400
    rig.run(message(count=2), receives=2)

    assert rig.ecs.calls[0] == rig.ecs.calls[1]
    assert rig.ecs.count == 2


def test_a_conflict_means_already_started(rig: Rig) -> None:
    rig.ecs.services["report"] = {
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
    }
    body = message(service="report", networkConfiguration=None)
    rig.run(body)
    rig.ecs.services["report"]["networkConfiguration"]["awsvpcConfiguration"]["subnets"] = ["b"]
    rig.clock.now += 400

    assert rig.run(body, receives=2) == []

    assert len(rig.ecs.calls) == 2
    assert len(rig.ecs.started) == 1
    assert rig.sqs.sent == []
    assert rig.logs[-1]["already_started"] == 1


def test_an_invalid_message_goes_to_the_dead_letter_queue_with_the_reason(rig: Rig) -> None:
    body = message(overrides={"cpu": 1024})

    assert rig.run(body, receives=3, attributes={"trace": "t-1"}) == []

    assert rig.sqs.sent[0]["QueueUrl"] == ENVIRONMENT["DEAD_LETTER_QUEUE_URL"]
    assert rig.sqs.sent[0]["MessageBody"] == body
    assert rig.dead_letters == [
        {
            "reason": "wrong-type",
            "error": 'ECS.overrides.cpu: expected a string such as "1024", got the number 1024',
            "attempts": "3",
            "messageId": "message-0",
            "redrivable": "false",
            "key": "message-0",
            "tasks": "unknown",
            "trace": "t-1",
        }
    ]
    assert rig.ecs.calls == []


def test_a_rejected_message_is_announced_without_its_body(rig: Rig) -> None:
    rig.run(message(cluster="other", group="canary"), attributes={"key": "order-17"})

    assert rig.sns.published[0]["TopicArn"] == ENVIRONMENT["FAILURE_TOPIC_ARN"]
    notification = rig.sns.notifications[0]
    assert notification.pop("error").startswith("ECS.cluster: found arn:aws:ecs:")
    assert notification == {
        "stage": "dev",
        "state": "rejected",
        "reason": "not-allowed",
        "redrivable": True,
        "messageId": "message-0",
        "key": "order-17",
        "attempts": 1,
    }
    assert "canary" not in rig.sns.published[0]["Message"]


@pytest.mark.parametrize(
    "attribute",
    [
        "not a key",
        "",
        "k" * 49,
        {"dataType": "Binary", "binaryValue": "AAEC"},
    ],
)
def test_a_bad_key_is_rejected_and_stays_on_the_dead_letter_as_it_was(
    rig: Rig, attribute: Any
) -> None:
    assert rig.run(message(), attributes={"key": attribute}) == []

    assert rig.dead_letters[0]["reason"] == "bad-key"
    assert rig.dead_letters[0]["key"] == (
        (attribute or "(empty)") if isinstance(attribute, str) else "b'\\x00\\x01\\x02'"
    )
    assert rig.ecs.calls == []


@pytest.mark.parametrize("error", [THROTTLED, EndpointConnectionError(endpoint_url="x")])
def test_with_the_dead_letter_queue_unreachable_the_message_returns_to_the_queue(
    rig: Rig, error: Exception
) -> None:
    rig.sqs.send_error = error

    assert rig.run("{") == ["message-0"]

    assert rig.sns.published == []
    assert rig.sqs.visibility == {"receipt-0": 2}


@pytest.mark.parametrize("error", [THROTTLED, EndpointConnectionError(endpoint_url="x")])
def test_with_the_topic_unreachable_a_message_is_rejected_once(rig: Rig, error: Exception) -> None:
    rig.sns.error = error

    assert rig.run("{") == []

    assert len(rig.sqs.sent) == 1
    assert rig.logs[-1]["message"] == "notification not published"


@pytest.mark.parametrize(
    "failure",
    [
        THROTTLED,
        client_error("ServerException", "", status=500),
        ReadTimeoutError(endpoint_url="x"),
        "RESOURCE:CPU",
        "AGENT",
        "Capacity is unavailable at this time.",
    ],
)
def test_after_a_transient_failure_the_message_returns_with_backoff(
    rig: Rig, failure: Exception | str
) -> None:
    rig.ecs.script = [failure]

    assert rig.run(message(), receives=4) == ["message-0"]

    # With a second delivery possibly at work, a failure with an answer waits for it.
    assert rig.sqs.visibility in ({"receipt-0": 16}, {"receipt-0": 20})
    assert rig.sqs.sent == []
    assert rig.sns.published == []


def test_a_task_that_started_although_the_connection_broke_is_not_started_again(rig: Rig) -> None:
    rig.ecs.script, rig.ecs.lost_responses = [ReadTimeoutError(endpoint_url="x")], 1
    assert rig.run(message()) == ["message-0"]

    assert rig.run(message(), receives=2) == []

    assert len(rig.ecs.calls) == 2
    assert len(rig.ecs.started) == 1


def test_after_a_partial_failure_only_missing_tasks_are_started(rig: Rig) -> None:
    rig.ecs.script = [2]
    assert rig.run(message(count=5)) == ["message-0"]
    assert rig.ecs.count == 2

    rig.clock.now += 10
    assert rig.run(message(count=5), receives=2) == []

    assert [(call["clientToken"], call["count"]) for call in rig.ecs.calls] == [
        (token("message-0", 0), 5),
        (token("message-0", 1), 3),
    ]
    assert rig.ecs.count == 5


def test_an_environment_failure_is_retried_slowly_and_announced(rig: Rig) -> None:
    rig.ecs.always = DENIED

    assert rig.run(message()) == ["message-0"]

    assert rig.sqs.visibility == {"receipt-0": 60}
    assert [(n["state"], n["reason"]) for n in rig.sns.notifications] == [
        ("waiting", "access-denied")
    ]


def test_an_environment_failure_is_announced_once_in_fifteen_minutes(rig: Rig) -> None:
    rig.ecs.always = DENIED
    rig.handle(*(rig.record(message(), n) for n in range(10)))
    assert len(rig.sns.published) == 1

    rig.clock.now += 901
    rig.run(message(), receives=2)
    assert len(rig.sns.published) == 2


def test_an_environment_failure_is_rejected_at_its_age(rig: Rig) -> None:
    rig.ecs.always = DENIED
    assert rig.run(message(), age=3 * DAY) == ["message-0"]
    rig.clock.now += DAY - 1
    assert rig.run(message(), receives=2, received=DAY - 1) == ["message-0"]

    rig.clock.now += 1
    assert rig.run(message(), receives=3, received=DAY) == []

    assert rig.dead_letters[0]["reason"] == "access-denied"
    assert rig.dead_letters[0]["redrivable"] == "true"


def test_a_message_is_moved_to_the_dead_letter_queue_before_its_retention_ends(rig: Rig) -> None:
    rig.ecs.always = THROTTLED
    assert rig.run(message(), age=4 * DAY - 1801) == ["message-0"]

    assert rig.run(message(), age=4 * DAY - 1800) == []

    assert rig.dead_letters[0]["reason"] == "expired"
    assert rig.dead_letters[0]["error"].endswith(
        "last failure: throttled: RunTask ThrottlingException: Rate exceeded"
    )
    assert rig.dead_letters[0]["redrivable"] == "true"


def test_at_the_end_of_its_retention_a_message_is_attempted_once_more(rig: Rig) -> None:
    assert rig.run(message(), age=4 * DAY - 10) == []

    assert len(rig.ecs.started) == 1
    assert rig.sqs.sent == []


def test_a_short_retention_limits_the_backoff() -> None:
    rig = Rig(settings=settings(QUEUE_RETENTION_SECONDS="600"))
    rig.ecs.always = THROTTLED

    rig.run(message(), age=200, receives=20)

    assert rig.sqs.visibility == {"receipt-0": 200}


def test_a_message_not_attempted_is_not_rejected_even_at_the_end_of_its_retention(
    rig: Rig,
) -> None:
    rig.seconds = 5

    assert rig.run(message(), age=4 * DAY - 100) == ["message-0"]

    assert rig.sqs.sent == []


def test_when_time_runs_out_the_rest_returns_to_the_queue(rig: Rig) -> None:
    def slow(_call: dict[str, Any]) -> None:
        rig.clock.now += 20

    rig.ecs.before_call = slow

    returned = rig.handle(*(rig.record(message(), n) for n in range(20)))

    assert 0 < rig.ecs.count < 20
    assert len(returned) == 20 - rig.ecs.count
    assert set(rig.sqs.visibility.values()) <= {1, 2}


def test_no_message_is_rejected_without_the_time_to_finish(rig: Rig) -> None:
    """If the invocation timed out, the next one would send the dead letter again."""
    rig.seconds = 5

    assert rig.run("{") == ["message-0"]

    assert rig.dead_letters == []
    assert rig.sqs.visibility == {"receipt-0": 1}


def test_a_message_rejected_at_the_deadline_is_not_announced_any_more(rig: Rig) -> None:
    send = rig.sqs.send_message

    def slow(**arguments: Any) -> dict[str, Any]:
        rig.clock.now += 55
        return send(**arguments)

    rig.sqs.send_message = slow  # type: ignore[method-assign]

    assert rig.run("{") == []

    assert len(rig.dead_letters) == 1
    assert rig.sns.published == []


def test_a_launch_whose_slot_is_after_the_deadline_does_not_start() -> None:
    # One task in a hundred seconds, by one of two execution environments.
    rig = Rig(settings=settings(FARGATE_LAUNCH_RATE="0.02", FARGATE_LAUNCH_BURST="1"))

    returned = rig.handle(*(rig.record(message(), n) for n in range(4)))

    assert len(returned) == 3
    assert rig.ecs.count == 1
    assert rig.clock.slept == []
    # Each is back when its turn comes, not at once.
    assert sorted(rig.sqs.visibility.values()) == [100, 200, 300]
