"""How far a run is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol, Self

from rich.console import Console

from runtask import console

if TYPE_CHECKING:
    from collections.abc import Callable

# Between two lines where there is no terminal.
_LINE_SECONDS: Final = 5.0

_MINUTE_SECONDS: Final = 60


class Progress(Protocol):
    """Shows how many messages were sent."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def update(self, sent: int) -> None:
        """Show the number of messages that were sent by now, those of earlier runs included."""


class Silent:
    """Shows nothing: for a handful of messages."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, sent: int) -> None:
        """Show nothing."""


class Lines(Silent):
    """A line every few seconds.

    Args:
        total: The number of messages.
        before: Those that an earlier run sent.
        clock: Returns the time in seconds.
    """

    def __init__(
        self, total: int, before: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total = total
        self._before = before
        self._clock = clock
        self._started = self._shown = clock()

    def update(self, sent: int) -> None:
        """Print a line if it is time for one."""
        now = self._clock()
        if now - self._shown < _LINE_SECONDS and sent < self._total:
            return
        self._shown = now
        rate = (sent - self._before) / max(now - self._started, 1e-6)
        left = f", {shown_seconds((self._total - sent) / rate)} left" if rate else ""
        console.progress(f"{sent:,} of {self._total:,} sent, {rate:,.0f} a second{left}")


class Bar:
    """A bar with the rate and the time left.

    Args:
        terminal: Where it is drawn.
        total: The number of messages.
        before: Those that an earlier run sent.
    """

    def __init__(self, terminal: Console, total: int, before: int) -> None:
        from rich.progress import BarColumn, TextColumn  # noqa: PLC0415 - a terminal alone needs it
        from rich.progress import Progress as RichProgress  # noqa: PLC0415

        self._total = total
        self._before = before
        self._started = time.monotonic()
        self._bar = RichProgress(
            BarColumn(),
            TextColumn("{task.description}"),
            console=terminal,
        )
        self._task = self._bar.add_task("", total=total, completed=before)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def update(self, sent: int) -> None:
        """Draw the bar anew."""
        rate = (sent - self._before) / max(time.monotonic() - self._started, 1e-6)
        left = f", {shown_seconds((self._total - sent) / rate)} left" if rate else ""
        text = f"{sent:,} of {self._total:,}, {rate:,.0f} a second{left}"
        self._bar.update(self._task, completed=sent, description=text)


def make_progress(total: int, before: int, *, shown: bool) -> Progress:
    """Return what shows the progress of a run.

    Args:
        total: The number of messages.
        before: Those that an earlier run sent.
        shown: Whether anything is shown.
    """
    if not shown:
        return Silent()
    terminal = Console(stderr=True, highlight=False)
    return Bar(terminal, total, before) if terminal.is_terminal else Lines(total, before)


def shown_seconds(seconds: float) -> str:
    """Return a time in words: `7 s`, or `3 min`."""
    if seconds < 2 * _MINUTE_SECONDS:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE_SECONDS:.0f} min"
