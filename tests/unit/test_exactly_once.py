"""The chain of client tokens and the ledger, as one message after the other meets them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ReadTimeoutError,
)

from tests.unit.fakes import Rig, client_error, message, service, settings, token

LOST = ReadTimeoutError(endpoint_url="x")
THROTTLED = client_error("ThrottlingException", "Rate exceeded")
HOUR = 3600
KEY = {"key": "order-17"}


# --- The budget


def test_a_first_delivery_makes_no_call_but_run_task(rig: Rig) -> None:
    rig.run(message(count=10))

    assert (len(rig.ecs.calls), rig.ecs.lists, rig.wire.calls) == (1, 0, [])
    assert rig.ecs.calls[0]["count"] == 10


def test_a_first_delivery_with_a_key_makes_one_write(rig: Rig) -> None:
    rig.run(message(), attributes=KEY)

    assert (len(rig.ecs.calls), rig.ecs.lists, rig.wire.calls) == (1, 0, ["PutItem"])
    item = rig.item("order-17") or {}
    assert item["called_at"]
    assert item["caller"] == "message-0"
    assert int(item["expires"]) == int(rig.clock.time()) + 1_555_200


# --- The chain


def test_stages_on_one_cluster_have_tokens_of_their_own() -> None:
    other = settings(
        FAILURE_TOPIC_ARN="arn:aws:sns:eu-central-1:222222222222:failures",
        CLUSTERS='["*"]',
        TASK_DEFINITIONS='["*"]',
    )
    rigs = [Rig(), Rig(settings=other)]
    for rig in rigs:
        rig.run(message(), attributes=KEY)

    first, second = (rig.ecs.calls[0]["clientToken"] for rig in rigs)
    assert first != second


def test_the_next_attempt_asks_for_what_is_missing_with_the_next_token(rig: Rig) -> None:
    rig.ecs.script = [4, 0, "AGENT"]
    for receives in range(1, 5):
        rig.run(message(count=10), receives=receives)
        rig.clock.now += 60

    assert [(call["clientToken"], call["count"]) for call in rig.ecs.calls] == [
        (token("message-0", 0), 10),
        (token("message-0", 1), 6),
        (token("message-0", 2), 6),
        (token("message-0", 3), 6),
    ]
    assert rig.ecs.count == 10
    assert (rig.item() or {})["state"] == "launched"


def test_a_refusal_keeps_the_attempt(rig: Rig) -> None:
    rig.ecs.script = [THROTTLED, THROTTLED]
    for receives in range(1, 4):
        rig.run(message(), receives=receives)

    assert {call["clientToken"] for call in rig.ecs.calls} == {token("message-0")}


def test_before_the_next_attempt_the_tasks_that_ecs_lists_are_counted(rig: Rig) -> None:
    """A failure is not fully trustworthy: its task may have been provisioned nevertheless."""
    rig.ecs.script = [1]
    rig.run(message(count=3))
    rig.ecs.tasks[token("message-0")].append("arn:task/ghost")
    rig.clock.now += 60

    rig.run(message(count=3), receives=2)

    assert [call["count"] for call in rig.ecs.calls] == [3, 1]
    assert rig.ecs.calls[1]["clientToken"] == token("message-0", 2)


def test_an_attempt_is_not_needed_if_ecs_lists_all_tasks(rig: Rig) -> None:
    rig.ecs.script = [0]
    rig.run(message())
    rig.ecs.tasks[token("message-0")].append("arn:task/ghost")
    rig.clock.now += 60

    assert rig.run(message(), receives=2) == []

    assert len(rig.ecs.calls) == 1
    assert rig.logs[-1]["task_arns"] == ["arn:task/ghost"]


def test_without_the_list_there_is_no_next_attempt(rig: Rig) -> None:
    rig.ecs.script = [0]
    rig.run(message())
    rig.clock.now += 60
    rig.ecs.list_error = client_error("InvalidParameterException", "no", "ListTasks")

    assert rig.run(message(), receives=2) == ["message-0"]

    assert len(rig.ecs.calls) == 1
    assert rig.sqs.sent == []


def test_the_next_attempt_waits_until_ecs_lists_every_task_before_it(rig: Rig) -> None:
    rig.ecs.script = [0]
    rig.run(message())
    assert rig.sqs.visibility["receipt-0"] >= 3
    rig.clock.now += 2

    assert rig.run(message(), receives=2) == ["message-0"]

    assert len(rig.ecs.calls) == 1
    assert rig.logs[-1]["reason"] == "in-progress"


# --- Keys that are used twice


def test_the_same_request_with_the_same_key_is_already_started(rig: Rig) -> None:
    rig.run(message(), attributes=KEY)
    rig.clock.now += 10

    assert rig.run(message(), number=1, attributes=KEY) == []
    rig.clock.now += 10 * 24 * HOUR
    rig.ecs.started.clear()
    assert rig.run(message(), number=2, attributes=KEY) == []

    assert rig.ecs.started == {}
    assert rig.sqs.sent == []


@pytest.mark.parametrize("seconds", [0, 60, 10 * 24 * HOUR])
def test_another_request_with_the_same_key_is_rejected(rig: Rig, seconds: float) -> None:
    rig.run(message(), attributes=KEY)
    rig.clock.now += seconds

    rig.run(message(group="other"), number=1, attributes=KEY)

    assert rig.ecs.count == 1
    assert rig.dead_letters[0]["reason"] == "key-reused"
    assert rig.dead_letters[0]["tasks"] == "0"


@pytest.mark.parametrize("outcome", [None, "Capacity is unavailable at this time", THROTTLED, LOST])
def test_a_message_whose_key_was_guessed_is_rejected_and_announced_not_swallowed(
    rig: Rig, outcome: Exception | str | None
) -> None:
    rig.ecs.script = [outcome]
    rig.run(message(group="of the one who guessed"), attributes=KEY)
    rig.clock.now += 60
    victim = message(group="of the one whose key it is")

    assert rig.run(victim, number=1, attributes=KEY) == []

    (dead,) = rig.sqs.sent
    assert dead["MessageBody"] == victim
    assert rig.dead_letters[0]["reason"] == "key-reused"
    assert [
        notification
        for notification in rig.sns.notifications
        if (notification["reason"], notification["messageId"]) == ("key-reused", "message-1")
    ]


@pytest.mark.parametrize("outcome", [None, "Capacity is unavailable at this time", THROTTLED, LOST])
def test_a_guessed_key_with_the_same_request_starts_what_its_owner_wants_once(
    rig: Rig, outcome: Exception | str | None
) -> None:
    rig.ecs.script = [outcome]
    rig.run(message(), attributes=KEY)
    for receives in range(1, 4):
        rig.clock.now += 60
        returned = rig.run(message(), number=1, receives=receives, attributes=KEY)

    assert returned == []
    assert rig.ecs.count == 1
    assert rig.sqs.sent == []


def test_the_spelling_of_a_request_does_not_make_it_another_one(rig: Rig) -> None:
    body = message(tags=[], service="report")
    rig.ecs.services["report"] = service("subnet-1")
    rig.run(body, attributes=KEY)
    rig.ecs.services["report"] = service("subnet-2")

    rig.run(f" {body}", number=1, attributes=KEY)

    assert rig.sqs.sent == []


def test_after_its_retention_a_key_is_new(rig: Rig) -> None:
    rig.run(message(), attributes=KEY)
    rig.ecs.started.clear()
    rig.clock.now += 18 * 24 * HOUR + 2

    rig.run(message(group="other"), number=1, attributes=KEY)

    assert len(rig.ecs.started) == 1
    assert rig.sqs.sent == []


def test_a_claim_that_another_delivery_has_overtaken_is_not_released(rig: Rig) -> None:
    """Its refusal says nothing about the call that the other one may have made."""

    def overtake(_call: dict[str, Any]) -> None:
        rig.table.items["order-17"]["claim"] = {"S": "another delivery"}

    rig.ecs.before_call = overtake
    rig.ecs.script = [THROTTLED]

    rig.run(message(), attributes=KEY)

    assert "called_at" in (rig.item("order-17") or {})


def test_of_two_deliveries_only_one_advances_an_attempt(rig: Rig) -> None:
    def overtake(_call: dict[str, Any]) -> None:
        rig.table.items["order-17"]["attempt"] = {"N": "5"}

    rig.ecs.before_call = overtake
    rig.ecs.script = [0]

    rig.run(message(), attributes=KEY)

    assert (rig.item("order-17") or {})["attempt"] == "5"


def test_an_answer_does_not_end_the_doubt_about_another_call(rig: Rig) -> None:
    def join(_call: dict[str, Any]) -> None:
        rig.table.items["order-17"] |= {"claim": {"S": "another delivery"}, "open": {"N": "2"}}

    rig.ecs.before_call = join
    rig.ecs.script = [0]

    rig.run(message(), attributes=KEY)

    item = rig.item("order-17") or {}
    assert (item["attempt"], item["open"]) == ("1", "1")
    assert "doubt_at" in item


def test_a_call_that_may_be_in_flight_stays_in_doubt(rig: Rig) -> None:
    rig.ecs.script = [LOST]
    rig.run(message(), attributes=KEY)
    rig.clock.now += 5
    rig.ecs.script = [0]

    rig.run(message(), number=1, attributes=KEY)

    assert "doubt_at" in (rig.item("order-17") or {})
    rig.clock.now += 2 * HOUR
    rig.run(message(), receives=2, attributes=KEY)
    assert len(rig.ecs.calls) == 2
    assert rig.dead_letters[0]["reason"] == "outcome-unknown"


def test_the_attempt_after_a_call_in_doubt_waits_for_it(rig: Rig) -> None:
    rig.ecs.script = [LOST]
    rig.run(message(), attributes=KEY)
    rig.clock.now += 5
    rig.ecs.script = [0]
    rig.run(message(), number=1, attributes=KEY)
    rig.clock.now += 50

    rig.run(message(), receives=2, attributes=KEY)
    assert rig.logs[-1]["reason"] == "in-progress"
    rig.clock.now += 10
    rig.run(message(), receives=3, attributes=KEY)

    assert [call["clientToken"] for call in rig.ecs.calls] == [
        token("order-17", 0),
        token("order-17", 0),
        token("order-17", 1),
    ]


def test_the_last_of_several_answers_ends_the_doubt(rig: Rig) -> None:
    def overtake(_call: dict[str, Any]) -> None:
        item = rig.table.items["order-17"]
        item |= {"attempt": {"N": "1"}, "doubt_at": item.pop("called_at"), "open": {"N": "1"}}
        del item["claim"]

    rig.ecs.before_call = overtake
    rig.ecs.script = [0]

    rig.run(message(), attributes=KEY)

    assert "doubt_at" not in (rig.item("order-17") or {})


def test_what_was_launched_is_not_called_again(rig: Rig) -> None:
    rig.ecs.script, rig.ecs.lost_responses = [LOST], 1
    for receives in range(1, 5):
        assert bool(rig.run(message(), receives=receives)) is (receives == 1)

    assert len(rig.ecs.calls) == 2


def test_a_redelivery_of_another_request_with_the_same_key_is_rejected(rig: Rig) -> None:
    rig.ecs.script = [THROTTLED]
    rig.run(message(), attributes=KEY)

    rig.run(message(group="other"), number=1, receives=2, attributes=KEY)

    assert len(rig.ecs.calls) == 1
    assert rig.dead_letters[0]["reason"] == "key-reused"


def test_stopped_tasks_and_those_of_every_page_are_counted(rig: Rig) -> None:
    rig.ecs.script = [0]
    rig.run(message(count=7))
    rig.ecs.tasks[token("message-0")] += [f"arn:task/{number}" for number in range(7)]
    rig.ecs.stopped = {"arn:task/1", "arn:task/6"}
    rig.clock.now += 60

    assert rig.run(message(count=7), receives=2) == []

    assert len(rig.ecs.calls) == 1
