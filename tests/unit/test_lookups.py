"""What ECS is asked, how often, and until when."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from function.failures.reasons import RetryableFailure
from function.limits import LOOKUP_FAILURE_TTL_SECONDS, LOOKUP_TTL_SECONDS
from function.message.lookups import Lookups
from tests.unit.fakes import FakeClock

NETWORK = {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}


class Ecs:
    """Answers DescribeServices, or hangs until the client gives up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hangs = False

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        self.asked += services
        if self.hangs:
            raise ReadTimeoutError(endpoint_url=f"https://ecs/{cluster}")
        network = {"awsvpcConfiguration": NETWORK}
        return {"services": [{"status": "ACTIVE", "networkConfiguration": network}]}


@pytest.fixture
def ecs() -> Ecs:
    return Ecs()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def lookups(ecs: Ecs, clock: FakeClock) -> Lookups:
    return Lookups(cast("Any", ecs), clock)


def test_an_answer_is_asked_for_once(lookups: Lookups, ecs: Ecs) -> None:
    assert lookups.network("batch", "report") == lookups.network("batch", "report") == NETWORK
    assert ecs.asked == ["report"]


def test_an_answer_is_believed_for_some_minutes(
    lookups: Lookups, ecs: Ecs, clock: FakeClock
) -> None:
    lookups.network("batch", "report")
    clock.now += LOOKUP_TTL_SECONDS + 1
    lookups.network("batch", "report")
    assert ecs.asked == ["report", "report"]


def test_the_messages_of_a_batch_wait_for_one_time_out_and_not_for_one_each(
    lookups: Lookups, ecs: Ecs
) -> None:
    ecs.hangs = True
    for _ in range(10):
        with pytest.raises(ReadTimeoutError):
            lookups.network("batch", "report")
    assert ecs.asked == ["report"]


def test_ecs_is_asked_again_soon_after_it_did_not_answer(
    lookups: Lookups, ecs: Ecs, clock: FakeClock
) -> None:
    ecs.hangs = True
    with pytest.raises(ReadTimeoutError):
        lookups.network("batch", "report")
    ecs.hangs = False
    clock.now += LOOKUP_FAILURE_TTL_SECONDS + 1
    assert lookups.network("batch", "report") == NETWORK


def test_past_the_deadline_ecs_is_not_asked(lookups: Lookups, ecs: Ecs, clock: FakeClock) -> None:
    with pytest.raises(RetryableFailure) as kept:
        lookups.network("batch", "report", deadline=clock.monotonic())
    assert kept.value.reason == "not-attempted"
    assert ecs.asked == []


def test_what_is_known_is_told_also_past_the_deadline(lookups: Lookups, clock: FakeClock) -> None:
    lookups.network("batch", "report")
    assert lookups.network("batch", "report", deadline=clock.monotonic()) == NETWORK
