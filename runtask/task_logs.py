"""The logs of tasks, from the first line to the last.

A container's log stream follows from its task definition's `logConfiguration`:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from function.clock import Clock
    from function.outcomes.history import Run
    from runtask.stage_access import StageAccess

_AWSLOGS: Final = "awslogs"

_MILLISECONDS: Final = 1000

# Lines can arrive after the end of their task: the log driver sends what it has buffered. A log is
# complete when this long nothing new has arrived.
GRACE_SECONDS: Final = 5.0

# Between two reads of a log that is not complete yet.
_READ_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A line of a log.

    Attributes:
        task: The task's ARN.
        container: The container's name.
        at: When it was written, in seconds since 1970; None if that is not known.
        text: The line.
    """

    task: str
    container: str
    at: float | None
    text: str


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A log that cannot be shown.

    Attributes:
        task: The task's ARN.
        container: The container's name.
        why: Why, and where the log is, as a sentence's part.
    """

    task: str
    container: str
    why: str


class TaskLogs:
    """Reads the logs of tasks; each line is returned once.

    Args:
        access: The stage.
        container: Only the log of this container; empty for those of all.
        clock: Tells the time, and waits.
    """

    def __init__(self, access: StageAccess, container: str = "", clock: Clock = time) -> None:
        self._access = access
        self._container = container
        self._clock = clock
        self._definitions: dict[str, list[Mapping[str, Any]]] = {}
        self._readers: dict[str, list[_Reader]] = {}
        self.unreadable: list[Unreadable] = []

    def read(self, runs: Sequence[Run], *, ended: bool = False) -> Iterator[LogLine]:
        """Yield the lines of tasks that were not yielded before, as far as they have arrived.

        What cannot be read is put into `unreadable`.

        Args:
            runs: The tasks.
            ended: Whether they have ended.

        Raises:
            RuntaskError: if AWS rejects a request.
        """
        for run in runs:
            if run.task_definition and run.arn not in self._readers:
                self._readers[run.arn] = list(self._readers_of(run))
            for reader in self._readers.get(run.arn, ()):
                yield from reader.read(ended=ended)

    def read_to_end(self, runs: Sequence[Run]) -> Iterator[LogLine]:
        """Yield the lines of tasks that have ended, until nothing new arrives.

        Raises:
            RuntaskError: if AWS rejects a request.
        """
        quiet_since = self._clock.monotonic()
        while True:
            for line in self.read(runs, ended=True):
                quiet_since = self._clock.monotonic()
                yield line
            reads = any(self._readers.get(run.arn) for run in runs)
            at_once = self._access.output is not None  # a file is complete when its writer ends
            if not reads or at_once or self._clock.monotonic() - quiet_since >= GRACE_SECONDS:
                return
            self._clock.sleep(_READ_SECONDS)

    def several(self, task: str) -> bool:
        """Return whether a task has more than one log that is read."""
        return len(self._readers.get(task, ())) > 1

    def containers(self, task_definition: str) -> list[str]:
        """Return the names of a task definition's containers.

        Raises:
            RuntaskError: if AWS rejects the request.
        """
        return [str(one["name"]) for one in self._definition(task_definition)]

    def _definition(self, arn: str) -> list[Mapping[str, Any]]:
        if arn not in self._definitions:
            ecs = self._access.client("ecs")
            with self._access.asking(f"task definition {arn}", "ecs:DescribeTaskDefinition"):
                answer = ecs.describe_task_definition(taskDefinition=arn)
            self._definitions[arn] = answer["taskDefinition"]["containerDefinitions"]
        return self._definitions[arn]

    def _readers_of(self, run: Run) -> Iterator[_Reader]:
        for definition in self._definition(run.task_definition):
            name = str(definition["name"])
            if self._container not in {"", name}:
                continue
            if self._access.output is not None:
                yield _FileReader(self._access.output, run.arn, name)
                continue
            log = definition.get("logConfiguration") or {}
            options = log.get("options") or {}
            why = _obstacle(log, options)
            if why:
                self.unreadable.append(Unreadable(task=run.arn, container=name, why=why))
                continue
            stream = f"{options['awslogs-stream-prefix']}/{name}/{run.arn.rpartition('/')[2]}"
            region = options.get("awslogs-region", "")
            yield _StreamReader(
                self._access, region, (options["awslogs-group"], stream), (run.arn, name)
            )


def _obstacle(log: Mapping[str, Any], options: Mapping[str, str]) -> str:
    """Return why the log of a container cannot be read, empty if it can."""
    driver = log.get("logDriver", "")
    if not driver:
        return "its task definition has no logConfiguration, so ECS does not keep its output"
    if driver != _AWSLOGS:
        return f"its log driver is {driver}; expected awslogs, whose logs CloudWatch keeps"
    if "awslogs-stream-prefix" not in options:
        return (
            "its logConfiguration has no awslogs-stream-prefix, so the name of its stream in "
            f"{options.get('awslogs-group', 'its group')} is not known"
        )
    return ""


class _Reader(Protocol):
    """Reads the log of a container; each line once."""

    def read(self, *, ended: bool) -> Iterator[LogLine]:
        """Yield the lines that are new."""


class _FileReader:
    """Reads what a container of a rehearsal has written."""

    def __init__(self, output: Callable[[str, str], str], task: str, container: str) -> None:
        self._output = output
        self._task, self._container = task, container
        self._shown = 0

    def read(self, *, ended: bool) -> Iterator[LogLine]:
        text = self._output(self._task, self._container)[self._shown :]
        if not ended:  # the rest of the last line is still to come
            text = text[: text.rfind("\n") + 1]
        self._shown += len(text)
        for line in text.splitlines():
            yield LogLine(task=self._task, container=self._container, at=None, text=line)


class _StreamReader:
    """Reads a stream of CloudWatch Logs.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
    """

    def __init__(
        self, access: StageAccess, region: str, place: tuple[str, str], of: tuple[str, str]
    ) -> None:
        self._access = access
        session: Any = access.account.session
        self._logs = (
            access.client("logs")
            if region in {"", access.config.location.region}
            else session.client("logs", region_name=region)
        )
        self._group, self._stream = place
        self._task, self._container = of
        self._token: str | None = None

    def read(self, *, ended: bool) -> Iterator[LogLine]:
        del ended  # an event is a whole line
        while True:
            answer = self._page()
            if answer is None:
                return
            for event in answer["events"]:
                yield LogLine(
                    task=self._task,
                    container=self._container,
                    at=event["timestamp"] / _MILLISECONDS,
                    text=event["message"],
                )
            token = answer["nextForwardToken"]
            # A page can be empty before the end; at the end, the token stays the same.
            if token == self._token:
                return
            self._token = token

    def _page(self) -> dict[str, Any] | None:
        """Return the next page; None if the stream does not exist yet."""
        with self._access.asking(f"log stream {self._group}: {self._stream}", "logs:GetLogEvents"):
            try:
                answer: dict[str, Any] = self._logs.get_log_events(
                    logGroupName=self._group,
                    logStreamName=self._stream,
                    startFromHead=True,
                    **({"nextToken": self._token} if self._token else {}),
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ResourceNotFoundException":
                    return None
                raise
        return answer
