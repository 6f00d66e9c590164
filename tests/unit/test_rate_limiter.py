from __future__ import annotations

import pytest

from function.launch.rate_limiter import (
    MIN_RATE_FRACTION,
    THROTTLED_FACTOR,
    Quota,
    Quotas,
    RateLimiter,
)
from tests.unit.fakes import FakeClock

FARGATE, SPOT, EC2 = frozenset({"FARGATE"}), frozenset({"FARGATE_SPOT"}), frozenset({"EC2"})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def limiter(
    clock: FakeClock, rate: float = 10, burst: float = 1, environments: int = 1
) -> RateLimiter:
    quota = Quota(rate, burst)
    return RateLimiter(Quotas(Quota(40, 100), quota, quota), environments, clock)


def run(
    rate_limiter: RateLimiter,
    clock: FakeClock,
    calls: int,
    tasks: int = 1,
    supplies: frozenset[str] = FARGATE,
) -> float:
    """Return the seconds that a number of calls take."""
    start = clock.now
    for _ in range(calls):
        clock.sleep(rate_limiter.reserve(supplies, tasks) or 0.0)
    return clock.now - start


def test_launches_are_spaced_by_the_rate(clock: FakeClock) -> None:
    assert run(limiter(clock), clock, 101) == pytest.approx(10)


def test_a_count_of_ten_takes_ten_launches_of_fargate(clock: FakeClock) -> None:
    assert run(limiter(clock), clock, 11, tasks=10) == pytest.approx(10 + 0.9, abs=1)


def test_on_instances_only_calls_count(clock: FakeClock) -> None:
    assert run(limiter(clock), clock, 140, tasks=10, supplies=EC2) == pytest.approx(1)


def test_calls_with_fargate_have_a_rate_of_their_own(clock: FakeClock) -> None:
    assert run(limiter(clock, rate=1, burst=1000), clock, 60) == pytest.approx(2)


def test_fargate_and_fargate_spot_have_buckets_of_their_own(clock: FakeClock) -> None:
    rate_limiter = limiter(clock)
    run(rate_limiter, clock, 1, tasks=10)

    assert rate_limiter.reserve(SPOT, 1) == 0
    assert (rate_limiter.reserve(FARGATE, 1) or 0) > 0.5


def test_a_strategy_with_both_takes_of_both(clock: FakeClock) -> None:
    rate_limiter = limiter(clock)
    rate_limiter.reserve(FARGATE | SPOT, 10)

    assert (rate_limiter.reserve(FARGATE, 1) or 0) > 0.5
    assert (rate_limiter.reserve(SPOT, 1) or 0) > 0.5


def test_only_the_burst_is_caught_up_on_after_idle_time(clock: FakeClock) -> None:
    rate_limiter = limiter(clock, burst=10)
    clock.now += 3600

    assert run(rate_limiter, clock, 10) == pytest.approx(0, abs=1e-6)
    assert run(rate_limiter, clock, 10) == pytest.approx(1)


def test_a_burst_of_ten_at_concurrency_100_does_not_wait(clock: FakeClock) -> None:
    """The others sleep, so that the share of this environment says nothing about the burst."""
    rate_limiter = limiter(clock, rate=20, burst=100, environments=100)

    assert run(rate_limiter, clock, 10) == 0


def test_the_environments_share_the_rate(clock: FakeClock) -> None:
    rate_limiter = limiter(clock, rate=20, burst=1, environments=4)

    assert run(rate_limiter, clock, 51) == pytest.approx(10)


def test_a_slot_after_the_deadline_is_not_reserved(clock: FakeClock) -> None:
    rate_limiter = limiter(clock, rate=1)
    assert rate_limiter.reserve(FARGATE, 1, clock.now) == 0

    assert rate_limiter.reserve(FARGATE, 1, clock.now + 0.9) is None
    assert rate_limiter.reserve(FARGATE, 1, clock.now + 1.1) == pytest.approx(1)


def test_what_does_not_wait_has_its_turn_one_after_the_other(clock: FakeClock) -> None:
    rate_limiter = limiter(clock, rate=1)
    rate_limiter.reserve(FARGATE, 1)

    assert [rate_limiter.queue(FARGATE, 2) for _ in range(3)] == pytest.approx([1, 3, 5])
    clock.now += 100
    assert rate_limiter.queue(FARGATE, 1) == 0


def test_throttling_reduces_the_rate_once_a_second(clock: FakeClock) -> None:
    rate_limiter = limiter(clock)

    for _ in range(4):
        rate_limiter.record_throttled(FARGATE)
    assert rate_limiter.rate("FARGATE") == pytest.approx(10 * THROTTLED_FACTOR)

    clock.now += 1
    rate_limiter.record_throttled(FARGATE)
    assert rate_limiter.rate("FARGATE") == pytest.approx(
        (10 * THROTTLED_FACTOR + 0.2) * THROTTLED_FACTOR
    )


def test_throttling_of_fargate_leaves_the_other_rates(clock: FakeClock) -> None:
    rate_limiter = limiter(clock)

    rate_limiter.record_throttled(FARGATE)

    assert (rate_limiter.rate("FARGATE_SPOT"), rate_limiter.rate()) == (10, 40)


def test_throttling_on_instances_reduces_the_calls(clock: FakeClock) -> None:
    rate_limiter = limiter(clock)

    rate_limiter.record_throttled(EC2)

    assert (rate_limiter.rate("FARGATE"), rate_limiter.rate()) == (10, 40 * THROTTLED_FACTOR)


def test_the_rate_never_falls_to_zero(clock: FakeClock) -> None:
    rate_limiter = limiter(clock)
    for _ in range(100):
        clock.now += 1
        rate_limiter.record_throttled(FARGATE)

    assert rate_limiter.rate("FARGATE") == pytest.approx(10 * MIN_RATE_FRACTION)


def test_the_rate_recovers_slowly_and_no_further_than_it_was(clock: FakeClock) -> None:
    rate_limiter = limiter(clock)
    rate_limiter.record_throttled(FARGATE)

    clock.now += 5
    rate_limiter.reserve(FARGATE, 1)
    assert rate_limiter.rate("FARGATE") == pytest.approx(8)

    clock.now += 500
    rate_limiter.reserve(FARGATE, 1)
    assert rate_limiter.rate("FARGATE") == 10


def test_throttling_ends_the_catching_up(clock: FakeClock) -> None:
    rate_limiter = limiter(clock, burst=10)
    clock.now += 10
    rate_limiter.record_throttled(FARGATE)

    assert (rate_limiter.reserve(FARGATE, 1) or 0) > 0.1
