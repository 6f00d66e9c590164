"""The ECS stand-in: replaces MiniStack's RunTask, StopTask, and what it tells of tasks.

MiniStack ignores client tokens, creates unknown clusters, never ends a task without Docker and
raises no events. The refusals below carry the codes that AWS documents and, where they are
known, its texts. The stand-in is this project's own code and no evidence about AWS.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
"""

from __future__ import annotations

import collections
import contextvars
import json
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.child_files import SettingsFile
from rehearsal.emulator.ecs_checks import Refusal, check, find_cluster, find_definition, invalid
from rehearsal.emulator.readings import read_reading
from rehearsal.emulator.scripts import TaskScript, from_json, scripts_file
from rehearsal.emulator.task_events import TaskEvents
from rehearsal.emulator.tasks import RunningTask, new_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rehearsal.emulator.conditions import Conditions
    from rehearsal.emulator.container_instances import Placement
    from rehearsal.emulator.containers import Containers
    from rehearsal.emulator.interception import Shortage, TaskFailure
    from rehearsal.emulator.request import Response

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
MAX_DESCRIBED_TASKS: Final = 100

# Why the tasks of the current call stop before they run; set by an interceptor.
task_failure: contextvars.ContextVar[TaskFailure | None] = contextvars.ContextVar(
    "task_failure", default=None
)


# Why the current call does not start all of its tasks; set by an interceptor.
shortage: contextvars.ContextVar[Shortage | None] = contextvars.ContextVar("shortage", default=None)


@dataclass(kw_only=True)
class _Token:
    """What a client token has started.

    Attributes:
        parameters: The request that it was first used with.
        tasks: The ARNs of the tasks that were answered.
        unreported: Those of tasks that were answered as failures.
        failures: The other entries of the answer.
    """

    parameters: str
    tasks: list[str] = field(default_factory=list)
    unreported: list[str] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)


