from __future__ import annotations

import pytest

from function.breaker import Breaker
from tests.unit.fakes import FakeClock

LANE = "batch/FARGATE"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker(clock)


def test_a_lane_with_capacity_is_open(breaker: Breaker) -> None:
    assert breaker.ask(LANE, 0) == 0


def test_without_capacity_one_message_probes_and_the_others_wait(
    breaker: Breaker, clock: FakeClock
) -> None:
    breaker.gone(LANE)
    until = clock.now + 20
    assert breaker.ask(LANE, until) == 1

    clock.now += 1
    assert breaker.ask(LANE, until) == 0
    assert (breaker.ask(LANE, until) or 0) > 0


def test_a_probe_that_finds_capacity_opens_the_lane(breaker: Breaker, clock: FakeClock) -> None:
    breaker.gone(LANE)
    clock.now += 1
    breaker.ask(LANE, clock.now)

    breaker.found(LANE)

    assert [breaker.ask(LANE, clock.now) for _ in range(3)] == [0, 0, 0]


def test_probes_follow_each_other_ever_more_slowly(breaker: Breaker, clock: FakeClock) -> None:
    breaker.gone(LANE)
    waits = []
    for _ in range(7):
        wait = breaker.ask(LANE, clock.now + 60) or 0
        waits.append(wait)
        clock.now += wait
        assert breaker.ask(LANE, clock.now) == 0
        breaker.gone(LANE)

    assert waits == [1, 2, 4, 8, 16, 20, 20]


def test_nobody_is_held_past_the_end(breaker: Breaker, clock: FakeClock) -> None:
    breaker.gone(LANE)

    assert breaker.ask(LANE, clock.now + 0.5) is None

    clock.now += 1
    assert breaker.ask(LANE, clock.now) == 0
    assert breaker.ask(LANE, clock.now) is None


def test_a_probe_that_learned_nothing_lets_another_one_follow(
    breaker: Breaker, clock: FakeClock
) -> None:
    breaker.gone(LANE)
    clock.now += 1
    breaker.ask(LANE, clock.now)

    breaker.unknown(LANE)

    assert breaker.ask(LANE, clock.now) == 0


def test_a_probe_that_never_reported_is_taken_for_dead(breaker: Breaker, clock: FakeClock) -> None:
    breaker.gone(LANE)
    clock.now += 1
    breaker.ask(LANE, clock.now)

    clock.now += 31

    assert breaker.ask(LANE, clock.now) == 0


def test_calls_in_flight_do_not_lengthen_the_outage(breaker: Breaker, clock: FakeClock) -> None:
    for _ in range(4):
        breaker.gone(LANE)

    assert breaker.ask(LANE, clock.now + 20) == 1


def test_another_lane_is_not_touched(breaker: Breaker) -> None:
    breaker.gone(LANE)

    assert breaker.ask("batch/EC2", 0) == 0
