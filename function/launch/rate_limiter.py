"""Rate limiter: makes RunTask calls no faster than the account's quota allows.

The whole account shares one quota of RunTask calls per second. Each execution environment uses its
share of the configured rate, reduces it when AWS throttles, and recovers slowly.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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

# How much time without calls, such as between two batches, is caught up on.
MAX_CATCH_UP_SECONDS: Final = 1.0


class RateLimiter:
    """Schedules calls. Never sleeps; the caller does.

    Args:
        calls_per_second: The share of this execution environment.
        clock: Its `monotonic` is used.
    """

    def __init__(self, calls_per_second: float, clock: Clock = time) -> None:
        self._full_rate = calls_per_second
        self._rate = calls_per_second
        self._clock = clock
        self._lock = threading.Lock()
        now = clock.monotonic()
        self._next_slot = now
        self._recovered_at = now
        self._reduced_at = now - REDUCTION_INTERVAL_SECONDS

    @property
    def rate(self) -> float:
        """The current rate, in calls per second."""
        return self._rate

    def reserve(self, deadline: float = float("inf")) -> float | None:
        """Reserve the next slot for a call.

        Args:
            deadline: In monotonic time; a slot after it is not reserved.

        Returns:
            Seconds to sleep before the call, or None if the slot is after the deadline.
        """
        with self._lock:
            now = self._clock.monotonic()
            self._recover(now)
            slot = max(self._next_slot, now - MAX_CATCH_UP_SECONDS)
            if max(slot, now) > deadline:
                return None
            self._next_slot = slot + 1 / self._rate
            return max(0.0, slot - now)

    def record_throttled(self) -> None:
        """Reduce the rate: a call was throttled."""
        with self._lock:
            now = self._clock.monotonic()
            self._recover(now)
            if now - self._reduced_at >= REDUCTION_INTERVAL_SECONDS:
                self._reduced_at = now
                self._rate = max(self._full_rate * MIN_RATE_FRACTION, self._rate * THROTTLED_FACTOR)
                self._next_slot = max(self._next_slot, now + 1 / self._rate)

    def _recover(self, now: float) -> None:
        regained = self._full_rate * RECOVERY_PER_SECOND * (now - self._recovered_at)
        self._rate = min(self._full_rate, self._rate + regained)
        self._recovered_at = now
