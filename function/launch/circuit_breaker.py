"""Circuit breaker per capacity pool: while a pool is exhausted, one message probes for the rest.

A pool is what shares one supply of capacity (`Request.capacity_pool`). While it is exhausted a
batch is held for up to MAX_HOLD_SECONDS, so that its messages are at hand when room comes back,
and a single message probes; then they go back to the queue, untried.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.limits import MAX_HOLD_SECONDS, PROBE_INTERVAL_SECONDS, PROBE_LEASE_SECONDS

if TYPE_CHECKING:
    from function.clock import Clock

_ASK_AGAIN_SECONDS: Final = 0.1
"""How soon a held message asks again while another one probes."""


@dataclass
class _Outage:
    interval: float
    next_probe: float
    lease_ends: float = 0.0
    probing: bool = False


class CircuitBreaker:
    """Says for each capacity_pool whether a call may be made. It keeps time, but never sleeps."""

    def __init__(self, clock: Clock = time) -> None:
        """Start with every capacity_pool open for calls; `monotonic` of the clock is used."""
        self._clock = clock
        self._lock = threading.Lock()
        self._outages: dict[str, _Outage] = {}

    def acquire(self, capacity_pool: str, hold_until: float) -> float | None:
        """Return how many seconds to wait before asking again, 0 to call now, None to give up.

        Whoever is told to call reports what came of it: `record_success`,
        `record_exhausted` or `release`.

        Args:
            capacity_pool: what the call draws its capacity from.
            hold_until: on the clock's monotonic time; no message waits longer than that.
        """
        with self._lock:
            outage = self._outages.get(capacity_pool)
            if outage is None:
                return 0.0
            now = self._clock.monotonic()
            if outage.probing and now < outage.lease_ends:
                return _ASK_AGAIN_SECONDS if now + _ASK_AGAIN_SECONDS <= hold_until else None
            if now >= outage.next_probe:
                outage.probing, outage.lease_ends = True, now + PROBE_LEASE_SECONDS
                return 0.0
            return outage.next_probe - now if outage.next_probe <= hold_until else None

    def record_success(self, capacity_pool: str) -> None:
        """A task was started: the capacity_pool has capacity."""
        with self._lock:
            self._outages.pop(capacity_pool, None)

    def record_exhausted(self, capacity_pool: str) -> None:
        """There was no capacity."""
        with self._lock:
            now = self._clock.monotonic()
            outage = self._outages.get(capacity_pool)
            if outage is None:
                interval = PROBE_INTERVAL_SECONDS
            elif outage.probing:
                interval = min(MAX_HOLD_SECONDS, outage.interval * 2)
            else:
                return  # a call that was begun before the outage was known
            self._outages[capacity_pool] = _Outage(interval=interval, next_probe=now + interval)

    def release(self, capacity_pool: str) -> None:
        """The call said nothing about capacity: if it was the probe, another one may follow."""
        with self._lock:
            outage = self._outages.get(capacity_pool)
            if outage is not None:
                outage.probing = False
