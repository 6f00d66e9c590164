from __future__ import annotations

import pytest

from function.launch.circuit_breaker import CircuitBreaker
from tests.unit.fakes import FakeClock

LANE = "batch/FARGATE"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def circuit_breaker(clock: FakeClock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def test_a_lane_with_capacity_is_open(circuit_breaker: CircuitBreaker) -> None:
    assert circuit_breaker.acquire(LANE, 0) == 0


def test_without_capacity_one_message_probes_and_the_others_wait(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(LANE)
    until = clock.now + 20
    assert circuit_breaker.acquire(LANE, until) == 1

    clock.now += 1
    assert circuit_breaker.acquire(LANE, until) == 0
    assert (circuit_breaker.acquire(LANE, until) or 0) > 0


def test_a_probe_that_finds_capacity_opens_the_lane(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(LANE)
    clock.now += 1
    circuit_breaker.acquire(LANE, clock.now)

    circuit_breaker.record_success(LANE)

    assert [circuit_breaker.acquire(LANE, clock.now) for _ in range(3)] == [0, 0, 0]


def test_probes_follow_each_other_ever_more_slowly(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(LANE)
    waits = []
    for _ in range(7):
        wait = circuit_breaker.acquire(LANE, clock.now + 60) or 0
        waits.append(wait)
        clock.now += wait
        assert circuit_breaker.acquire(LANE, clock.now) == 0
        circuit_breaker.record_exhausted(LANE)

    assert waits == [1, 2, 4, 8, 16, 20, 20]


def test_nobody_is_held_past_the_end(circuit_breaker: CircuitBreaker, clock: FakeClock) -> None:
    circuit_breaker.record_exhausted(LANE)

    assert circuit_breaker.acquire(LANE, clock.now + 0.5) is None

    clock.now += 1
    assert circuit_breaker.acquire(LANE, clock.now) == 0
    assert circuit_breaker.acquire(LANE, clock.now) is None


def test_a_probe_that_learned_nothing_lets_another_one_follow(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(LANE)
    clock.now += 1
    circuit_breaker.acquire(LANE, clock.now)

    circuit_breaker.release(LANE)

    assert circuit_breaker.acquire(LANE, clock.now) == 0


def test_a_probe_that_never_reported_is_taken_for_dead(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(LANE)
    clock.now += 1
    circuit_breaker.acquire(LANE, clock.now)

    clock.now += 31

    assert circuit_breaker.acquire(LANE, clock.now) == 0


def test_calls_in_flight_do_not_lengthen_the_outage(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    for _ in range(4):
        circuit_breaker.record_exhausted(LANE)

    assert circuit_breaker.acquire(LANE, clock.now + 20) == 1


def test_another_lane_is_not_touched(circuit_breaker: CircuitBreaker) -> None:
    circuit_breaker.record_exhausted(LANE)

    assert circuit_breaker.acquire("batch/EC2", 0) == 0
