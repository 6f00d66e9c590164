"""The lifecycle of a task: a thread that takes it from PROVISIONING to STOPPED.

The command of each container runs for real, as a process of this machine; images are ignored.
Each step raises the "ECS Task State Change" event in the shape that AWS documents:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html.
The stand-in is this project's own code and no evidence about AWS.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from rehearsal.emulator.containers import Containers
    from rehearsal.emulator.scripts import TaskScript
    from rehearsal.emulator.task_events import TaskEvents

# How long PROVISIONING and PENDING last: long enough to be seen, short enough to wait for.
STEP_SECONDS: Final = 0.02

# The exit code of a container that was ended by SIGKILL.
KILLED: Final = 137

_log = logging.getLogger("rehearsal.tasks")


class RunningTask:
    """One task from its start to its end, with the processes of its containers.

    Args:
        task: MiniStack's record of the task, which is updated in place.
        definition: The task definition.
        containers: What starts the processes.
        folder: The task's own folder, for working directories and output.
        events: Where each change is told.
        script: What ECS does with the task.
    """

    def __init__(  # noqa: PLR0913 - each is needed all along
        self,
        task: dict[str, Any],
        definition: dict[str, Any],
        containers: Containers,
        folder: Path,
        *,
        events: TaskEvents,
        script: TaskScript,
    ) -> None:
        self.task = task
        self._definition = definition
        self._containers = containers
        self._folder = folder
        self._events = events
        self._script = script
        self._scope = (ministack_internals.get_account_id(), ministack_internals.get_region())
        self._ended = threading.Event()
        self._lock = threading.RLock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self) -> None:
        """Start the thread of the task."""
        threading.Thread(
            target=self._run, name=f"task-{self._folder.name[:8]}", daemon=True
        ).start()

    def stop(self, reason: str, code: str) -> None:
        """Ask the task to stop; only the first reason counts.

        Args:
            reason: The `stoppedReason`.
            code: The `stopCode`.
        """
        with self._lock:
            if self.task["desiredStatus"] == "STOPPED":
                return
            self.task.update(
                desiredStatus="STOPPED",
                stopCode=code,
                stoppedReason=reason,
                stoppingAt=time.time(),
                version=self.task["version"] + 1,
            )
            self._events.put(self.task)
            self._ended.set()

    def _run(self) -> None:
        with ministack_internals.request_scope(*self._scope):
            try:
                self._run_to_end()
            except Exception:  # noqa: BLE001 - a bug here must not leave a task that never ends
                _log.exception("task %s", self.task["taskArn"])
                self.stop("The stand-in failed; see the emulator's log", "TaskFailedToStart")
            self._end()

    def _run_to_end(self) -> None:
        self._events.put(self.task)
        for status in ("PENDING", "RUNNING"):
            if self._ended.wait(STEP_SECONDS) or self._fails():
                return
            if status == "RUNNING" and not self._start_all():
                return
            now = time.time()
            timestamps = (
                {"startedAt": now}
                if status == "RUNNING"
                else {"pullStartedAt": now, "pullStoppedAt": now}
            )
            self._step(status, **timestamps)
        if self._ended.wait(STEP_SECONDS) or self._fails():
            return
        self._wait_for_end()

    def _fails(self) -> bool:
        """Stop the task if this is the status in which its script says so."""
        failure = self._script.failure
        if failure is None or failure.status != self.task["lastStatus"]:
            return False
        if failure.container_reason:
            for container in self.task["containers"]:
                container["reason"] = failure.container_reason
        self.stop(failure.reason, failure.stop_code)
        return True

    def _inject(self) -> None:
        """Add the containers of ECS's own, which are known once the task runs; guessed."""
        arn = self.task["taskArn"]
        self.task["containers"] += [
            {
                "containerArn": f"{arn.replace(':task/', ':container/')}/{uuid.uuid4()}",
                "taskArn": arn,
                "name": name,
                "lastStatus": "PENDING",
                "networkInterfaces": [],
                "cpu": "0",
            }
            for name in self._script.injected
        ]

    def _start_all(self) -> bool:
        overrides = {o.get("name"): o for o in self.task["overrides"].get("containerOverrides", [])}
        for container in self._definition["containerDefinitions"]:
            name = container["name"]
            override = overrides.get(name, {})
            command = [
                *container.get("entryPoint", []),
                *(override.get("command") or container.get("command", [])),
            ]
            environment = {
                item["name"]: item.get("value", "")
                for part in (container, override)
                for item in part.get("environment") or []
            }
            folder = self._folder / name
            folder.mkdir(parents=True, exist_ok=True)
            log = self._folder / f"{name}.log"
            if not command:
                log.write_text(f"No command: the image {container['image']} is not run here.\n")
                continue
            try:
                self._processes[name] = self._containers.start(
                    command, {"PATH": os.environ["PATH"], **environment}, folder, log
                )
            except OSError as error:
                reason = f"CannotStartContainerError: {error}"
                self._container(name)["reason"] = reason
                self.stop(reason, "TaskFailedToStart")
                return False
        self._inject()
        return True

    def _wait_for_end(self) -> None:
        """Keep the task in RUNNING until an essential container has ended, or all have."""
        essential = {
            c["name"] for c in self._definition["containerDefinitions"] if c.get("essential", True)
        }
        own = {*self._processes, *self._script.injected}
        for name in [c["name"] for c in self.task["containers"] if c["name"] not in own]:
            self._exited(name, 0, essential=name in essential)
        for name, process in self._processes.items():
            threading.Thread(
                target=self._watch,
                args=(name, process, name in essential),
                name=f"container-{name}",
                daemon=True,
            ).start()
        self._ended.wait()

    def _watch(self, name: str, process: subprocess.Popen[bytes], essential: bool) -> None:  # noqa: FBT001 - a thread's argument
        code = self._containers.wait(process)
        with ministack_internals.request_scope(*self._scope):
            self._exited(name, code, essential=essential)

    def _exited(self, name: str, code: int, *, essential: bool) -> None:
        with self._lock:
            container = self._container(name)
            container.update(lastStatus="STOPPED", exitCode=code)
            others = [
                c
                for c in self.task["containers"]
                if c["lastStatus"] != "STOPPED" and c["name"] not in self._script.injected
            ]
        if essential or not others:
            self.stop("Essential container in task exited", "EssentialContainerExited")

    def _end(self) -> None:
        for process in self._processes.values():
            if process.poll() is None:
                self._containers.stop(process)
        for name, process in self._processes.items():
            container = self._container(name)
            if container.get("exitCode") is None:
                container["exitCode"] = self._containers.wait(process)
        for container in self.task["containers"]:
            if "runtimeId" in container:
                container.setdefault("exitCode", KILLED)
            container["lastStatus"] = "STOPPED"
        self._step("DEPROVISIONING", executionStoppedAt=time.time())
        self._step("STOPPED", stoppedAt=time.time())
        if self._events.conditions().deleted:
            self._step("DELETED")

    def _container(self, name: str) -> dict[str, Any]:
        container: dict[str, Any] = next(c for c in self.task["containers"] if c["name"] == name)
        return container

    def _step(self, status: str, **timestamps: float) -> None:
        with self._lock:
            self.task.update(lastStatus=status, version=self.task["version"] + 1, **timestamps)
            if status in ("PENDING", "RUNNING"):
                for container in self.task["containers"]:
                    container["lastStatus"] = status
                    if status == "RUNNING":
                        container["runtimeId"] = f"{self._folder.name}-{uuid.uuid4().int % 10**10}"
            self._events.put(self.task)


