from __future__ import annotations

import pytest

from function.launch.rate_limiter import CUT, FLOOR, RateLimiter
from tests.unit.fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def run(rate_limiter: RateLimiter, clock: FakeClock, calls: int) -> float:
    """Return how many seconds so many calls take."""
    start = clock.now
    for _ in range(calls):
        clock.sleep(rate_limiter.reserve() or 0.0)
    return clock.now - start


def test_calls_are_spaced_by_the_rate(clock: FakeClock) -> None:
    assert run(RateLimiter(10, clock), clock, 101) == pytest.approx(10)


def test_idle_time_is_made_up_for_one_second_only(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)
    clock.now += 3600

    assert run(rate_limiter, clock, 11) == pytest.approx(0, abs=1e-6)
    assert run(rate_limiter, clock, 10) == pytest.approx(1)


def test_a_moment_after_the_deadline_is_not_taken(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(1, clock)
    assert rate_limiter.reserve(clock.now) == 0

    assert rate_limiter.reserve(clock.now + 0.9) is None
    assert rate_limiter.reserve(clock.now + 1.1) == pytest.approx(1)


def test_throttling_cuts_the_rate_once_a_second(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)

    for _ in range(4):
        rate_limiter.throttled()
    assert rate_limiter.rate == pytest.approx(10 * CUT)

    clock.now += 1
    rate_limiter.throttled()
    assert rate_limiter.rate == pytest.approx((10 * CUT + 0.2) * CUT)


def test_the_rate_never_falls_to_nothing(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)
    for _ in range(100):
        clock.now += 1
        rate_limiter.throttled()

    assert rate_limiter.rate == pytest.approx(10 * FLOOR)


def test_the_rate_comes_back_slowly_and_no_further_than_it_was(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)
    rate_limiter.throttled()

    clock.now += 5
    rate_limiter.reserve()
    assert rate_limiter.rate == pytest.approx(8)

    clock.now += 500
    rate_limiter.reserve()
    assert rate_limiter.rate == 10


def test_throttling_ends_the_making_up_for_idle_time(clock: FakeClock) -> None:
    rate_limiter = RateLimiter(10, clock)
    clock.now += 10
    rate_limiter.throttled()

    assert (rate_limiter.reserve() or 0) > 0.1
