"""Rate limiter: makes RunTask calls no faster than the account's quotas allow.

The whole account shares each quota. Each execution environment uses its share of the configured
rates, reduces it when AWS throttles, and recovers slowly. AWS counts calls and, on Fargate, the
tasks that they launch, on demand and Spot apart.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/throttling.html
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from function.limits import (
    BATCH_BURST,
    FARGATE_RUN_TASK_BURST,
    FARGATE_RUN_TASK_RATE,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from function.clock import Clock

# A throttled call reduces the rate to this fraction of itself.
THROTTLED_FACTOR: Final = 0.7

# The rate is reduced once in this time: the calls in flight had all started at the old rate.
REDUCTION_INTERVAL_SECONDS: Final = 1.0

# The fraction of the full rate that is regained each second.
RECOVERY_PER_SECOND: Final = 0.02

# The rate never falls below this fraction of the full rate: an occasional call has to find out
# whether AWS still throttles.
MIN_RATE_FRACTION: Final = 0.05

# The launch type and the capacity providers that have quotas of their own.
FARGATE: Final = "FARGATE"
FARGATE_SPOT: Final = "FARGATE_SPOT"


class Quota(NamedTuple):
    """A rate of the stage.

    Attributes:
        per_second: How much it may use per second.
        burst: How much it may use at once.
    """

    per_second: float
    burst: float


class Quotas(NamedTuple):
    """The rates of a stage.

    Attributes:
        run_task: Calls of RunTask.
        fargate_launch: Tasks on Fargate, on demand.
        fargate_spot_launch: Tasks on Fargate Spot.
    """

    run_task: Quota
    fargate_launch: Quota
    fargate_spot_launch: Quota


class _Bucket:
    """A token bucket that lends: a call that is let through later takes its tokens at once."""

    def __init__(self, quota: Quota, share: float, now: float) -> None:
        self._full_rate = quota.per_second * share
        # An environment that was idle makes one batch of launches at once, whatever its share is:
        # the others sleep.
        self._burst = min(quota.burst, max(quota.burst * share, BATCH_BURST))
        self.rate = self._full_rate
        self._tokens = self._burst
        self._at = now
        self._reduced_at = now - REDUCTION_INTERVAL_SECONDS
        self._queue_ends = now

    def wait(self, cost: float, now: float) -> float:
        """Return the seconds until there are tokens for a cost."""
        self._fill(now)
        return max(0.0, (min(cost, self._burst) - self._tokens) / self.rate)

    def take(self, cost: float) -> None:
        self._tokens -= cost

    def queue(self, cost: float, now: float) -> float:
        """Return the seconds until the turn of a call that does not wait, after those before it."""
        turn = max(self._queue_ends, now + self.wait(cost, now))
        self._queue_ends = turn + cost / self.rate
        return turn - now

    def reduce(self, now: float) -> None:
        self._fill(now)
        if now - self._reduced_at >= REDUCTION_INTERVAL_SECONDS:
            self._reduced_at = now
            self.rate = max(self._full_rate * MIN_RATE_FRACTION, self.rate * THROTTLED_FACTOR)
            self._tokens = min(self._tokens, 0.0)

    def _fill(self, now: float) -> None:
        seconds = now - self._at
        self._at = now
        self.rate = min(
            self._full_rate, self.rate + self._full_rate * RECOVERY_PER_SECOND * seconds
        )
        self._tokens = min(self._burst, self._tokens + self.rate * seconds)


class RateLimiter:
    """Schedules calls. Never sleeps; the caller does.

    Args:
        quotas: The rates of the stage.
        environments: How many execution environments share them.
        clock: Its `monotonic` is used.
    """

    def __init__(self, quotas: Quotas, environments: int, clock: Clock = time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        now, share = clock.monotonic(), 1 / environments
        # Where AWS raised the quota of launches, it has raised that of calls as well.
        fargate_calls = Quota(
            max(
                FARGATE_RUN_TASK_RATE,
                quotas.fargate_launch.per_second,
                quotas.fargate_spot_launch.per_second,
            ),
            FARGATE_RUN_TASK_BURST,
        )
        run_task = Quota(
            max(quotas.run_task.per_second, fargate_calls.per_second), quotas.run_task.burst
        )
        self._calls = _Bucket(run_task, share, now)
        self._fargate_calls = _Bucket(fargate_calls, share, now)
        self._launches = {
            FARGATE: _Bucket(quotas.fargate_launch, share, now),
            FARGATE_SPOT: _Bucket(quotas.fargate_spot_launch, share, now),
        }

    def rate(self, supply: str = "") -> float:
        """Return the current rate: launches per second on Fargate, calls per second elsewhere."""
        return self._launches.get(supply, self._calls).rate

    def reserve(
        self, supplies: Collection[str], tasks: int, deadline: float = float("inf")
    ) -> float | None:
        """Reserve the next slot for a call.

        Args:
            supplies: The launch type or the capacity providers of the call.
            tasks: How many tasks it launches.
            deadline: In monotonic time; a slot after it is not reserved.

        Returns:
            Seconds to sleep before the call, or None if the slot is after the deadline.
        """
        with self._lock:
            now = self._clock.monotonic()
            costs = self._costs(supplies, tasks)
            seconds = max(bucket.wait(cost, now) for bucket, cost in costs.items())
            if now + seconds > deadline:
                return None
            for bucket, cost in costs.items():
                bucket.take(cost)
            return seconds

    def queue(self, supplies: Collection[str], tasks: int) -> float:
        """Return the seconds until the turn of a call that is not made now.

        Each call that asks has its turn after the ones that asked before.
        """
        with self._lock:
            now = self._clock.monotonic()
            costs = self._costs(supplies, tasks)
            return max(bucket.queue(cost, now) for bucket, cost in costs.items())

    def record_throttled(self, supplies: Collection[str]) -> None:
        """Reduce the rate: a call was throttled."""
        with self._lock:
            now = self._clock.monotonic()
            for bucket in self._tightest(supplies):
                bucket.reduce(now)

    def _costs(self, supplies: Collection[str], tasks: int) -> Mapping[_Bucket, float]:
        launches = self._launched(supplies)
        costs: dict[_Bucket, float] = {self._calls: 1}
        if launches:
            costs[self._fargate_calls] = 1
        # Which provider of a strategy gets a task is ECS's choice.
        return costs | dict.fromkeys(launches, tasks)

    def _launched(self, supplies: Collection[str]) -> list[_Bucket]:
        return [bucket for name, bucket in self._launches.items() if name in supplies]

    def _tightest(self, supplies: Collection[str]) -> list[_Bucket]:
        return self._launched(supplies) or [self._calls]
