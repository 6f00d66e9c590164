"""The clock that the handler depends on, so that tests and simulations can supply their own."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """The time functions that the handler uses; the standard library's module `time` fits."""

    def time(self) -> float:
        """Return the seconds since 1970."""

    def monotonic(self) -> float:
        """Return seconds that never decrease, from an arbitrary start."""

    def sleep(self, seconds: float, /) -> None:
        """Block for the given number of seconds."""
