"""Time as the handler sees it, so that a test or a simulation can bring its own."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """What the handler asks of time; the module `time` of the standard library fits."""

    def time(self) -> float:
        """Return the seconds since 1970."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def sleep(self, seconds: float, /) -> None:
        """Return after so many seconds."""
