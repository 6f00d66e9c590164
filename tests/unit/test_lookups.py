"""How often ECS is asked, and until when."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from botocore.exceptions import ReadTimeoutError

from function.failures.reasons import PermanentFailure, RetryableFailure
from function.limits import LOOKUP_FAILURE_TTL_SECONDS, LOOKUP_TTL_SECONDS
from function.message.lookups import Lookups
from tests.unit.fakes import FakeClock

NETWORK = {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}


class Ecs:
    """Answers DescribeServices, or does not respond before the client's timeout."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hangs = False
        self.exists = True

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        self.asked += services
        if self.hangs:
            raise ReadTimeoutError(endpoint_url=f"https://ecs/{cluster}")
        if not self.exists:
            return {"services": []}
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


def test_an_answer_is_cached(lookups: Lookups, ecs: Ecs) -> None:
    assert lookups.service("batch", "report") is lookups.service("batch", "report")
    assert ecs.asked == ["report"]


def test_an_answer_is_cached_for_five_minutes(lookups: Lookups, ecs: Ecs, clock: FakeClock) -> None:
    lookups.service("batch", "report")
    clock.now += LOOKUP_TTL_SECONDS - 1
    lookups.service("batch", "report")
    assert ecs.asked == ["report"]

    clock.now += 2
    lookups.service("batch", "report")
    assert ecs.asked == ["report", "report"]


def test_the_messages_of_a_batch_wait_for_one_timeout_not_for_one_each(
    lookups: Lookups, ecs: Ecs
) -> None:
    ecs.hangs = True
    for _ in range(10):
        with pytest.raises(RetryableFailure, match=r"^network: "):
            lookups.service("batch", "report")
    assert ecs.asked == ["report"]


def test_ecs_is_asked_again_seconds_after_a_timeout(
    lookups: Lookups, ecs: Ecs, clock: FakeClock
) -> None:
    ecs.hangs = True
    with pytest.raises(RetryableFailure, match=r"^network: "):
        lookups.service("batch", "report")
    ecs.hangs = False
    clock.now += LOOKUP_FAILURE_TTL_SECONDS + 1
    assert lookups.service("batch", "report").network == NETWORK


def test_after_the_deadline_ecs_is_not_asked(lookups: Lookups, ecs: Ecs, clock: FakeClock) -> None:
    with pytest.raises(RetryableFailure) as caught:
        lookups.service("batch", "report", deadline=clock.monotonic())
    assert caught.value.reason == "not-attempted"
    assert ecs.asked == []


def test_cached_answers_are_used_after_the_deadline_too(lookups: Lookups, clock: FakeClock) -> None:
    lookups.service("batch", "report")
    assert lookups.service("batch", "report", deadline=clock.monotonic()).network == NETWORK


def test_threads_that_need_the_same_answer_ask_once(lookups: Lookups, ecs: Ecs) -> None:
    asked, go_on = threading.Event(), threading.Event()
    describe = ecs.describe_services

    def slowly(**arguments: Any) -> dict[str, Any]:
        asked.set()
        go_on.wait(5)
        return describe(**arguments)

    ecs.describe_services = slowly  # type: ignore[method-assign]
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(lookups.service, "batch", "report") for _ in range(4)]
        asked.wait(5)
        go_on.set()

    assert len({str(answer.result()) for answer in answers}) == 1
    assert ecs.asked == ["report"]


def test_a_service_that_was_missing_is_looked_up_again(lookups: Lookups, ecs: Ecs) -> None:
    ecs.exists = False
    with pytest.raises(PermanentFailure):
        lookups.service("batch", "report")

    ecs.exists = True

    assert lookups.service("batch", "report").network == NETWORK
