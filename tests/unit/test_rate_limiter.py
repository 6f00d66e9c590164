from __future__ import annotations

import pytest

from function.launch.rate_limiter import MIN_RATE_FRACTION, THROTTLED_FACTOR, RateLimiter
from tests.unit.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def run(rate_limiter: RateLimiter, clock: FakeClock, calls: int) -> float:
    """Return the seconds that a number of calls take."""
    start = clock.now
    for _ in range(calls):
        clock.sleep(rate_limiter.reserve() or 0.0)
    return clock.now - start


def test_calls_are_spaced_by_the_rate(clock: FakeClock) -> None:
    assert run(RateLimiter(10, clock), clock, 101) == pytest.approx(10)


def test_only_one_second_of_idle_time_is_caught_up_on(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)
    clock.now += 3600

    assert run(rate_limiter, clock, 11) == pytest.approx(0, abs=1e-6)
    assert run(rate_limiter, clock, 10) == pytest.approx(1)


def test_a_slot_after_the_deadline_is_not_reserved(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(1, clock)
    assert rate_limiter.reserve(clock.now) == 0

    assert rate_limiter.reserve(clock.now + 0.9) is None
    assert rate_limiter.reserve(clock.now + 1.1) == pytest.approx(1)


def test_throttling_reduces_the_rate_once_a_second(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)

    for _ in range(4):
        rate_limiter.record_throttled()
    assert rate_limiter.rate == pytest.approx(10 * THROTTLED_FACTOR)

    clock.now += 1
    rate_limiter.record_throttled()
    assert rate_limiter.rate == pytest.approx((10 * THROTTLED_FACTOR + 0.2) * THROTTLED_FACTOR)


def test_the_rate_never_falls_to_zero(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)
    for _ in range(100):
        clock.now += 1
        rate_limiter.record_throttled()

    assert rate_limiter.rate == pytest.approx(10 * MIN_RATE_FRACTION)


def test_the_rate_recovers_slowly_and_no_further_than_it_was(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)
    rate_limiter.record_throttled()

    clock.now += 5
    rate_limiter.reserve()
    assert rate_limiter.rate == pytest.approx(8)

    clock.now += 500
    rate_limiter.reserve()
    assert rate_limiter.rate == 10


def test_throttling_ends_the_catching_up(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)
    clock.now += 10
    rate_limiter.record_throttled()

    assert (rate_limiter.reserve() or 0) > 0.1
