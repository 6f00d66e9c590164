"""The rate_limiter: RunTask calls no faster than the account's quota gives them.

RunTask has a quota of calls per second that everything in the account shares. Each execution
environment takes its share of the configured rate, less while AWS throttles, and slowly more
again. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from function.clock import Clock

CUT: Final = 0.7
"""What is left of the rate after a throttled call."""

CUT_INTERVAL_SECONDS: Final = 1.0
"""One cut in this time: the calls in flight were all begun at the old rate."""

RECOVERY_PER_SECOND: Final = 0.02
"""How much of the full rate comes back each second."""

FLOOR: Final = 0.05
"""The least of the full rate: a call now and then has to find out whether it is over."""

CATCH_UP_SECONDS: Final = 1.0
"""How far the rate limiter makes up for time without calls, such as between two batches."""


class RateLimiter:
    """Hands out the moments at which a call may begin. It keeps time, but never sleeps."""

    def __init__(self, calls_per_second: float, clock: Clock = time) -> None:
        """Start at full rate.

        Args:
            calls_per_second: the share of this execution environment.
            clock: `monotonic` of it is used.
        """
        self._full = calls_per_second
        self._rate = calls_per_second
        self._clock = clock
        self._lock = threading.Lock()
        now = clock.monotonic()
        self._next = now
        self._risen_at = now
        self._cut_at = now - CUT_INTERVAL_SECONDS

    @property
    def rate(self) -> float:
        """The calls per second that are handed out now."""
        return self._rate

    def reserve(self, deadline: float = float("inf")) -> float | None:
        """Take the next moment, and return how many seconds away it is.

        Args:
            deadline: on the clock's monotonic time; a moment after it is not taken.

        Returns:
            Seconds to sleep before the call, or None when the deadline comes first.
        """
        with self._lock:
            now = self._clock.monotonic()
            self._rise(now)
            moment = max(self._next, now - CATCH_UP_SECONDS)
            if max(moment, now) > deadline:
                return None
            self._next = moment + 1 / self._rate
            return max(0.0, moment - now)

    def throttled(self) -> None:
        """Slow down: a call was throttled."""
        with self._lock:
            now = self._clock.monotonic()
            self._rise(now)
            if now - self._cut_at >= CUT_INTERVAL_SECONDS:
                self._cut_at = now
                self._rate = max(self._full * FLOOR, self._rate * CUT)
                self._next = max(self._next, now + 1 / self._rate)

    def _rise(self, now: float) -> None:
        gained = self._full * RECOVERY_PER_SECOND * (now - self._risen_at)
        self._rate = min(self._full, self._rate + gained)
        self._risen_at = now
