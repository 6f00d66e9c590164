"""Prints the logs of a key's tasks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from function.outcomes import settling
from runtask import console
from runtask.errors import RuntaskError, UsageError
from runtask.follow import Follower
from runtask.histories import unknown_key
from runtask.key_report import task_id
from runtask.task_logs import TaskLogs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from function.clock import Clock
    from function.outcomes.history import History
    from runtask.sight import Sight
    from runtask.stage_access import StageAccess
    from runtask.task_logs import LogLine

# Of a task's id, before a line; more would leave no room for the line.
_SHOWN_ID_LENGTH: Final = 8


@dataclass(frozen=True, kw_only=True)
class LogPrinter:
    """Prints lines of logs, and says once what cannot be read.

    Attributes:
        logs: Reads them.
        as_json: Whether each line is printed as an object.
        several_keys: Whether each line names its key, too.
        among_events: Whether an object is one of several kinds, and has the members event and key.
    """

    logs: TaskLogs
    as_json: bool
    several_keys: bool = False
    among_events: bool = False
    _said: set[tuple[str, str]] = field(default_factory=set)

    def new_lines(self, history: History) -> None:
        """Print what the tasks of a key have written since the last call.

        Raises:
            RuntaskError: if AWS rejects a request.
        """
        self._print(self.logs.read(history.runs), [history])

    def rest(self, *histories: History) -> None:
        """Print the rest of what the tasks of keys have written, after they have ended.

        Raises:
            RuntaskError: if AWS rejects a request.
        """
        runs = [run for history in histories for run in history.runs]
        self._print(self.logs.read_to_end(runs), histories)

    def _print(self, lines: Iterable[LogLine], histories: Sequence[History]) -> None:
        of = {run.arn: history for history in histories for run in history.runs}
        for line in lines:
            history = of[line.task]
            if self.as_json:
                text = console.compact(
                    {
                        **({"event": "log", "key": history.key} if self.among_events else {}),
                        "task": line.task,
                        "container": line.container,
                        "at": line.at,
                        "text": line.text,
                    }
                )
            else:
                text = f"{self._place(line, history)}{line.text}"
            console.line(text)
        for log in self.logs.unreadable:
            if (log.task, log.container) not in self._said:
                self._said.add((log.task, log.container))
                console.progress(
                    f"the log of container {log.container} of task {task_id(log.task)} cannot be "
                    f"shown: {log.why}"
                )

    def _place(self, line: LogLine, history: History) -> str:
        """Return what begins a line: nothing where there is only one log."""
        words = [history.key] if self.several_keys else []
        if len(history.runs) > 1:
            words.append(task_id(line.task)[:_SHOWN_ID_LENGTH])
        if self.logs.several(line.task):
            words.append(line.container)
        return f"{'/'.join(words)}: " if words else ""


def print_logs(  # noqa: PLR0913 - what the command line says
    access: StageAccess,
    key: str,
    container: str,
    *,
    follow: bool,
    as_json: bool,
    clock: Clock = time,
) -> None:
    """Print the logs of a key's tasks.

    Args:
        access: The stage.
        key: The key.
        container: Only the log of this container; empty for all.
        follow: Whether to go on until the tasks have ended.
        as_json: Whether each line is printed as an object.
        clock: Tells the time, and waits.

    Raises:
        UnknownKeyError: if nothing is known of the key, and it is not followed.
        UsageError: if no task has such a container.
        RuntaskError: if there is no log, or AWS rejects a request.
    """
    logs = TaskLogs(access, container, clock)
    printer = LogPrinter(logs=logs, as_json=as_json)
    follower = Follower(access, [key], clock)
    for _ in follower.changes():
        sight = follower.sights[key]
        if not sight.known and not follow:
            raise unknown_key(access, [key])
        if container:
            _check_container(logs, sight.history, container)
        if sight.final or not follow:
            break
        printer.new_lines(sight.history)
    _finish(printer, follower.sights[key])


def _finish(printer: LogPrinter, sight: Sight) -> None:
    """Print what is left, or say why there is nothing."""
    history = sight.history
    if not history.runs:
        raise RuntaskError(
            f"{history.key} is {history.state}, and no task of it was started, so it has no log; "
            f"for the reason, run: runtask status {history.key}"
        )
    if all(settling.has_ended(run) for run in history.runs):
        printer.rest(history)
    else:
        printer.new_lines(history)


def _check_container(logs: TaskLogs, history: History, container: str) -> None:
    names = {
        name
        for run in history.runs
        if run.task_definition
        for name in logs.containers(run.task_definition)
    }
    if names and container not in names:
        raise UsageError(
            f"--container {container}: the task definition has no such container; it has "
            f"{', '.join(sorted(names))}"
        )
