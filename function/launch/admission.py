"""The one place for time: may this call be made now, and if not, when shall the message be back?

Rate limiter, circuit breaker and backoff have one answer together, so that no message circulates
while it waits, and none waits for what does not concern it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from function.failures.reasons import Failure, FailureClass, RetryableFailure
from function.limits import (
    BACKOFF_BASE_SECONDS,
    MAX_BACKOFF_SECONDS,
    MAX_INVISIBLE_SECONDS,
    SLOW_BACKOFF_BASE_SECONDS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from function.clock import Clock
    from function.launch.circuit_breaker import CircuitBreaker
    from function.launch.rate_limiter import RateLimiter


@dataclass(frozen=True, kw_only=True)
class TimeBudget:
    """The time that a batch has, in monotonic time.

    Attributes:
        started: When the batch was received.
        deadline: No launch starts after this.
        hold_until: No message waits for capacity after this.
    """

    started: float
    deadline: float
    hold_until: float


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a call takes.

    Attributes:
        pool: The capacity pool.
        size_pool: The part of it that fits tasks of this size.
        supplies: The launch type or the capacity providers, which have quotas.
        tasks: How many tasks are launched.
    """

    pool: str
    size_pool: str
    supplies: frozenset[str]
    tasks: int


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Lets calls through, and tells when a message shall be back.

    Attributes:
        rate_limiter: Schedules calls.
        circuit_breaker: Rejects calls while capacity is exhausted.
        clock: Sleeps until a call may be made.
        draw: Returns the jitter, a random number from 0 to 1.
        max_backoff_seconds: The longest that a message waits.
    """

    rate_limiter: RateLimiter
    circuit_breaker: CircuitBreaker
    clock: Clock
    draw: Callable[[], float]
    max_backoff_seconds: float

    def enter(self, demand: Demand, time_budget: TimeBudget) -> None:
        """Return when the call may be made; its result has to be reported.

        Raises:
            RetryableFailure: `not-attempted` or `circuit-open`, if that is too late. It says when
                the message shall be back, where that does not depend on its receives.
        """
        while seconds := self._held(demand, time_budget):
            self.clock.sleep(seconds)
        delay = self.rate_limiter.reserve(demand.supplies, demand.tasks, time_budget.deadline)
        if delay is None:
            self.release(demand)
            raise self._too_late(demand, "the rate leaves no time for it in this invocation")
        if delay:
            self.clock.sleep(delay)

    def launched(self, demand: Demand) -> None:
        """Report that tasks were started."""
        self.circuit_breaker.record_success(demand.size_pool)
        self.circuit_breaker.record_success(demand.pool)

    def release(self, demand: Demand) -> None:
        """Report that the call was not made, or said nothing about capacity."""
        self.circuit_breaker.release(demand.size_pool)
        self.circuit_breaker.release(demand.pool)

    def failed(self, demand: Demand, failure: Failure) -> None:
        """Report why no task, or not every task, was started."""
        if failure.reason == "throttled":
            self.rate_limiter.record_throttled(demand.supplies)
        if not failure.details.capacity_exhausted:
            self.release(demand)
        elif failure.details.by_size:
            # Tasks of another size may still fit.
            self.circuit_breaker.record_exhausted(demand.size_pool)
            self.circuit_breaker.release(demand.pool)
        else:
            self.circuit_breaker.record_exhausted(demand.pool)
            self.circuit_breaker.release(demand.size_pool)

    def back_in(self, failure: Failure, receives: int, longest: float) -> int:
        """Return in how many seconds a message that was not launched shall be back.

        Args:
            failure: Why it was not launched.
            receives: How often it has been received.
            longest: The most that its age allows, in seconds.
        """
        if failure.details.skip_backoff:
            return 0
        if failure.seconds is not None:
            waits = failure.details.waits_for_day
            most = MAX_INVISIBLE_SECONDS if waits else self.max_backoff_seconds
            seconds: float = math.ceil(min(failure.seconds, most))
        else:
            slow = failure.details.failure_class is FailureClass.ENVIRONMENT
            seconds = backoff_seconds(
                receives,
                self.draw,
                base_seconds=SLOW_BACKOFF_BASE_SECONDS if slow else BACKOFF_BASE_SECONDS,
                max_seconds=self.max_backoff_seconds,
            )
        return max(1, int(min(seconds, longest)))

    def _held(self, demand: Demand, time_budget: TimeBudget) -> float:
        """Return the seconds to wait before asking again, 0 if no circuit is open."""
        now = self.clock.monotonic()
        if now >= time_budget.deadline:
            raise self._too_late(demand, "no time was left in the invocation")
        # A batch is not held for tasks of a size that does not fit: those that fit would wait.
        if self.circuit_breaker.acquire(demand.size_pool, now) != 0:
            raise RetryableFailure(
                "circuit-open", f"tasks of this size do not fit {demand.pool}; another one probes"
            )
        hold_until = min(time_budget.hold_until, time_budget.deadline)
        seconds = self.circuit_breaker.acquire(demand.pool, hold_until)
        if seconds != 0:
            self.circuit_breaker.release(demand.size_pool)
        if seconds is None:
            raise RetryableFailure(
                "circuit-open",
                f"capacity pool {demand.pool} is exhausted, and other messages probe it",
            )
        return seconds

    def _too_late(self, demand: Demand, why: str) -> RetryableFailure:
        turn = self.rate_limiter.queue(demand.supplies, demand.tasks)
        return RetryableFailure("not-attempted", why, seconds=max(1.0, turn))


def backoff_seconds(
    receives: int,
    draw: Callable[[], float],
    base_seconds: float = BACKOFF_BASE_SECONDS,
    max_seconds: float = MAX_BACKOFF_SECONDS,
) -> int:
    """Return how long a message that failed stays invisible, in seconds.

    Exponential with full jitter: messages that failed together do not return together.
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Args:
        receives: How often the message has been received, at least 1.
        draw: Returns a random number from 0 to 1, such as `random.random`.
        base_seconds: The longest wait after the first receive; doubles with each further one.
        max_seconds: The longest wait of all.
    """
    # Limited before the power is taken: the thousandth receive must not compute 2 ** 999.
    doublings = min(max(receives, 1) - 1, math.log2(max_seconds / base_seconds))
    longest = min(max_seconds, base_seconds * 2**doublings)
    return max(1, math.ceil(longest * draw()))
