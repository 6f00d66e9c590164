"""Concurrency groups and capacity providers: who waits, who comes first, what is tried next."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from function.launch.leases import Leases, Place
from function.table import Table
from tests.model.dynamodb import Away, DynamoDbClient
from tests.unit.fakes import ENVIRONMENT, MESSAGE, FakeWire, client_error, message
from tests.unit.outcomes_rig import OutcomesRig, outcome_settings

ONE: dict[str, Any] = {"concurrency": {"max": 1, "group": "etl"}}
CAPACITY: dict[str, Any] = {"capacity": ["FARGATE_SPOT", "FARGATE"]}
NO_CAPACITY = "Capacity is unavailable at this time."


def limited(block: object, **changes: Any) -> str:
    """Return a message without a launch type, with a block `limits`."""
    content = {**MESSAGE, "limits": block, **changes}
    del content["launchType"]
    return json.dumps({"ECS": content})


def leases_of(rig: OutcomesRig) -> Leases:
    wire: Any = FakeWire()
    client: Any = DynamoDbClient(wire=wire, table=rig.table)
    sqs: Any = rig.sqs
    return Leases(
        Table(client, "ledger", rig.clock),
        sqs,
        ENVIRONMENT["QUEUE_URL"],
        retention_seconds=1e6,
        max_wait_seconds=450,
        clock=rig.clock,
    )


def held(rig: OutcomesRig) -> list[str]:
    return [holder.key for holder in leases_of(rig).holders()]


def providers(rig: OutcomesRig) -> list[str]:
    return [call["capacityProviderStrategy"][0]["capacityProvider"] for call in rig.ecs.calls]


def reasons(rig: OutcomesRig) -> list[str]:
    return [line["reason"] for line in rig.logs if line["message"].startswith("message returned")]


@pytest.fixture
def rig() -> OutcomesRig:
    return OutcomesRig()


def test_a_message_over_the_limit_waits_and_is_woken_by_the_release(rig: OutcomesRig) -> None:
    assert rig.run(limited(ONE), number=1) == []
    assert rig.run(limited(ONE), number=2) == ["message-2"]

    assert reasons(rig) == ["concurrency"]
    assert rig.sns.published == []
    assert rig.ecs.count == 1
    leases_of(rig).release("etl", "message-1")
    assert rig.sqs.woken == ["receipt-2"]
    assert rig.run(limited(ONE), number=2, receives=2) == []
    assert held(rig) == ["message-2"]


def test_a_message_that_was_launched_waits_no_longer(rig: OutcomesRig) -> None:
    rig.run(limited(ONE), number=1)
    rig.run(limited(ONE), number=2)
    leases_of(rig).release("etl", "message-1")
    rig.run(limited(ONE), number=2, receives=2)

    leases_of(rig).release("etl", "message-2")

    assert rig.sqs.woken == ["receipt-2"]


def test_the_oldest_waiter_goes_first(rig: OutcomesRig) -> None:
    rig.run(limited(ONE), number=1)
    rig.run(limited(ONE), number=3, age=10)
    rig.run(limited(ONE), number=2, age=60)
    leases_of(rig).release("etl", "message-1")

    assert rig.sqs.woken == ["receipt-2"]
    assert rig.run(limited(ONE), number=4) == ["message-4"]
    assert rig.run(limited(ONE), number=3, age=10, receives=2) == ["message-3"]
    assert rig.run(limited(ONE), number=2, age=60, receives=2) == []


def test_a_waiter_that_does_not_come_back_is_not_waited_for(rig: OutcomesRig) -> None:
    rig.run(limited(ONE), number=1)
    rig.run(limited(ONE), number=2, age=60)
    leases_of(rig).release("etl", "message-1")
    rig.clock.now += 15 + 60 + 2

    assert rig.run(limited(ONE), number=3) == []


def test_a_waiter_whose_message_is_gone_does_not_hold_up_the_next_one(rig: OutcomesRig) -> None:
    rig.run(limited(ONE), number=1)
    rig.run(limited(ONE), number=2, age=60)
    rig.sqs.wake_error = client_error("ReceiptHandleIsInvalid", "gone", "ChangeMessageVisibility")
    leases_of(rig).release("etl", "message-1")
    rig.sqs.wake_error = None

    assert rig.run(limited(ONE), number=3) == []


def test_a_release_wakes_as_many_as_there_are_places(rig: OutcomesRig) -> None:
    block = {"concurrency": {"max": 3, "group": "etl"}}
    rig.run(limited(block, count=3), number=1)
    for number in (2, 3, 4, 5):
        rig.run(limited(block), number=number, age=60 - number)

    leases_of(rig).release("etl", "message-1")

    assert rig.sqs.woken == ["receipt-2", "receipt-3", "receipt-4"]


def test_a_group_counts_tasks_and_not_messages(rig: OutcomesRig) -> None:
    block = {"concurrency": {"max": 3, "group": "etl"}}

    assert rig.run(limited(block, count=2), number=1) == []
    assert rig.run(limited(block, count=2), number=2) == ["message-2"]
    assert rig.ecs.count == 2


def test_a_release_is_idempotent(rig: OutcomesRig) -> None:
    block = {"concurrency": {"max": 2, "group": "etl"}}
    rig.run(limited(block), number=1)
    rig.run(limited(block), number=2)
    for _ in range(3):
        leases_of(rig).release("etl", "message-1")

    assert held(rig) == ["message-2"]
    assert rig.run(limited(block), number=3) == []
    assert rig.run(limited(block), number=4) == ["message-4"]


def test_a_redelivery_keeps_its_place(rig: OutcomesRig) -> None:
    rig.ecs.script = [client_error("ServerException", "lost", status=500)]
    rig.ecs.lost_responses = 1
    assert rig.run(limited(ONE), number=1) == ["message-1"]
    rig.clock.now += 60

    assert rig.run(limited(ONE), number=1, receives=2, received=60, age=60) == []
    assert (rig.ecs.count, held(rig)) == (1, ["message-1"])


@pytest.mark.parametrize(
    "answer",
    [
        "RESOURCE:CPU",
        client_error("ThrottlingException", "Rate exceeded"),
        client_error("InvalidParameterException", "no such subnet"),
    ],
)
def test_a_refusal_gives_the_place_back(rig: OutcomesRig, answer: Any) -> None:
    rig.ecs.script = [answer]
    rig.run(message(limits=ONE), number=1)

    assert held(rig) == []


def test_a_call_whose_answer_was_lost_keeps_the_place(rig: OutcomesRig) -> None:
    rig.ecs.script = [client_error("ServerException", "lost", status=500)]
    rig.run(message(limits=ONE), number=1)

    assert held(rig) == ["message-1"]


def test_a_message_that_was_started_already_takes_no_place(rig: OutcomesRig) -> None:
    key = {"key": "nightly"}
    rig.run(message(limits=ONE), number=1, attributes=key)
    rig.run(message(limits=ONE), number=1, attributes=key, receives=2)
    leases_of(rig).release("etl", "nightly")

    assert rig.run(message(limits=ONE), number=2, attributes=key, receives=2) == []
    assert (rig.ecs.count, held(rig)) == (1, [])


def test_without_the_table_only_a_message_with_a_limit_waits(rig: OutcomesRig) -> None:
    rig.table.away = Away.THROTTLED

    assert rig.run(limited(ONE), number=1) == ["message-1"]
    assert reasons(rig) == ["table-unavailable"]
    assert rig.run(message(), number=2) == []
    assert rig.ecs.count == 1


def test_a_race_for_the_last_place_is_won_once(rig: OutcomesRig) -> None:
    leases = leases_of(rig)

    def place(number: int) -> Place:
        return Place(
            group="etl",
            max=1,
            tasks=1,
            sent_at=rig.clock.time(),
            receipt_handle=f"receipt-{number}",
            receives=1,
        )

    assert leases.acquire("a", place(1))
    with pytest.raises(Exception, match="not as expected"):
        leases._put("b", place(2))

    assert held(rig) == ["a"]


def test_no_capacity_on_spot_tries_on_demand_with_the_next_token(rig: OutcomesRig) -> None:
    rig.ecs.script = [NO_CAPACITY]
    assert rig.run(limited(CAPACITY)) == ["message-0"]

    assert rig.sqs.visibility == {"receipt-0": 3}
    rig.clock.now += 3
    assert rig.run(limited(CAPACITY), receives=2, received=3) == []
    assert providers(rig) == ["FARGATE_SPOT", "FARGATE"]
    tokens = [call["clientToken"][-2:] for call in rig.ecs.calls]
    assert tokens == ["-0", "-1"]


def test_an_exception_for_want_of_capacity_counts_alike(rig: OutcomesRig) -> None:
    rig.ecs.script = [client_error("ClientException", NO_CAPACITY)]
    rig.run(limited(CAPACITY))
    rig.clock.now += 3

    assert rig.run(limited(CAPACITY), receives=2, received=3) == []
    assert providers(rig) == ["FARGATE_SPOT", "FARGATE"]
    assert [call["clientToken"][-2:] for call in rig.ecs.calls] == ["-0", "-1"]


def test_after_the_last_provider_the_first_one_follows(rig: OutcomesRig) -> None:
    rig.ecs.script = [NO_CAPACITY, NO_CAPACITY]
    for receives in (1, 2, 3):
        rig.run(limited(CAPACITY), receives=receives, received=10 * receives)
        rig.clock.now += 60

    assert providers(rig) == ["FARGATE_SPOT", "FARGATE", "FARGATE_SPOT"]
    assert rig.ecs.count == 1


def test_another_refusal_keeps_provider_and_token(rig: OutcomesRig) -> None:
    rig.ecs.script = [client_error("ThrottlingException", "Rate exceeded")]
    rig.run(limited(CAPACITY))
    rig.clock.now += 10

    rig.run(limited(CAPACITY), receives=2, received=10)

    assert providers(rig) == ["FARGATE_SPOT", "FARGATE_SPOT"]
    assert rig.ecs.calls[0] == rig.ecs.calls[1]


def test_an_open_circuit_sends_the_next_message_to_the_other_provider(rig: OutcomesRig) -> None:
    rig.ecs.script = [NO_CAPACITY, NO_CAPACITY]
    rig.run(limited(CAPACITY), number=1)
    rig.clock.now += 5
    rig.run(limited(CAPACITY), number=2)  # the probe: the circuit stays open for longer
    rig.seconds = 10.5  # no time to be held
    assert rig.run(limited(CAPACITY), number=3) == ["message-3"]
    assert len(rig.ecs.calls) == 2

    rig.seconds = 60
    rig.clock.now += 3
    assert rig.run(limited(CAPACITY), number=3, receives=2, received=3) == []
    assert providers(rig)[-1] == "FARGATE"


def test_a_first_delivery_with_capacity_writes_nothing(rig: OutcomesRig) -> None:
    assert rig.run(limited(CAPACITY)) == []

    assert rig.wire.calls == []


def test_a_provider_that_the_stage_does_not_allow_is_refused() -> None:
    rig = OutcomesRig(settings=outcome_settings(CAPACITY_PROVIDERS='["FARGATE"]'))
    rig.run(limited(CAPACITY))

    assert rig.dead_letters[0]["reason"] == "not-allowed"
    assert rig.ecs.calls == []


def test_the_end_of_a_task_wakes_the_next_message(rig: OutcomesRig) -> None:
    rig.run(limited(ONE), number=1)
    (report,) = rig.sqs.reports
    rig.run(limited(ONE), number=2)
    (arn,) = report["tasks"]
    ended = {**rig.exited(1, 0, "message-1"), "taskArn": arn}

    rig.feed(json.dumps(report), ended)

    assert rig.sqs.woken == ["receipt-2"]
    assert held(rig) == []


def test_the_sweep_wakes_who_waits_though_nobody_holds_a_place(rig: OutcomesRig) -> None:
    rig.run(limited(ONE), number=1)
    rig.run(limited(ONE), number=2)
    rig.sqs.wake_error = EndpointConnectionError(endpoint_url="https://sqs.example")
    leases_of(rig).release("etl", "message-1")
    rig.sqs.wake_error = None

    rig.sweep()

    assert rig.sqs.woken == ["receipt-2"]


@pytest.mark.parametrize("seed", range(5))
def test_never_more_tasks_than_the_limit_and_the_places_are_used(seed: int) -> None:
    """Thirty messages of a group of three, in whatever order they are delivered."""
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    rig = OutcomesRig()
    block = {"concurrency": {"max": 3, "group": "etl"}}
    receives = dict.fromkeys(range(30), 0)
    visible, running, order = list(receives), [], []
    for _ in range(1000):
        while visible:
            number = visible.pop(draw.randrange(len(visible)))
            receives[number] += 1
            sent = {"age": 100 - number, "receives": receives[number]}
            if not rig.run(limited(block), number=number, **sent):
                running.append(number)
                order.append(number)
        assert len(running) <= 3
        if not running:
            break
        assert len(running) == min(3, 30 - len(order) + len(running))
        ended = running.pop(draw.randrange(len(running)))
        leases_of(rig).release("etl", f"message-{ended}")
        visible = [int(handle.rpartition("-")[2]) for handle in rig.sqs.woken]
        rig.sqs.woken.clear()

    assert sorted(order) == list(range(30))
    assert order[3:] == sorted(order[3:])
    assert rig.ecs.count == 30
