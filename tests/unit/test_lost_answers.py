"""What follows a call of RunTask whose answer is lost, or contradicts another."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from tests.unit.fakes import Rig, client_error, message, service, token

LOST = ReadTimeoutError(endpoint_url="x")
THROTTLED = client_error("ThrottlingException", "Rate exceeded")
HOUR = 3600
KEY = {"key": "order-17"}


def test_a_lost_answer_is_asked_for_again_with_the_same_token(rig: Rig) -> None:
    rig.ecs.script, rig.ecs.lost_responses = [LOST], 1
    rig.run(message(count=2))
    rig.clock.now += 40 * 60

    rig.run(message(count=2), receives=2, received=40 * 60)

    assert rig.ecs.calls[0] == rig.ecs.calls[1]
    assert rig.ecs.count == 2


def test_a_crash_is_followed_by_the_same_token(rig: Rig) -> None:
    rig.run(message(count=2))  # and the function crashes: SQS delivers it again
    rig.clock.now += 360

    rig.run(message(count=2), receives=2, received=360)

    assert rig.ecs.calls[0] == rig.ecs.calls[1]


@pytest.mark.parametrize("attributes", [{}, KEY])
def test_when_a_token_may_have_ended_what_ecs_lists_decides(
    rig: Rig, attributes: dict[str, str]
) -> None:
    rig.ecs.script, rig.ecs.lost_responses = [LOST], 1
    rig.run(message(), attributes=attributes)
    rig.clock.now += 2 * HOUR

    assert rig.run(message(), receives=2, received=2 * HOUR, attributes=attributes) == []

    assert len(rig.ecs.calls) == 1
    assert rig.sqs.sent == []


@pytest.mark.parametrize("attributes", [{}, KEY])
def test_an_outcome_that_nothing_tells_is_not_guessed(rig: Rig, attributes: dict[str, str]) -> None:
    rig.ecs.script = [LOST]
    rig.run(message(), attributes=attributes)
    rig.clock.now += 2 * HOUR

    assert rig.run(message(), receives=2, received=2 * HOUR, attributes=attributes) == []

    assert len(rig.ecs.calls) == 1
    assert rig.dead_letters[0]["reason"] == "outcome-unknown"
    assert rig.dead_letters[0]["tasks"] == "unknown"
    assert rig.dead_letters[0]["redrivable"] == "false"

    rig.run(message(), number=1, attributes=rig.dead_letters[0])
    assert len(rig.ecs.calls) == 1
    assert rig.dead_letters[1]["reason"] == "outcome-unknown"


def test_a_request_that_was_never_sent_is_not_in_doubt(rig: Rig) -> None:
    rig.ecs.script = [EndpointConnectionError(endpoint_url="x")]
    rig.run(message())
    rig.clock.now += 2 * HOUR

    rig.run(message(), receives=2, received=2 * HOUR)

    assert rig.ecs.count == 1


def test_hours_in_the_queue_after_a_refusal_are_no_doubt(rig: Rig) -> None:
    """Its first delivery says in the ledger that it has started nothing."""
    rig.ecs.script = [THROTTLED]
    rig.run(message())
    rig.clock.now += 5 * HOUR

    rig.run(message(), receives=2, received=5 * HOUR)

    assert rig.ecs.count == 1


@pytest.mark.parametrize("named", [True, False])
def test_a_conflict_counts_the_tasks_of_the_key(rig: Rig, *, named: bool) -> None:
    rig.ecs.named_by_conflict = named
    rig.ecs.services["report"] = service("subnet-a")
    body = message(service="report", networkConfiguration=None, count=3)
    rig.ecs.script = [LOST, 0]
    rig.ecs.lost_responses = 1
    rig.run(body)
    del rig.ecs.tasks[token("message-0")][2:]
    rig.ecs.script = []
    rig.ecs.services["report"] = service("subnet-b")
    rig.clock.now += 400

    rig.run(body, receives=2, received=400)
    assert rig.logs[-1]["reason"] == "conflict-unresolved"
    rig.clock.now += 30
    rig.run(body, receives=3, received=430)

    assert [call["count"] for call in rig.ecs.calls] == [3, 3, 1]
    assert rig.ecs.count == 3


def test_a_conflict_without_a_task_is_not_launched(rig: Rig) -> None:
    rig.ecs.always = client_error("ConflictException", "the token is known")

    assert rig.run(message(), attributes=KEY) == ["message-0"]
    assert rig.logs[-1]["reason"] == "conflict-unresolved"

    rig.clock.now += 60
    rig.run(message(), attributes=KEY, receives=2)
    assert rig.dead_letters[0]["reason"] == "outcome-unknown"
    assert rig.ecs.count == 0


def test_a_conflict_is_not_resolved_while_tasks_that_it_names_are_not_listed(rig: Rig) -> None:
    conflict: Any = client_error("ConflictException", "the token is known")
    conflict.response["resourceIds"] = ["arn:task/of-long-ago"]
    rig.ecs.script = [LOST, conflict]
    rig.run(message())
    rig.clock.now += 400

    rig.run(message(), receives=2, received=400)

    assert (rig.item() or {})["attempt"] == "0"
