"""The options of `runtask send` that are about waiting."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import click

from runtask.errors import UsageError
from runtask.time_options import DURATION

if TYPE_CHECKING:
    from collections.abc import Callable


class Until(StrEnum):
    """What is waited for.

    Attributes:
        LAUNCHED: RunTask has started the tasks.
        RUNNING: A task runs.
        STOPPED: All tasks have ended.
    """

    LAUNCHED = "launched"
    RUNNING = "running"
    STOPPED = "stopped"


@dataclass(frozen=True, kw_only=True)
class WaitOptions:
    """How messages are waited for.

    Attributes:
        until: What is waited for.
        timeout: Seconds after which it is waited no longer; None for no limit.
        logs: Whether what the tasks write is printed.
        fail_fast: Whether the first message that does not succeed ends the wait.
        stop_on_interrupt: Whether Ctrl-C stops the tasks.
    """

    until: Until = Until.STOPPED
    timeout: float | None = None
    logs: bool = False
    fail_fast: bool = False
    stop_on_interrupt: bool = False


_OPTIONS: Final = (
    click.option(
        "--wait",
        is_flag=True,
        help="Wait until the tasks have ended; the exit code is that of the container that "
        "decides.",
    ),
    click.option(
        "--wait-until",
        type=click.Choice([str(until) for until in Until]),
        help="Wait until the tasks are started, one runs, or all have ended.  [default with "
        "--wait: stopped]",
    ),
    click.option(
        "--timeout",
        metavar="DURATION",
        type=DURATION,
        help="Wait no longer than 90s, 30m, 2h or 7d after the last message was sent; the tasks go "
        "on.  [default: no limit]",
    ),
    click.option(
        "--logs",
        is_flag=True,
        help="With --wait: print what the tasks write on stdout, and the keys on stderr.",
    ),
    click.option(
        "--fail-fast",
        is_flag=True,
        help="With --wait: end at the first message that does not succeed; the others go on.",
    ),
    click.option(
        "--stop-on-interrupt",
        is_flag=True,
        help="With --wait: stop the tasks at Ctrl-C.  [default: they go on]",
    ),
)


def wait_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as `waits`; None for not to wait."""

    @functools.wraps(function)
    def with_waits(  # noqa: PLR0913 - one for each option
        *arguments: Any,  # noqa: ANN401 - those of the command
        wait: bool,
        wait_until: str | None,
        timeout: float | None,
        logs: bool,
        fail_fast: bool,
        stop_on_interrupt: bool,
        **others: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        made = WaitOptions(
            until=Until(wait_until or Until.STOPPED),
            timeout=timeout,
            logs=logs,
            fail_fast=fail_fast,
            stop_on_interrupt=stop_on_interrupt,
        )
        waits = made if wait or wait_until else None
        if waits is None and made != WaitOptions():
            raise UsageError(
                "--timeout, --logs, --fail-fast and --stop-on-interrupt are for --wait; add it, or "
                "leave them out"
            )
        if made.logs and made.until is not Until.STOPPED:
            raise UsageError(
                f"--logs and --wait-until {made.until}: expected one of them; to see the logs, run "
                "afterwards: runtask logs KEY --follow"
            )
        return function(*arguments, waits=waits, **others)

    for option in reversed(_OPTIONS):
        with_waits = option(with_waits)
    return with_waits
