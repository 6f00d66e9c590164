"""Circuit breaker per capacity pool: while a pool is exhausted, one message probes for the rest.

A capacity pool is what shares one supply of capacity (`Request.capacity_pool`), or the part of it
that fits tasks of one size (`Request.size_pool`). While it is exhausted, a batch is held for up to
MAX_HOLD_SECONDS so that its messages can be launched as soon as capacity returns, and one message
at a time probes. After that, they return to the queue without an attempt.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.limits import (
    MAX_HOLD_SECONDS,
    MAX_OPEN_CIRCUITS,
    PROBE_INTERVAL_SECONDS,
    PROBE_LEASE_SECONDS,
)

if TYPE_CHECKING:
    from function.clock import Clock

# How soon a held message asks again while another one probes.
_POLL_SECONDS: Final = 0.1


@dataclass
class _Outage:
    interval: float
    next_probe: float
    lease_ends: float = 0.0
    probing: bool = False


class CircuitBreaker:
    """Decides, per capacity pool, whether a call may proceed. Never sleeps; the caller does.

    Pools have names and sizes of a sender's choice, so only the MAX_OPEN_CIRCUITS pools that were
    found exhausted last are remembered, each by the hash of its name.

    Args:
        clock: Its `monotonic` is used.
    """

    def __init__(self, clock: Clock = time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._outages: OrderedDict[bytes, _Outage] = OrderedDict()

    def acquire(self, capacity_pool: str, hold_until: float) -> float | None:
        """Ask whether a call may proceed.

        A caller that proceeds has to report the result with `record_success`, `record_exhausted`
        or `release`.

        Args:
            capacity_pool: The pool that the call draws on.
            hold_until: In monotonic time; the message may not wait longer than this.

        Returns:
            0 to call now, the seconds to wait before asking again, or None to give up.
        """
        with self._lock:
            outage = self._outage(capacity_pool)
            if outage is None:
                return 0.0
            now = self._clock.monotonic()
            if outage.probing and now < outage.lease_ends:
                return _POLL_SECONDS if now + _POLL_SECONDS <= hold_until else None
            if now >= outage.next_probe:
                outage.probing, outage.lease_ends = True, now + PROBE_LEASE_SECONDS
                return 0.0
            return outage.next_probe - now if outage.next_probe <= hold_until else None

    def record_success(self, capacity_pool: str) -> None:
        """Close the circuit: a task was started."""
        with self._lock:
            if self._outages:
                self._outages.pop(_digest(capacity_pool), None)

    def record_exhausted(self, capacity_pool: str) -> None:
        """Open the circuit, or keep it open for longer: there was no capacity."""
        with self._lock:
            now = self._clock.monotonic()
            outage = self._outage(capacity_pool)
            if outage is None:
                interval = PROBE_INTERVAL_SECONDS
            elif outage.probing:
                interval = min(MAX_HOLD_SECONDS, outage.interval * 2)
            else:
                return  # this call had started before the circuit opened
            digest = _digest(capacity_pool)
            self._outages[digest] = _Outage(interval=interval, next_probe=now + interval)
            self._outages.move_to_end(digest)
            if len(self._outages) > MAX_OPEN_CIRCUITS:
                self._outages.popitem(last=False)

    def release(self, capacity_pool: str) -> None:
        """Report a call that said nothing about capacity; if it was the probe, another may go."""
        with self._lock:
            outage = self._outage(capacity_pool)
            if outage is not None:
                outage.probing = False

    def _outage(self, capacity_pool: str) -> _Outage | None:
        # Most of the time there is none, and every message asks.
        return self._outages.get(_digest(capacity_pool)) if self._outages else None


def _digest(capacity_pool: str) -> bytes:
    return hashlib.sha256(capacity_pool.encode(errors="surrogatepass")).digest()