def new_task(
    request: dict[str, Any], definition: dict[str, Any], cluster: dict[str, Any]
) -> dict[str, Any]:
    """Return MiniStack's record of a new task.

    Args:
        request: The parameters of RunTask.
        definition: MiniStack's record of the task definition.
        cluster: MiniStack's record of the cluster.
    """
    account, region = ministack_internals.get_account_id(), ministack_internals.get_region()
    task_id = uuid.uuid4().hex
    arn = f"arn:aws:ecs:{region}:{account}:task/{cluster['clusterName']}/{task_id}"
    now = time.time()
    strategy = request.get("capacityProviderStrategy") or []
    provider = strategy[0]["capacityProvider"] if strategy else None
    fargate = provider.startswith("FARGATE") if provider else request.get("launchType") == "FARGATE"
    overrides = request.get("overrides") or {}
    group = request.get("group") or f"family:{definition['family']}"
    return {
        "taskArn": arn,
        "clusterArn": cluster["clusterArn"],
        "taskDefinitionArn": definition["taskDefinitionArn"],
        "availabilityZone": f"{region}a",
        "attachments": _attachments(request),
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "capacityProviderName": provider,
        "connectivity": "CONNECTED",
        "connectivityAt": now,
        "containers": [
            {
                "containerArn": f"{arn.replace(':task/', ':container/')}/{uuid.uuid4()}",
                "taskArn": arn,
                "name": container["name"],
                "image": container["image"],
                "lastStatus": "PENDING",
                "networkInterfaces": [],
                "cpu": str(container.get("cpu", 0)),
            }
            for container in definition["containerDefinitions"]
        ],
        "cpu": overrides.get("cpu") or definition.get("cpu") or _sum(definition, "cpu"),
        "memory": overrides.get("memory") or definition.get("memory") or _sum(definition, "memory"),
        "createdAt": now,
        "desiredStatus": "RUNNING",
        "enableExecuteCommand": bool(request.get("enableExecuteCommand", False)),
        "ephemeralStorage": {"sizeInGiB": 20},
        "group": group,
        "healthStatus": "UNKNOWN",
        "lastStatus": "PROVISIONING",
        "launchType": "FARGATE" if fargate else request.get("launchType") or "EC2",
        "overrides": _shown(overrides, definition),
        "platformVersion": (request.get("platformVersion") or "1.4.0") if fargate else None,
        "platformFamily": "Linux" if fargate else None,
        "referenceId": request.get("referenceId"),
        "startedBy": request.get("startedBy"),
        "tags": list(request.get("tags") or []),
        "version": 1,
        "_docker_ids": [],
    }


def _sum(definition: dict[str, Any], name: str) -> str:
    """Return the size of a task without one of its own: that of its containers; guessed."""
    return str(sum(int(c.get(name) or 0) for c in definition["containerDefinitions"]))


def _shown(overrides: dict[str, Any], definition: dict[str, Any]) -> dict[str, Any]:
    """Return overrides as ECS shows them: with an entry for every container.

    So it is in AWS's examples of the event and of DescribeTasks.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
    """
    given = overrides.get("containerOverrides") or []
    names = [container["name"] for container in definition["containerDefinitions"]]
    others = [{"name": name} for name in names if name not in {one.get("name") for one in given}]
    return {
        "inferenceAcceleratorOverrides": [],
        **overrides,
        "containerOverrides": [*given, *others],
    }


def _attachments(request: dict[str, Any]) -> list[dict[str, Any]]:
    network = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
    if not network.get("subnets"):
        return []
    details = [{"name": "subnetId", "value": network["subnets"][0]}]
    return [
        {
            "id": str(uuid.uuid4()),
            "type": "ElasticNetworkInterface",
            "status": "PRECREATED",
            "details": details,
        }
    ]
