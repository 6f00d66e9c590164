"""Holds a rate over several threads."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """Lets a number of messages a second through.

    Args:
        rate: Messages a second; None for no limit.
        clock: Returns the time in seconds.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._next = 0.0
        self._lock = threading.Lock()

    def delay(self, count: int) -> float:
        """Return the seconds until a number of messages may be sent, and count them as sent."""
        if self._rate is None:
            return 0.0
        with self._lock:
            now = self._clock()
            start = max(self._next, now)
            self._next = start + count / self._rate
            return start - now
