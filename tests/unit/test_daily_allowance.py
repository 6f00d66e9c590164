"""`maxTasksPerDay`: a stage starts no more tasks in a day of UTC, and no message is lost for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.model.dynamodb import Away
from tests.unit.fakes import ENVIRONMENT, Rig, client_error, message, settings

DAY = 24 * 60 * 60


@pytest.fixture
def rig() -> Rig:
    return Rig(settings=settings(MAX_TASKS_PER_DAY="10"))


def counted(rig: Rig) -> int:
    """Return how many tasks the table has for today."""
    day = datetime.fromtimestamp(rig.clock.time(), UTC).date().isoformat()
    found: Any = rig.table.items.get(f"tasks/{day}")
    return 0 if found is None else int(found["started"]["N"])


def test_tasks_are_counted_before_they_are_started(rig: Rig) -> None:
    rig.run(message(count=4))
    rig.run(message(count=3), number=1)

    assert counted(rig) == 7


def test_without_a_ceiling_nothing_is_counted() -> None:
    rig = Rig()
    rig.run(message(count=4))

    assert counted(rig) == 0
    assert rig.wire.calls == []


def test_over_the_ceiling_a_message_waits_for_the_next_day(rig: Rig) -> None:
    rig.run(message(count=8))
    returned = rig.run(message(count=3), number=1)

    assert returned == ["message-1"]
    assert len(rig.ecs.calls) == 1
    assert rig.sqs.sent == []
    assert counted(rig) == 8
    (seconds,) = rig.sqs.visibility.values()
    until_midnight = DAY - rig.clock.time() % DAY
    assert seconds == min(42_000, int(until_midnight + 900) + 1)


def test_what_still_fits_is_launched(rig: Rig) -> None:
    rig.run(message(count=8))
    rig.run(message(count=3), number=1)
    assert rig.run(message(count=2), number=2) == []

    assert counted(rig) == 10


def test_on_the_next_day_a_waiting_message_is_launched(rig: Rig) -> None:
    rig.run(message(count=8))
    assert rig.run(message(count=3), number=1)
    rig.clock.now += DAY
    assert rig.run(message(count=3), number=1, receives=2, age=DAY) == []

    assert counted(rig) == 3
    assert len(rig.ecs.calls) == 2


def test_a_message_with_a_key_waits_as_well_and_is_launched_once(rig: Rig) -> None:
    key: dict[str, Any] = {"attributes": {"key": "nightly"}}
    rig.run(message(count=8))
    assert rig.run(message(count=3), number=1, **key)
    rig.clock.now += DAY
    assert rig.run(message(count=3), number=1, receives=2, age=DAY, **key) == []
    assert rig.run(message(count=3), number=2, **key) == []

    assert counted(rig) == 3
    assert [call["clientToken"][-2:] for call in rig.ecs.calls[1:]] == ["-0"]


def test_the_wait_is_announced_once(rig: Rig) -> None:
    rig.run(message(count=10))
    for number in range(1, 4):
        rig.run(message(count=1), number=number)
        rig.clock.now += 3600

    assert [found["reason"] for found in rig.sns.notifications] == ["daily-limit"]


def test_tasks_that_ecs_refuses_are_given_back(rig: Rig) -> None:
    rig.ecs.always = client_error("InvalidParameterException", "no")
    rig.run(message(count=4))
    assert counted(rig) == 0

    rig.ecs.always = client_error("ThrottlingException", "Rate exceeded")
    rig.run(message(count=4), number=1)
    assert counted(rig) == 0

    rig.ecs.always = "RESOURCE:CPU"
    rig.run(message(count=4), number=2)
    assert counted(rig) == 0


def test_of_an_answer_in_part_the_rest_is_given_back(rig: Rig) -> None:
    rig.ecs.script = [1]
    rig.run(message(count=4))
    assert counted(rig) == 1

    rig.clock.now += 60
    assert rig.run(message(count=4), receives=2, age=60) == []
    assert counted(rig) == 4


@pytest.mark.parametrize("attributes", [{}, {"key": "nightly"}])
def test_a_repeated_call_is_counted_once(rig: Rig, attributes: dict[str, str]) -> None:
    rig.ecs.script = [client_error("ServerException", "internal", status=500)]
    assert rig.run(message(count=4), attributes=attributes)
    assert counted(rig) == 4

    rig.clock.now += 60
    assert rig.run(message(count=4), receives=2, age=60, attributes=attributes) == []
    assert counted(rig) == 4


def test_after_a_crash_a_message_without_a_key_is_counted_again_and_not_held(rig: Rig) -> None:
    rig.run(message(count=8))
    assert rig.run(message(count=3), number=1, receives=2) == []

    assert counted(rig) == 11


def test_without_the_table_nothing_is_started(rig: Rig) -> None:
    rig.table.away = Away.UNREACHABLE

    assert rig.run(message(count=1)) == ["message-0"]
    assert rig.ecs.calls == []


def test_a_first_delivery_makes_one_call_more(rig: Rig) -> None:
    rig.run(message(count=1))
    rig.run(message(count=1), number=1, attributes={"key": "nightly"})

    assert rig.wire.calls == ["UpdateItem", "PutItem", "UpdateItem"]


def test_a_message_of_more_tasks_than_a_day_has_is_not_started() -> None:
    rig = Rig(settings=settings(MAX_TASKS_PER_DAY="2"))

    assert rig.run(message(count=3))
    assert rig.ecs.calls == []


def test_a_redelivery_near_the_end_of_the_retention_is_back_before_it(rig: Rig) -> None:
    retention = int(ENVIRONMENT["QUEUE_RETENTION_SECONDS"])
    rig.run(message(count=10))
    rig.run(message(count=1), number=1, age=retention - 10_000)

    assert max(rig.sqs.visibility.values()) <= 5_000
