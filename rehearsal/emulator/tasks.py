"""The life of a task: a thread that takes it from PROVISIONING to STOPPED.

The command of each container really runs, as a process of this machine; images are not
looked at. Each step raises the "ECS Task State Change" event in the shape that AWS documents.
What is here is this project's own and no evidence about AWS.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import ministack_names

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from rehearsal.emulator.containers import Containers

STEP_SECONDS = 0.02
"""How long PROVISIONING and PENDING last: long enough to be seen, short enough to wait for."""

_MOMENTS = (
    "createdAt",
    "startedAt",
    "stoppedAt",
    "stoppingAt",
    "executionStoppedAt",
    "connectivityAt",
    "pullStartedAt",
    "pullStoppedAt",
    "updatedAt",
)
_NOT_IN_EVENTS = ("tags", "healthStatus", "ephemeralStorage")

_log = logging.getLogger("runtask.tasks")


class Life:
    """One task on its way, with the processes of its containers.

    Args:
        task: MiniStack's record of the task; it is kept up to date in location.
        definition: The task definition.
        containers: What starts the processes.
        folder: The task's own folder, for working directories and output.
        fate: A reason for which the task stops before it runs, or empty.
        stop_code: The stop code that goes with the fate.
    """

    def __init__(  # noqa: PLR0913 - the parts of a task
        self,
        task: dict[str, Any],
        definition: dict[str, Any],
        containers: Containers,
        folder: Path,
        *,
        fate: str = "",
        stop_code: str = "",
    ) -> None:
        """Remember the parts; nothing starts before `begin`."""
        self.task = task
        self._definition = definition
        self._containers = containers
        self._folder = folder
        self._fate, self._fate_code = fate, stop_code
        self._scope = (ministack_names.get_account_id(), ministack_names.get_region())
        self._ended = threading.Event()
        self._lock = threading.RLock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self) -> None:
        """Start the thread of the task."""
        threading.Thread(
            target=self._run, name=f"task-{self._folder.name[:8]}", daemon=True
        ).start()

    def stop(self, reason: str, code: str) -> None:
        """Ask the task to stop; its first reason is the one it keeps."""
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
            self._announce()
            self._ended.set()

    def _run(self) -> None:
        with ministack_names.request_scope(*self._scope):
            try:
                self._live()
            except Exception:  # noqa: BLE001 - a bug here must not leave a task that never ends
                _log.exception("task %s", self.task["taskArn"])
                self.stop("The stand-in failed; see the emulator's log", "TaskFailedToStart")
            self._end()

    def _live(self) -> None:
        self._announce()
        if self._fate:
            self._ended.wait(STEP_SECONDS)
            self.stop(self._fate, self._fate_code)
            return
        for status in ("PENDING", "RUNNING"):
            if self._ended.wait(STEP_SECONDS):
                return
            if status == "RUNNING" and not self._start_all():
                return
            now = time.time()
            moments = (
                {"startedAt": now}
                if status == "RUNNING"
                else {"pullStartedAt": now, "pullStoppedAt": now}
            )
            self._step(status, **moments)
        self._wait_for_end()

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
        return True

    def _wait_for_end(self) -> None:
        """Hold the task in RUNNING until an essential container has ended, or all have."""
        essential = {
            c["name"] for c in self._definition["containerDefinitions"] if c.get("essential", True)
        }
        for name in [
            c["name"] for c in self.task["containers"] if c["name"] not in self._processes
        ]:
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
        with ministack_names.request_scope(*self._scope):
            self._exited(name, code, essential=essential)

    def _exited(self, name: str, code: int, *, essential: bool) -> None:
        with self._lock:
            container = self._container(name)
            container.update(lastStatus="STOPPED", exitCode=code)
            others = [c for c in self.task["containers"] if c["lastStatus"] != "STOPPED"]
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
            container["lastStatus"] = "STOPPED"
        self._step("DEPROVISIONING", executionStoppedAt=time.time())
        self._step("STOPPED", stoppedAt=time.time())

    def _container(self, name: str) -> dict[str, Any]:
        container: dict[str, Any] = next(c for c in self.task["containers"] if c["name"] == name)
        return container

    def _step(self, status: str, **moments: float) -> None:
        with self._lock:
            self.task.update(lastStatus=status, version=self.task["version"] + 1, **moments)
            if status in ("PENDING", "RUNNING"):
                for container in self.task["containers"]:
                    container["lastStatus"] = status
            self._announce()

    def _announce(self) -> None:
        """Put the task as it is now on the account's event bus."""
        detail = {
            k: v
            for k, v in ministack_names.wire_shape(self.task).items()
            if k not in _NOT_IN_EVENTS
        }
        detail["updatedAt"] = time.time()
        for name in _MOMENTS:
            if name in detail:
                moment = dt.datetime.fromtimestamp(detail[name], dt.UTC)
                detail[name] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {
            "Source": "aws.ecs",
            "DetailType": "ECS Task State Change",
            "Resources": [self.task["taskArn"]],
            "Detail": json.dumps(detail),
        }
        ministack_names.put_events({"Entries": [entry]}, allow_aws_source=True)


def new_task(
    request: dict[str, Any], definition: dict[str, Any], cluster: dict[str, Any]
) -> dict[str, Any]:
    """Return MiniStack's record of a task that was just asked for."""
    account, region = ministack_names.get_account_id(), ministack_names.get_region()
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
        "cpu": overrides.get("cpu") or definition.get("cpu"),
        "memory": overrides.get("memory") or definition.get("memory"),
        "createdAt": now,
        "desiredStatus": "RUNNING",
        "enableExecuteCommand": bool(request.get("enableExecuteCommand", False)),
        "ephemeralStorage": {"sizeInGiB": 20},
        "group": group,
        "healthStatus": "UNKNOWN",
        "lastStatus": "PROVISIONING",
        "launchType": "FARGATE" if fargate else request.get("launchType") or "EC2",
        "overrides": {
            **overrides,
            "containerOverrides": overrides.get("containerOverrides") or [],
        },
        "platformVersion": (request.get("platformVersion") or "1.4.0") if fargate else None,
        "platformFamily": "Linux" if fargate else None,
        "referenceId": request.get("referenceId"),
        "startedBy": request.get("startedBy"),
        "tags": list(request.get("tags") or []),
        "version": 1,
        "_docker_ids": [],
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
