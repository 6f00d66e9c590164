"""A batch: every message has its own outcome, and they share rate, capacity and time."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from function.sqs.record import EventError
from tests.unit.fakes import (
    FakeContext,
    Rig,
    client_error,
    message,
    token,
)

THROTTLED = client_error("ThrottlingException", "Rate exceeded")


def test_two_messages_with_one_key_start_one_task(rig: Rig) -> None:
    records = [rig.record(message(), n, attributes={"key": "same"}) for n in range(2)]

    assert rig.handle(*records) == []

    assert len(rig.ecs.started) == 1


def test_a_poison_message_fails_alone(rig: Rig) -> None:
    records = [rig.record(message(), n) for n in range(10)]
    records[4]["body"] = "{"

    assert rig.handle(*records) == []

    assert len(rig.ecs.started) == 9
    assert [dead["messageId"] for dead in rig.dead_letters] == ["message-4"]


def test_a_message_whose_visibility_timeout_is_refused_still_returns(rig: Rig) -> None:
    rig.ecs.always = "RESOURCE:CPU"
    rig.sqs.refused = {"receipt-1"}

    returned = rig.handle(rig.record(message(), 0), rig.record(message(), 1))

    assert returned == ["message-0", "message-1"]
    assert list(rig.sqs.visibility) == ["receipt-0"]
    assert rig.logs[-1]["message"] == "visibility timeout not changed"
    assert rig.logs[-1]["message_id"] == "message-1"


def test_with_the_queue_unreachable_a_message_still_returns(rig: Rig) -> None:
    rig.ecs.script = [THROTTLED]
    rig.sqs.visibility_error = EndpointConnectionError(endpoint_url="x")

    assert rig.run(message()) == ["message-0"]


def test_messages_return_to_the_queue_ten_at_a_time(rig: Rig) -> None:
    rig.ecs.always = THROTTLED

    assert len(rig.handle(*(rig.record(message(), n) for n in range(25)))) == 25

    assert len(rig.sqs.visibility) == 25


def test_with_less_than_ten_seconds_left_no_launch_starts(rig: Rig) -> None:
    rig.seconds = 9.9

    assert rig.handle(*(rig.record(message(), n) for n in range(3))) == [
        "message-0",
        "message-1",
        "message-2",
    ]

    assert rig.ecs.calls == []
    assert rig.sqs.visibility == {f"receipt-{n}": 1 for n in range(3)}


def test_launches_are_spaced_by_the_rate_after_a_burst(rig: Rig) -> None:
    """20 tasks a second of the stage are 10 of one of its two environments, after 50 at once."""
    rig.handle(*(rig.record(message(count=10), n) for n in range(8)))

    assert sum(rig.clock.slept) == pytest.approx(3)
    assert rig.ecs.count == 80


def test_throttling_slows_the_next_launches(rig: Rig) -> None:
    rig.ecs.script = [THROTTLED]
    rig.run(message())
    rig.handle(rig.record(message(), 1), rig.record(message(), 2))

    assert max(rig.clock.slept) > 0.14


def test_without_capacity_one_message_probes_and_the_others_wait(rig: Rig) -> None:
    rig.ecs.always = "RESOURCE:CPU"
    rig.run(message())
    calls = len(rig.ecs.calls)

    returned = rig.handle(*(rig.record(message(), n) for n in range(10)))

    assert len(returned) == 10
    assert len(rig.ecs.calls) - calls < 10
    assert {
        line["reason"] for line in rig.logs if line["message"] == "message returned to the queue"
    } == {
        "resource",
        "circuit-open",
    }
    assert rig.clock.now < 1_000 + 45


def test_a_probe_that_finds_capacity_releases_the_batch(rig: Rig) -> None:
    rig.ecs.script = ["Capacity is unavailable at this time."]
    rig.run(message(), receives=1)

    assert rig.handle(*(rig.record(message(), n) for n in range(1, 10))) == []

    assert len(rig.ecs.started) == 9


def test_tasks_that_do_not_fit_leave_the_pool_to_those_that_do(rig: Rig) -> None:
    def instances(call: dict[str, Any]) -> None:
        if call["overrides"]["cpu"] == "9999":
            raise client_error("InvalidParameterException", "No Container Instances were found")

    rig.ecs.before_call = instances
    records = [
        rig.record(message(overrides={"cpu": "9999" if number % 2 else "256"}), number)
        for number in range(100)
    ]
    began = rig.clock.now

    for start in range(0, 100, 10):
        rig.handle(*records[start : start + 10])

    assert rig.ecs.count == 50
    assert rig.clock.now - began < 10


def test_after_an_unexpected_exception_only_its_message_returns(rig: Rig) -> None:
    def bug(call: dict[str, Any]) -> None:
        if call["clientToken"] == token("message-1"):
            raise ZeroDivisionError("canary")

    rig.ecs.before_call = bug

    assert rig.handle(*(rig.record(message(), n) for n in range(3))) == ["message-1"]

    assert rig.sns.notifications[0]["reason"] == "unexpected"
    assert "ZeroDivisionError" in rig.log_text.getvalue()
    assert "canary" not in rig.log_text.getvalue() + json.dumps(rig.sns.published)


def test_a_batch_is_processed_by_four_threads(rig: Rig) -> None:
    together = threading.Barrier(4, timeout=5)

    def meet(_call: dict[str, Any]) -> None:
        together.wait()

    rig.ecs.before_call = meet

    assert rig.handle(*(rig.record(message(), n) for n in range(4))) == []


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        {"Records": None},
        {"detail": {"canary": 1}, "source": "aws.ecs"},
        {"Records": [{"eventSource": "aws:sns"}]},
        {"Records": [5]},
        {"Records": [{"eventSource": "aws:sqs", "attributes": {}}]},
    ],
)
def test_an_event_that_is_not_an_sqs_batch_is_refused(rig: Rig, event: object) -> None:
    with pytest.raises(EventError, match="the event is not an SQS batch: ") as caught:
        rig.application.handle(event, FakeContext(rig.clock))

    assert "canary" not in str(caught.value)


def test_an_empty_batch_has_no_failures(rig: Rig) -> None:
    assert rig.handle() == []