class Tasks:
    """RunTask and StopTask, and the tasks that were started.

    Args:
        containers: What starts the processes of containers.
        folder: Where each task gets a folder of its own.
        readings: The emulator's folder, with the readings of AWS's documents and the scripts.
        place: Returns where the tasks of a call run, by its parameters, its task definition and
            its cluster.
        conditions: Returns the conditions that tests change.
    """

    def __init__(
        self,
        containers: Containers,
        folder: Path,
        readings: Path,
        place: Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], Placement],
        conditions: Callable[[], Conditions],
    ) -> None:
        self._containers = containers
        self._folder = folder
        self._readings = readings
        self._place = place
        self._conditions = conditions
        self._events = TaskEvents(conditions)
        self._scripts = SettingsFile(scripts_file(readings))
        self._failed: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._running: dict[str, RunningTask] = {}

    def install(self) -> None:
        """Replace MiniStack's actions."""
        actions = ministack_internals.ECS_ACTIONS
        self._ministack_stop_task = actions["StopTask"]
        describe, list_tasks = actions["DescribeTasks"], actions["ListTasks"]

        def describe_tasks(request: dict[str, Any]) -> Response:
            if len(request.get("tasks") or []) > MAX_DESCRIBED_TASKS:
                return invalid(f"Tasks cannot exceed {MAX_DESCRIBED_TASKS}.").response
            self._forget()
            answer: Response = describe(request)
            return answer

        def list_remembered(request: dict[str, Any]) -> Response:
            self._forget()
            answer: Response = list_tasks(request)
            return answer

        actions.update(
            RunTask=self.run_task,
            StopTask=self.stop_task,
            DescribeTasks=describe_tasks,
            ListTasks=list_remembered,
        )

    def run_task(self, request: dict[str, Any]) -> Response:
        """Answer RunTask: start the tasks, or refuse."""
        try:
            cluster = find_cluster(request)
            definition = find_definition(request)
            check(request, definition)
            # One lock: two calls with the same token at the same time must not both start.
            with self._lock:
                token = self._launch(request, definition, cluster)
        except Refusal as refusal:
            return refusal.response
        found = [ministack_internals.tasks.get(arn) or _forgotten(arn) for arn in token.tasks]
        answer: Response = ministack_internals.json_response(
            {
                "tasks": [ministack_internals.wire_shape(task) for task in found],
                "failures": token.failures,
            }
        )
        return answer

    def stop_task(self, request: dict[str, Any]) -> Response:
        """Answer StopTask: end the task's processes and report who asked for it.

        "Any tags associated with the task will be deleted." A task that has stopped stays as it is.
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
        """
        name = ministack_internals.cluster_name(request.get("cluster") or "default")
        task = ministack_internals.find_task(request.get("task", ""), name)
        running = self._running.get(task["taskArn"]) if task else None
        if running is None:
            # A task of a service, which never runs here.
            other: Response = self._ministack_stop_task(request)
            return other
        running.stop(request.get("reason") or "Task stopped by user", "UserInitiated")
        del running.task["tags"][:]
        answer: Response = ministack_internals.json_response(
            {"task": ministack_internals.wire_shape(running.task)}
        )
        return answer

    def _launch(
        self, request: dict[str, Any], definition: dict[str, Any], cluster: dict[str, Any]
    ) -> _Token:
        """Start the tasks of a new client token, and what a known one still lacks.

        Raises:
            Refusal: if the token was used with different parameters.
        """
        reading = read_reading(self._readings, cluster["clusterName"])
        name, parameters = request.get("clientToken"), _canonical(request)
        token = self._tokens.get((cluster["clusterArn"], name)) if name else None
        if token is None:
            token = _Token(parameters=parameters)
        elif token.parameters != parameters:
            raise Refusal(
                "ConflictException",
                "The client token was used with different parameters.",
                resourceIds=token.tasks if reading.conflict_names_tasks else [],
            )
        elif not (token.failures and reading.tries_again(started=bool(token.tasks))):
            return token
        started = len(token.tasks) + len(token.unreported)
        self._start(token, request, definition, cluster, (request.get("count") or 1) - started)
        if name:
            self._tokens[cluster["clusterArn"], name] = token
        return token

    def _start(
        self,
        token: _Token,
        request: dict[str, Any],
        definition: dict[str, Any],
        cluster: dict[str, Any],
        count: int,
    ) -> None:
        """Start so many tasks, or as many as there is room for, and fail the others.

        Raises:
            Refusal: if the cluster has no container instance, and the tasks need one.
        """
        placement = self._place(request, definition, cluster)
        if placement.failures:
            token.failures = placement.failures
            return
        lack = shortage.get()
        room = count if lack is None else min(count, lack.tasks)
        unreported = 0 if lack is None else min(count - room, lack.unreported)
        token.failures = [
            {
                "arn": f"{cluster['clusterArn'].replace(':cluster/', ':container-instance/')}/{n}",
                "reason": lack.reason if lack else "",
            }
            for n in range(count - room)
        ]
        arns = [
            self._start_one(request, definition, cluster, placement.instance)
            for _ in range(room + unreported)
        ]
        token.tasks += arns[:room]
        token.unreported += arns[room:]

    def _start_one(
        self,
        request: dict[str, Any],
        definition: dict[str, Any],
        cluster: dict[str, Any],
        instance: str,
    ) -> str:
        task = new_task(request, definition, cluster)
        task["containerInstanceArn"] = instance or None
        arn: str = task["taskArn"]
        if request.get("propagateTags") == "TASK_DEFINITION":
            task["tags"] += ministack_internals.ecs_tags.get(definition["taskDefinitionArn"], [])
        ministack_internals.tasks[arn] = task
        ministack_internals.ecs_tags[arn] = task["tags"]
        script = self._script(request.get("startedBy") or "")
        if failure := task_failure.get():
            script = replace(script, failure=failure)
        running = self._running[arn] = RunningTask(
            task,
            definition,
            self._containers,
            self._folder / arn.rsplit("/", 1)[1],
            events=self._events,
            script=script,
        )
        running.begin()
        return arn

    def _script(self, started_by: str) -> TaskScript:
        """Return the script of the next task of a `startedBy`."""
        content = self._scripts.read().get(started_by)
        script = from_json(content) if content else TaskScript()
        if script.failure and script.times is not None:
            self._failed[started_by] += 1
            if self._failed[started_by] > script.times:
                return replace(script, failure=None)
        return script

    def _forget(self) -> None:
        """Forget the tasks that stopped too long ago."""
        since = time.time() - self._conditions().described_seconds
        tasks = ministack_internals.tasks
        for arn in [
            a for a, task in list(tasks.items()) if (task.get("stoppedAt") or since) < since
        ]:
            del tasks[arn]


def _forgotten(arn: str) -> dict[str, Any]:
    """Return what RunTask's answer to a known token still tells of a task that stopped long ago.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_Idempotency.html
    """
    return {"taskArn": arn, "lastStatus": "STOPPED", "desiredStatus": "STOPPED"}


def _canonical(request: dict[str, Any]) -> str:
    return json.dumps(request, sort_keys=True)
