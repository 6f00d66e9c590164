"""The ECS stand-in: replaces MiniStack's RunTask and StopTask.

MiniStack ignores client tokens, creates unknown clusters, never ends a task without Docker and
raises no events. The refusals below carry the codes that AWS documents and, where they are
known, its texts. The stand-in is this project's own code and no evidence about AWS.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
"""

from __future__ import annotations

import contextvars
import json
import re
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.readings import read_reading
from rehearsal.emulator.tasks import RunningTask, new_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rehearsal.emulator.container_instances import Placement
    from rehearsal.emulator.containers import Containers
    from rehearsal.emulator.interception import Shortage, TaskFailure
    from rehearsal.emulator.request import Response

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
MAX_COUNT: Final = 10
MAX_SUBNETS: Final = 16
MAX_SECURITY_GROUPS: Final = 5
MAX_TAGS: Final = 50
MAX_OVERRIDES_CHARACTERS: Final = 8192
MAX_CLIENT_TOKEN_CHARACTERS: Final = 64
_STARTED_BY: Final = re.compile(r"[A-Za-z0-9_/-]{0,128}")

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


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """An error that ECS answers with.

    Args:
        code: The error code.
        message: The error's text.
        members: What the error's shape holds besides.
    """

    def __init__(self, code: str, message: str, **members: Any) -> None:  # noqa: ANN401 - JSON
        super().__init__(message)
        self.response: Response = ministack_internals.error_response_json(
            code, message, 400, members or None
        )


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", message)


class Tasks:
    """RunTask and StopTask, and the tasks that were started.

    Args:
        containers: What starts the processes of containers.
        folder: Where each task gets a folder of its own.
        readings: The folder with the readings of AWS's documents, by cluster.
        place: Returns where the tasks of a call run, by its parameters, its task definition and
            its cluster.
    """

    def __init__(
        self,
        containers: Containers,
        folder: Path,
        readings: Path,
        place: Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], Placement],
    ) -> None:
        self._containers = containers
        self._folder = folder
        self._readings = readings
        self._place = place
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._running: dict[str, RunningTask] = {}

    def install(self) -> None:
        """Replace MiniStack's actions."""
        self._ministack_stop_task = ministack_internals.ECS_ACTIONS["StopTask"]
        ministack_internals.ECS_ACTIONS.update(RunTask=self.run_task, StopTask=self.stop_task)

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
        found = [ministack_internals.tasks[arn] for arn in token.tasks]
        answer: Response = ministack_internals.json_response(
            {
                "tasks": [ministack_internals.wire_shape(task) for task in found],
                "failures": token.failures,
            }
        )
        return answer

    def stop_task(self, request: dict[str, Any]) -> Response:
        """Answer StopTask: end the task's processes and report who asked for it."""
        name = ministack_internals.cluster_name(request.get("cluster") or "default")
        task = ministack_internals.find_task(request.get("task", ""), name)
        running = self._running.get(task["taskArn"]) if task else None
        if running is None:
            # A task of a service, which never runs here.
            other: Response = self._ministack_stop_task(request)
            return other
        running.stop(request.get("reason") or "Task stopped by user", "UserInitiated")
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
        running = self._running[arn] = RunningTask(
            task,
            definition,
            self._containers,
            self._folder / arn.rsplit("/", 1)[1],
            failure=task_failure.get(),
        )
        running.begin()
        return arn


def _canonical(request: dict[str, Any]) -> str:
    return json.dumps(request, sort_keys=True)


def find_cluster(request: dict[str, Any]) -> dict[str, Any]:
    """Return the cluster of a request.

    Raises:
        Refusal: if it does not exist.
    """
    cluster: dict[str, Any] | None = ministack_internals.clusters.get(
        ministack_internals.cluster_name(request.get("cluster") or "default")
    )
    if cluster is None or cluster["status"] != "ACTIVE":
        raise Refusal("ClusterNotFoundException", "Cluster not found.")
    return cluster


def find_definition(request: dict[str, Any]) -> dict[str, Any]:
    """Return the task definition of a request; of a family, its latest active revision.

    Raises:
        Refusal: if it does not exist or is inactive.
    """
    name = request.get("taskDefinition") or ""
    definition: dict[str, Any] | None = None
    if ":" in name.rsplit("/", 1)[-1]:
        definition = ministack_internals.task_definitions.get(
            ministack_internals.task_definition_key(name)
        )
    else:
        family = name.rsplit("/", 1)[-1]
        active = [
            d
            for d in ministack_internals.task_definitions.values()
            if d["family"] == family and d["status"] == "ACTIVE"
        ]
        definition = max(active, key=lambda d: int(d["revision"]), default=None)
    if definition is None:
        raise Refusal("ClientException", "TaskDefinition not found.")
    if definition["status"] != "ACTIVE":
        raise Refusal("ClientException", "TaskDefinition is inactive")
    return definition


def check(request: dict[str, Any], definition: dict[str, Any]) -> None:
    """Check the parameters of RunTask as ECS does.

    Raises:
        Refusal: if ECS would refuse one.
    """
    if not 1 <= (request.get("count") or 1) <= MAX_COUNT:
        raise _invalid(f"count should be between 1 and {MAX_COUNT}.")
    if not _STARTED_BY.fullmatch(request.get("startedBy") or ""):
        raise _invalid("startedBy should be at most 128 letters, numbers, '-', '/' and '_'.")
    if len(request.get("clientToken") or "") > MAX_CLIENT_TOKEN_CHARACTERS:
        raise _invalid(f"clientToken length should be at most {MAX_CLIENT_TOKEN_CHARACTERS}.")
    if len(request.get("tags") or []) > MAX_TAGS:
        raise _invalid(f"tags can have at most {MAX_TAGS} items.")
    _check_overrides(request, definition)
    _check_capacity(request, definition)
    _check_network(request, definition)


def _check_overrides(request: dict[str, Any], definition: dict[str, Any]) -> None:
    overrides = request.get("overrides") or {}
    if len(json.dumps(overrides, separators=(",", ":"))) > MAX_OVERRIDES_CHARACTERS:
        raise _invalid(
            f"Container Overrides length must be at most {MAX_OVERRIDES_CHARACTERS} characters."
        )
    names = {container["name"] for container in definition["containerDefinitions"]}
    for override in overrides.get("containerOverrides") or []:
        if override.get("name") not in names:
            raise _invalid(
                f"Override for container named {override.get('name')} is not a container in the "
                "TaskDefinition."
            )


def _check_capacity(request: dict[str, Any], definition: dict[str, Any]) -> None:
    launch_type = request.get("launchType")
    if launch_type and request.get("capacityProviderStrategy"):
        raise _invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. "
            "Remove one and try again."
        )
    if launch_type == "FARGATE" and "FARGATE" not in definition.get("compatibilities", []):
        raise _invalid("Task definition does not support launch_type FARGATE.")


def _check_network(request: dict[str, Any], definition: dict[str, Any]) -> None:
    network = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if definition.get("networkMode") != "awsvpc":
        if network:
            raise _invalid(
                "Network Configuration is not valid for the given networkMode of this task "
                "definition."
            )
        return
    if not network:
        raise _invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    subnets, groups = network.get("subnets") or [], network.get("securityGroups") or []
    if not subnets:
        raise _invalid("subnets can not be empty.")
    if len(subnets) > MAX_SUBNETS:
        raise _invalid(f"subnets can have at most {MAX_SUBNETS} items.")
    if len(groups) > MAX_SECURITY_GROUPS:
        raise _invalid(f"securityGroups can have at most {MAX_SECURITY_GROUPS} items.")
