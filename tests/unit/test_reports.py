"""What an operator reads: log lines, notifications and errors, besides the outcome itself."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from function import observability
from function.limits import MAX_KEY_LENGTH, NOTIFICATION_INTERVAL_SECONDS
from function.sqs.record import EventError, records_of
from tests.unit.fakes import ENVIRONMENT, Rig, client_error, message, settings

DENIED = client_error("AccessDeniedException", "is not authorized to perform: iam:PassRole")
UNREACHABLE = EndpointConnectionError(endpoint_url="https://sqs")


def lines(rig: Rig, text: str) -> list[dict[str, Any]]:
    return [line for line in rig.logs if line["message"] == text]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (client_error("RequestThrottled", "slow down"), "RequestThrottled"),
        (UNREACHABLE, "EndpointConnectionError"),
    ],
)
def test_every_visibility_timeout_that_was_not_set_is_logged_with_its_cause(
    rig: Rig, error: Exception, cause: str
) -> None:
    rig.ecs.always = DENIED
    rig.sqs.visibility_error = error

    rig.handle(*(rig.record(message(), number) for number in range(2)))

    found = lines(rig, "visibility timeout not changed")
    assert [(line["message_id"], line["cause"]) for line in found] == [
        ("message-0", cause),
        ("message-1", cause),
    ]


def test_a_visibility_timeout_that_sqs_refused_is_logged_with_its_code(rig: Rig) -> None:
    rig.ecs.always = DENIED
    rig.sqs.refused = {"receipt-1"}

    rig.handle(*(rig.record(message(), number) for number in range(2)))

    found = lines(rig, "visibility timeout not changed")
    assert [(line["message_id"], line["cause"]) for line in found] == [
        ("message-1", "ReceiptHandleIsInvalid")
    ]


def test_a_notification_that_was_not_published_is_logged(rig: Rig) -> None:
    rig.sns.error = UNREACHABLE

    rig.run("{")

    (line,) = lines(rig, "notification not published")
    assert (line["message_id"], line["reason"], line["cause"]) == (
        "message-0",
        "not-json",
        "EndpointConnectionError",
    )


def test_a_notification_has_the_key_and_a_subject(rig: Rig) -> None:
    rig.ecs.always = DENIED

    rig.run(message(), attributes={"key": "job-1"})

    (notification,) = rig.sns.notifications
    assert (notification["state"], notification["key"]) == ("waiting", "job-1")
    assert rig.sns.published[0]["Subject"] == (
        f"ecs-run-task dev: message waiting, {notification['reason']}"
    )


def test_a_reason_is_announced_again_after_the_interval(rig: Rig) -> None:
    rig.ecs.always = DENIED
    for number, seconds in enumerate((NOTIFICATION_INTERVAL_SECONDS - 1, 1)):
        rig.run(message(), number=number)
        assert len(rig.sns.published) == 1
        rig.clock.now += seconds
    rig.run(message(), number=2)
    assert len(rig.sns.published) == 2


def test_every_line_of_a_delivery_has_its_receives_and_its_key(rig: Rig) -> None:
    rig.ecs.script = [DENIED]
    rig.run(message(), attributes={"key": "job-1"})
    rig.clock.now += 400
    rig.run(message(), attributes={"key": "job-1"}, receives=2)

    returned, launched = (
        lines(rig, "message returned to the queue")[0],
        lines(rig, "message launched")[0],
    )
    assert (returned["receives"], returned["key"]) == (1, "job-1")
    assert (launched["receives"], launched["key"]) == (2, "job-1")


def test_a_message_that_its_group_blocks_says_so() -> None:
    rig = Rig(settings=settings(QUEUE_URL=f"{ENVIRONMENT['QUEUE_URL']}.fifo"))
    rig.ecs.always = DENIED
    rig.handle(*(rig.record(message(), number, group="a") for number in range(2)))

    found = lines(rig, "message returned to the queue")
    (line,) = (line for line in found if line["message_id"] == "message-1")
    assert (line["reason"], line["error"]) == (
        "blocked-by-group",
        "a message before it in its group returned to the queue",
    )


def test_a_message_that_was_not_attempted_does_not_expire(rig: Rig) -> None:
    age = settings().queue_retention_seconds - 60
    rig.seconds = 1  # too few for a launch

    assert rig.run(message(), age=age) == ["message-0"]
    assert rig.sqs.sent == []
    assert lines(rig, "message returned to the queue")[0]["reason"] == "not-attempted"

    rig.seconds, rig.ecs.always = 60, client_error("ThrottlingException", "Rate exceeded")
    assert rig.run(message(), number=1, age=age) == []
    assert [letter["reason"] for letter in rig.dead_letters] == ["expired"]


def test_a_launch_after_a_fresh_look_up_has_the_same_key(rig: Rig) -> None:
    rig.ecs.containers = [{"name": "old"}]
    body = message(overrides={"containerOverrides": [{"command": ["run"]}]})
    rig.run(body)
    rig.ecs.containers = [{"name": "new"}]
    rig.ecs.script = [client_error("InvalidParameterException", "Override for container old")]
    rig.clock.now += 60

    assert rig.run(body, number=1, attributes={"key": "job-1"}) == []

    _, refused, launched = rig.ecs.calls
    assert launched["clientToken"] == refused["clientToken"]
    assert launched["startedBy"] == refused["startedBy"] == "ecs-run-task/dev/job-1"


@pytest.mark.parametrize("reason", ["key-reused", "outcome-unknown"])
def test_what_ecs_did_not_refuse_asks_ecs_nothing_again(rig: Rig, reason: str) -> None:
    rig.ecs.containers = [{"name": "old"}]
    body = message(overrides={"containerOverrides": [{"command": ["run"]}]})
    rig.run(body, attributes={"key": "job-1"})
    asked = len(rig.ecs.lookups)
    rig.clock.now += 60
    if reason == "key-reused":
        other = message(overrides={"containerOverrides": [{"command": ["other"]}]})
        rig.run(other, number=1, attributes={"key": "job-1"})
    else:
        rig.ecs.tasks.clear()
        rig.ecs.started.clear()
        rig.clock.now += 2 * 3600
        rig.run(body, attributes={"key": "job-1"}, receives=2)
        asked += 1  # the answer was too old
    assert [letter["reason"] for letter in rig.dead_letters] == [reason]
    assert len(rig.ecs.lookups) == asked


@pytest.mark.parametrize(
    ("attributes", "place"),
    [
        ({"key": "a b"}, "message attribute key"),
        ({"key": "x" * (MAX_KEY_LENGTH + 1)}, "message attribute key"),
    ],
)
def test_a_bad_key_is_named_with_its_place(
    rig: Rig, attributes: dict[str, str], place: str
) -> None:
    rig.run(message(), attributes=attributes)
    assert rig.dead_letters[0]["error"].startswith(
        f"{place}: expected 1 to {MAX_KEY_LENGTH} letters"
    )


def test_a_message_id_that_is_no_key_is_named() -> None:
    rig = Rig()
    rig.run(message(), messageId="a b")
    assert rig.dead_letters[0]["error"].startswith("message id: expected 1 to")


def test_the_logger_has_the_service_the_stage_and_the_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Loggers of one name share their level; that of the handler was made by another test.
    monkeypatch.setattr(observability, "SERVICE", "ecs-run-task-of-a-test")

    logger = observability.make_logger("beta", "WARNING")

    assert logger.service == "ecs-run-task-of-a-test"
    assert logger.log_level == logging.WARNING
    assert logger.get_current_keys()["stage"] == "beta"


def test_a_record_without_a_first_receive_was_received_when_it_was_sent(rig: Rig) -> None:
    raw = rig.record("{}", age=100)
    del raw["attributes"]["ApproximateFirstReceiveTimestamp"]
    (record,) = records_of({"Records": [raw]})
    assert record.first_received_at == record.sent_at

    (other,) = records_of({"Records": [rig.record("{}", age=100, received=40)]})
    assert other.first_received_at - other.sent_at == pytest.approx(60, abs=0.01)


def test_an_attribute_without_a_type_is_a_string(rig: Rig) -> None:
    raw = rig.record(
        "{}",
        attributes={"a": {"stringValue": "x"}, "b": {"dataType": "Number", "stringValue": "1"}},
    )
    (record,) = records_of({"Records": [raw]})
    assert record.attributes == {
        "a": {"DataType": "String", "StringValue": "x"},
        "b": {"DataType": "Number", "StringValue": "1"},
    }
    del raw["messageAttributes"]
    assert records_of({"Records": [raw]})[0].attributes == {}


def test_an_event_without_records_is_named() -> None:
    with pytest.raises(EventError) as error:
        records_of({"Records": {}})
    assert str(error.value) == "the event is not an SQS batch: it has no list `Records`"
