from __future__ import annotations

import pytest

from function.launch.circuit_breaker import CircuitBreaker
from tests.unit.fakes import FakeClock

POOL = "batch/FARGATE"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def circuit_breaker(clock: FakeClock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def test_a_pool_with_capacity_accepts_calls(circuit_breaker: CircuitBreaker) -> None:
    assert circuit_breaker.acquire(POOL, 0) == 0


def test_without_capacity_one_message_probes_and_the_others_wait(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(POOL)
    until = clock.now + 20
    assert circuit_breaker.acquire(POOL, until) == 1

    clock.now += 1
    assert circuit_breaker.acquire(POOL, until) == 0
    assert (circuit_breaker.acquire(POOL, until) or 0) > 0


def test_a_probe_that_finds_capacity_closes_the_circuit(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(POOL)
    clock.now += 1
    circuit_breaker.acquire(POOL, clock.now)

    circuit_breaker.record_success(POOL)

    assert [circuit_breaker.acquire(POOL, clock.now) for _ in range(3)] == [0, 0, 0]


def test_the_interval_between_probes_doubles_up_to_the_hold(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(POOL)
    waits = []
    for _ in range(7):
        wait = circuit_breaker.acquire(POOL, clock.now + 60) or 0
        waits.append(wait)
        clock.now += wait
        assert circuit_breaker.acquire(POOL, clock.now) == 0
        circuit_breaker.record_exhausted(POOL)

    assert waits == [1, 2, 4, 8, 16, 20, 20]


def test_no_message_is_held_past_the_end(circuit_breaker: CircuitBreaker, clock: FakeClock) -> None:
    circuit_breaker.record_exhausted(POOL)

    assert circuit_breaker.acquire(POOL, clock.now + 0.5) is None

    clock.now += 1
    assert circuit_breaker.acquire(POOL, clock.now) == 0
    assert circuit_breaker.acquire(POOL, clock.now) is None


def test_after_an_inconclusive_probe_another_may_follow(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(POOL)
    clock.now += 1
    circuit_breaker.acquire(POOL, clock.now)

    circuit_breaker.release(POOL)

    assert circuit_breaker.acquire(POOL, clock.now) == 0


def test_a_probe_that_never_reported_counts_as_lost(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    circuit_breaker.record_exhausted(POOL)
    clock.now += 1
    circuit_breaker.acquire(POOL, clock.now)

    clock.now += 31

    assert circuit_breaker.acquire(POOL, clock.now) == 0


def test_calls_in_flight_do_not_extend_the_outage(
    circuit_breaker: CircuitBreaker, clock: FakeClock
) -> None:
    for _ in range(4):
        circuit_breaker.record_exhausted(POOL)

    assert circuit_breaker.acquire(POOL, clock.now + 20) == 1


def test_another_pool_is_not_affected(circuit_breaker: CircuitBreaker) -> None:
    circuit_breaker.record_exhausted(POOL)

    assert circuit_breaker.acquire("batch/EC2", 0) == 0
