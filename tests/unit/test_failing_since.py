"""What the ledger remembers of a message that fails for a reason that an operator has to fix."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from function.ledger import Item, Ledger
from function.message.builder import read
from function.table import Table
from tests.model.dynamodb import DynamoDbClient
from tests.unit.fakes import ENVIRONMENT, FakeWire, Rig, client_error, message, settings

KEY = {"key": "job-1"}
MAX_AGE_SECONDS = 86_400
NO_CLUSTER = client_error("ClusterNotFoundException", "Cluster not found.")
DENIED = client_error("AccessDeniedException", "is not authorized to perform", "DescribeServices")

# It takes its network from its service, so that it can fail before anything is announced.
BY_SERVICE = message(service="report", networkConfiguration=None)


def milliseconds(rig: Rig) -> int:
    return round(rig.clock.time() * 1000)


def store(rig: Rig, **values: Any) -> None:
    """Write the item of a key, as an earlier delivery did."""
    wire: Any = FakeWire()
    client: Any = DynamoDbClient(wire=wire, table=rig.table)
    ledger = Ledger(Table(client, "ledger", rig.clock), 1e6, rig.clock)
    body = values.pop("body")
    ledger.create(Item(key="job-1", request=read(body, rig.settings).digest(), count=10, **values))


def test_a_message_waits_from_its_first_failure_on(rig: Rig) -> None:
    rig.ecs.always = NO_CLUSTER
    begun = milliseconds(rig)

    # Days in a backlog do not count.
    assert rig.run(message(), attributes=KEY, age=2 * MAX_AGE_SECONDS, received=MAX_AGE_SECONDS)
    rig.clock.now += MAX_AGE_SECONDS - 1
    assert rig.run(message(), attributes=KEY, receives=2, received=MAX_AGE_SECONDS)
    assert (rig.item("job-1") or {})["failing_at"] == str(begun)
    assert rig.sqs.sent == []

    rig.clock.now += 1
    assert not rig.run(message(), attributes=KEY, receives=3, received=MAX_AGE_SECONDS)
    assert [letter["reason"] for letter in rig.dead_letters] == ["cluster-not-found"]


def test_a_failure_before_anything_was_announced_is_remembered(rig: Rig) -> None:
    rig.ecs.lookup_error = DENIED

    assert rig.run(BY_SERVICE, attributes=KEY)

    item = rig.item("job-1")
    assert item is not None
    assert item["failing_at"] == str(milliseconds(rig))
    assert item["request"] == read(BY_SERVICE, rig.settings).digest()
    assert "called_at" not in item


def test_the_first_failure_of_a_message_without_a_key_is_one_write(rig: Rig) -> None:
    rig.ecs.always = NO_CLUSTER

    assert rig.run(message())

    assert rig.wire.calls == ["PutItem"]
    assert (rig.item() or {})["failing_at"] == str(milliseconds(rig))


@pytest.mark.parametrize(
    ("received", "waits"), [(MAX_AGE_SECONDS - 1, True), (MAX_AGE_SECONDS, False)]
)
def test_without_an_item_a_redelivery_fails_since_its_first_receive(
    rig: Rig, received: int, *, waits: bool
) -> None:
    rig.ecs.lookup_error = DENIED

    assert rig.run(BY_SERVICE, receives=2, received=received) == (["message-0"] if waits else [])

    assert rig.item() is None


def test_a_throttled_message_does_not_count_as_failing(rig: Rig) -> None:
    rig.ecs.always = client_error("ThrottlingException", "Rate exceeded")

    assert rig.run(message())

    assert "failing_at" not in (rig.item() or {"failing_at": "no item"})


def test_a_message_that_its_group_blocks_does_not_count_as_failing() -> None:
    rig = Rig(settings=settings(QUEUE_URL=f"{ENVIRONMENT['QUEUE_URL']}.fifo"))
    rig.ecs.always = client_error("ThrottlingException", "Rate exceeded")
    records = [rig.record(message(), number, group="a") for number in (0, 1)]

    assert rig.handle(*records) == ["message-0", "message-1"]

    assert "failing_at" not in (rig.item("message-1") or {"failing_at": "no item"})


def test_a_call_without_an_answer_is_remembered_with_its_message(rig: Rig) -> None:
    rig.ecs.always = ReadTimeoutError(endpoint_url="https://ecs")

    assert rig.run(message())

    item = rig.item()
    assert item is not None
    assert item["caller"] == "message-0"
    assert "called_at" in item


REJECTED = message(count=10, service="gone", networkConfiguration=None)


@pytest.mark.parametrize(
    ("item", "tasks"),
    [
        (None, "0"),
        ({}, "0"),
        ({"tasks": ("arn:1", "arn:2"), "attempt": 1, "answered_at": 1.0}, "2"),
        ({"called_at": 1.0}, "unknown"),
        ({"tasks": ("arn:1",), "attempt": 1, "doubt_at": 1.0}, "unknown"),
    ],
)
def test_a_dead_letter_says_how_many_tasks_the_ledger_knows(
    rig: Rig, item: dict[str, Any] | None, tasks: str
) -> None:
    if item is not None:
        store(rig, body=REJECTED, **item)

    assert not rig.run(REJECTED, attributes=KEY, receives=2)

    assert [letter["tasks"] for letter in rig.dead_letters] == [tasks]


def test_without_an_item_the_tasks_of_a_redelivery_are_unknown(rig: Rig) -> None:
    assert not rig.run(REJECTED, receives=2)
    assert [letter["tasks"] for letter in rig.dead_letters] == ["unknown"]


def test_the_dead_letter_of_a_first_delivery_asks_nobody(rig: Rig) -> None:
    assert not rig.run(REJECTED)

    assert [letter["tasks"] for letter in rig.dead_letters] == ["0"]
    assert rig.wire.calls == []
