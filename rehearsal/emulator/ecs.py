"""RunTask and StopTask in the place of MiniStack's own.

MiniStack ignores client tokens, makes unknown clusters, never ends a task without Docker and
raises no events. The refusals below carry the codes that AWS documents and, where they are
known, its texts; what is here is this project's own and no evidence about AWS.
"""

from __future__ import annotations

import contextvars
import json
import re
import threading
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import ministack_names
from rehearsal.emulator.tasks import Life, new_task

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.emulator.containers import Containers
    from rehearsal.emulator.fault_injection import InjectedFault

Response = tuple[int, dict[str, str], bytes]

MAX_COUNT = 10
MAX_SUBNETS = 16
MAX_SECURITY_GROUPS = 5
MAX_TAGS = 50
MAX_OVERRIDES_CHARACTERS = 8192
MAX_CLIENT_TOKEN_CHARACTERS = 64
_STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{0,128}")

fate: contextvars.ContextVar[InjectedFault | None] = contextvars.ContextVar("fate", default=None)
"""The fault that decides how the tasks of the current call will end, if there is one."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault of ours
    """An answer of ECS that is an error: code and text."""

    def __init__(self, code: str, message: str, **members: Any) -> None:  # noqa: ANN401 - JSON
        """Keep code, text and the members that the error's shape has beside them."""
        super().__init__(message)
        self.response: Response = ministack_names.error_response_json(
            code, message, 400, members or None
        )


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", message)


class Tasks:
    """The two actions, and the tasks that they started.

    Args:
        containers: What starts the processes of containers.
        folder: Where each task gets a folder of its own.
    """

    def __init__(self, containers: Containers, folder: Path) -> None:
        """Remember where tasks live."""
        self._containers = containers
        self._folder = folder
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, ...], tuple[str, list[str]]] = {}
        self._lives: dict[str, Life] = {}

    def install(self) -> None:
        """Put both actions in the place of MiniStack's."""
        self._stop_other = ministack_names.ECS_ACTIONS["StopTask"]
        ministack_names.ECS_ACTIONS.update(RunTask=self.run_task, StopTask=self.stop_task)

    def run_task(self, request: dict[str, Any]) -> Response:
        """Answer RunTask: start the tasks, or refuse."""
        try:
            cluster = find_cluster(request)
            definition = find_definition(request)
            check(request, definition)
            # One lock: two calls with the same token at the same time must not both start.
            with self._lock:
                arns = self._known(request, cluster) or self._start(request, definition, cluster)
        except Refusal as refusal:
            return refusal.response
        found = [ministack_names.wire_shape(ministack_names.tasks[arn]) for arn in arns]
        answer: Response = ministack_names.json_response({"tasks": found, "failures": []})
        return answer

    def stop_task(self, request: dict[str, Any]) -> Response:
        """Answer StopTask: end the task's processes and report who asked for it."""
        name = ministack_names.cluster_name(request.get("cluster") or "default")
        task = ministack_names.find_task(request.get("task", ""), name)
        life = self._lives.get(task["taskArn"]) if task else None
        if life is None:
            other: Response = self._stop_other(request)  # a service's task, which never runs here
            return other
        life.stop(request.get("reason") or "Task stopped by user", "UserInitiated")
        answer: Response = ministack_names.json_response(
            {"task": ministack_names.wire_shape(life.task)}
        )
        return answer

    def _known(self, request: dict[str, Any], cluster: dict[str, Any]) -> list[str]:
        """Return the tasks that this client token has started before."""
        token = request.get("clientToken")
        if not token:
            return []
        text, arns = self._tokens.get((cluster["clusterArn"], token), ("", []))
        if text and text != _canonical(request):
            raise Refusal(
                "ConflictException",
                "The client token was used with different parameters.",
                resourceIds=arns,
            )
        return arns

    def _start(
        self, request: dict[str, Any], definition: dict[str, Any], cluster: dict[str, Any]
    ) -> list[str]:
        fault = fate.get()
        arns = []
        for _ in range(request.get("count") or 1):
            task = new_task(request, definition, cluster)
            arn = task["taskArn"]
            if request.get("propagateTags") == "TASK_DEFINITION":
                task["tags"] += ministack_names.ecs_tags.get(definition["taskDefinitionArn"], [])
            ministack_names.tasks[arn] = task
            ministack_names.ecs_tags[arn] = task["tags"]
            life = self._lives[arn] = Life(
                task,
                definition,
                self._containers,
                self._folder / arn.rsplit("/", 1)[1],
                fate=fault.stopped_reason if fault else "",
                stop_code=fault.stop_code if fault else "",
            )
            life.begin()
            arns.append(arn)
        if token := request.get("clientToken"):
            self._tokens[cluster["clusterArn"], token] = (_canonical(request), arns)
        return arns


def _canonical(request: dict[str, Any]) -> str:
    return json.dumps(request, sort_keys=True)


def find_cluster(request: dict[str, Any]) -> dict[str, Any]:
    """Return the cluster of a request, or refuse."""
    cluster: dict[str, Any] | None = ministack_names.clusters.get(
        ministack_names.cluster_name(request.get("cluster") or "default")
    )
    if cluster is None or cluster["status"] != "ACTIVE":
        raise Refusal("ClusterNotFoundException", "Cluster not found.")
    return cluster


def find_definition(request: dict[str, Any]) -> dict[str, Any]:
    """Return the task definition of a request, or refuse.

    A family without a revision means its latest active one.
    """
    name = request.get("taskDefinition") or ""
    definition: dict[str, Any] | None = None
    if ":" in name.rsplit("/", 1)[-1]:
        definition = ministack_names.task_definitions.get(ministack_names.task_definition_key(name))
    else:
        family = name.rsplit("/", 1)[-1]
        active = [
            d
            for d in ministack_names.task_definitions.values()
            if d["family"] == family and d["status"] == "ACTIVE"
        ]
        definition = max(active, key=lambda d: int(d["revision"]), default=None)
    if definition is None:
        raise Refusal("ClientException", "TaskDefinition not found.")
    if definition["status"] != "ACTIVE":
        raise Refusal("ClientException", "TaskDefinition is inactive")
    return definition


def check(request: dict[str, Any], definition: dict[str, Any]) -> None:
    """Refuse what ECS would refuse about the parameters themselves."""
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
