"""Waits for messages, shows what becomes of them, and says how to go on."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from typing import TYPE_CHECKING, Final

from function.outcomes.states import FINAL, State
from runtask import console, stopping
from runtask.errors import ExitCode, RuntaskError
from runtask.follow import Follower
from runtask.following import change_words
from runtask.histories import Histories
from runtask.key_report import key_report, moment
from runtask.log_output import LogPrinter
from runtask.messages import new_key
from runtask.stopping import Fate
from runtask.task_logs import TaskLogs
from runtask.waiting.ends import as_told, count_words, exit_code, failure
from runtask.waiting.options import Until, WaitOptions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from function.clock import Clock
    from function.outcomes.history import History
    from runtask.sight import Sight
    from runtask.stage_access import StageAccess
    from runtask.waiting.ends import Awaited

# With more messages, a line tells how many are in which state.
MAX_SHOWN_KEYS: Final = 20

# With more, the calls for the logs would take the rate of all who read logs in the account.
MAX_LOG_KEYS: Final = 20

# Keys that the command to go on with names.
_MAX_NAMED_KEYS: Final = 5

# Between two lines of numbers.
_LINE_SECONDS: Final = 5.0

# How long a message whose task has not started is waited for to be stopped.
_MAX_STOP_SECONDS: Final = 30.0

_REJECTIONS: Final = frozenset({State.REJECTED, State.EXPIRED})

# The states in which what is waited for has happened.
_REACHED: Final = {
    Until.LAUNCHED: FINAL | {State.LAUNCHING, State.RUNNING},
    Until.RUNNING: FINAL | {State.RUNNING},
    Until.STOPPED: FINAL,
}


class WaitTimeoutError(RuntaskError):
    """The time for which messages are waited for has passed."""

    exit_code = ExitCode.WAIT_TIMEOUT


class InterruptedWaitError(RuntaskError):
    """Ctrl-C has ended the wait."""

    exit_code = ExitCode.INTERRUPTED


def check_access(access: StageAccess) -> None:
    """Check, before anything is sent, that it can be waited for.

    Raises:
        RuntaskError: if the stage's table cannot be read.
    """
    Histories(access).many([new_key()])
    if not access.has_histories:
        console.progress(
            f"stage {access.stage} keeps no histories (ecs-run-task:outcomes): that a message is "
            "rejected is not seen, so set --timeout"
        )


class Waiter:
    """Waits for messages.

    Args:
        access: The stage.
        awaited: The messages.
        options: How they are waited for.
        since: When the first of them was sent, in seconds since 1970.
        as_json: Whether changes and lines of logs are printed as objects, one a line.
        clock: Tells the time, and waits.
    """

    def __init__(  # noqa: PLR0913 - what the command line says
        self,
        access: StageAccess,
        awaited: Sequence[Awaited],
        options: WaitOptions,
        *,
        since: float,
        as_json: bool,
        clock: Clock = time,
    ) -> None:
        self._access, self._options, self._clock = access, options, clock
        self._awaited = {one.key: one for one in awaited}
        self._since = since
        self._as_json = as_json
        self._follower = Follower(access, self._awaited, clock, self._is_earlier)
        self._line_at = float("-inf")
        self._printer = LogPrinter(
            logs=TaskLogs(access, clock=clock),
            as_json=as_json,
            several_keys=len(self._awaited) > 1,
            among_events=True,
        )

    def wait(self) -> None:
        """Wait until everything has happened that is waited for.

        Raises:
            EndedError: if a message did not succeed; with the exit code of the worst.
            WaitTimeoutError: if the time has passed.
            InterruptedWaitError: if Ctrl-C, or SIGTERM, ended it.
            RuntaskError: if AWS rejects a request.
        """
        timeout = self._options.timeout
        until = None if timeout is None else self._clock.monotonic() + timeout
        try:
            with _terminated_as_interrupted():
                for changed in self._follower.changes(until):
                    self._show(changed)
                    if self._is_over():
                        break
                self._show_logs(last=True)
        except KeyboardInterrupt:
            raise self._interrupted() from None
        error = failure(self._sights(), self._access.stage)
        if error is not None and (self._options.fail_fast or not self._open()):
            raise error
        if self._open():
            raise WaitTimeoutError(
                f"--timeout: {timeout:g} s have passed: {self._state_words()}; {self._go_on()}"
            )

    def _sights(self) -> list[Sight]:
        """Return what became of each message."""
        return [as_told(self._awaited[key], sight) for key, sight in self._follower.sights.items()]

    def _open(self) -> list[Sight]:
        """Return the messages of which that is still to come what is waited for."""
        reached = _REACHED[self._options.until]
        return [one for one in self._sights() if not one.known or one.history.state not in reached]

    def _is_over(self) -> bool:
        if self._options.fail_fast and any(exit_code(sight) for sight in self._sights()):
            return True
        return not self._open()

    def _is_earlier(self, history: History) -> bool:
        """Return whether a history ends with the rejection of an earlier message of its key."""
        rejection = history.rejection
        return (
            history.state in _REJECTIONS
            and rejection is not None
            and rejection.message_id != self._awaited[history.key].message_id
            and rejection.rejected_at < self._since
        )

    def _show(self, changed: Sequence[Sight]) -> None:
        """Show what a look has changed."""
        for sight in changed:
            told = as_told(self._awaited[sight.key], sight)
            if self._as_json:
                report = {"event": "state", **key_report(told, self._access.stage)}
                console.line(console.compact(report))
            elif len(self._awaited) <= MAX_SHOWN_KEYS:
                console.progress(f"{moment(self._clock.time())} {change_words(told)}")
        now = self._clock.monotonic()
        many = len(self._awaited) > MAX_SHOWN_KEYS
        if many and changed and now - self._line_at >= _LINE_SECONDS:
            self._line_at = now
            console.progress(f"{moment(self._clock.time())} {count_words(self._sights())}")
        self._show_logs(last=False)

    def _show_logs(self, *, last: bool) -> None:
        """Print what the tasks have written; at last, of those that have ended, the rest too."""
        if not self._options.logs:
            return
        ended = []
        for sight in self._sights():
            if last and sight.final:
                ended.append(sight.history)
            else:
                self._printer.new_lines(sight.history)
        if ended:
            self._printer.rest(*ended)

    def _interrupted(self) -> InterruptedWaitError:
        if not self._options.stop_on_interrupt:
            return InterruptedWaitError(
                f"interrupted; it is waited no longer: {self._state_words()}; {self._go_on()}"
            )
        console.progress("interrupted; stopping the tasks (Ctrl-C again lets them go on)")
        try:
            stopped = sum(1 for _ in self._stops())
        except KeyboardInterrupt:
            return InterruptedWaitError(f"interrupted again; {self._go_on()}")
        words = f"{stopped} task{' is' if stopped == 1 else 's are'} being stopped"
        waiting = [one.key for one in self._sights() if not one.history.runs and not one.final]
        if waiting:
            words += (
                f"; of {', '.join(waiting[:_MAX_NAMED_KEYS])} the message still waits in the "
                f"queue; once it has started, run: runtask stop KEY --stage {self._access.stage}"
            )
        return InterruptedWaitError(f"interrupted; {words}")

    def _stops(self) -> Iterator[str]:
        """Stop the tasks, also those that start within some seconds, and yield their ARNs."""
        told: set[str] = set()
        for _ in self._follower.changes(self._clock.monotonic() + _MAX_STOP_SECONDS):
            plan = [
                stop
                for stop in stopping.stops([s for s in self._sights() if not s.final])
                if stop.task not in told
            ]
            for stop in stopping.stop(self._access, plan, self._clock):
                if stop.fate is Fate.STOPPING:
                    told.add(stop.task)
                    yield stop.task
            if all(one.final or one.history.runs for one in self._sights()):
                return

    def _state_words(self) -> str:
        sights = self._sights()
        if len(sights) == 1:
            return f"{sights[0].key} is {sights[0].history.state}"
        return count_words(sights)

    def _go_on(self) -> str:
        """Return the commands with which to go on."""
        keys = [sight.key for sight in self._open()]
        stage = f"--stage {self._access.stage}"
        shown = " ".join(keys) if len(keys) <= _MAX_NAMED_KEYS else ""
        follow = f"runtask status {shown} {stage} --follow" if shown else f"runtask status {stage}"
        log = f"runtask logs {keys[0] if len(keys) == 1 else 'KEY'} {stage}"
        return f"to go on, run: {follow}; for the log: {log}"


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, with which a CI job is cancelled, do what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
