"""The model of ECS with tasks that live: they start, run and end, or never start."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tests.model.clock import EPOCH
from tests.model.ecs import ACCOUNT, REGION, STOPPED_SHOWN_SECONDS, Ecs, Task
from tests.model.ecs_client import EcsClient
from tests.model.outcomes.fates import FATES, Fate
from tests.model.wire import error_of

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Mapping

# From the call of StopTask until the task is stopped.
STOPPING_SECONDS: Final = 10.0

_KILLED: Final = 137

# What `version` is in each state of a task; there are changes in between that nobody sees.
_VERSIONS: Final = {"PROVISIONING": 1, "RUNNING": 4, "STOPPED": 7}

_INJECTED: Final = "aws-guardduty-agent-x1"


@dataclass(kw_only=True, eq=False)
class Life:
    """A task with what becomes of it.

    Attributes:
        task: the task; `stops_at` is its end.
        fate: what becomes of it if nobody stops it.
        call: the arguments of RunTask.
        started_at: when its containers run, None if they never do.
        stopped_by: the reason of the first StopTask, None if there was none in its life.
        stop_called_at: when that was.
        told: names of the events that were sent of it.
        heard: names of the events that came to the queue.
    """

    task: Task
    fate: Fate
    call: Mapping[str, Any]
    started_at: float | None
    stopped_by: str | None = None
    stop_called_at: float | None = None
    told: set[str] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)

    def status(self, now: float) -> str:
        """Return `lastStatus`."""
        if now >= self.task.stops_at:
            return "STOPPED"
        return "RUNNING" if self.ran(now) else "PROVISIONING"

    def ran(self, now: float) -> bool:
        """Return whether its containers run, or ran."""
        return self.started_at is not None and now >= self.started_at

    def moment(self, status: str) -> float | None:
        """Return when it comes to a state, None for never."""
        return self.task.stops_at if status == "STOPPED" else self.started_at

    def detail(self, status: str) -> dict[str, Any]:
        """Return the task in a state, as an event has it."""
        stopped = status == "STOPPED"
        ran = self.started_at is not None and status != "PROVISIONING"
        cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{self.task.cluster}"
        detail: dict[str, Any] = {
            "taskArn": self.task.arn,
            "clusterArn": cluster,
            "startedBy": self.task.started_by,
            "taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/report:7",
            "lastStatus": status,
            "desiredStatus": "STOPPED" if stopped or self.stopped_by else "RUNNING",
            "version": _VERSIONS[status],
            "createdAt": _iso(self.task.created_at),
            "cpu": "256",
            "memory": "512",
            "overrides": self.call.get("overrides", {}),
            "containers": [
                self._container("main", self._exit_code() if stopped else None, ran=ran),
                # It is in no task definition, and must not decide.
                self._container(_INJECTED, 1 if stopped else None, ran=ran),
            ],
        }
        if ran:
            detail["startedAt"] = _iso(self.started_at or 0.0)
        if stopped:
            by_us = self.stopped_by is not None
            detail["stopCode"] = "UserInitiated" if by_us else self.fate.stop_code
            detail["stoppedReason"] = self.stopped_by if by_us else self.fate.text
            detail["stoppedAt"] = _iso(self.task.stops_at)
        return detail

    def _exit_code(self) -> int | None:
        return self.fate.exit_code if self.stopped_by is None else _KILLED

    def _container(self, name: str, code: int | None, *, ran: bool) -> dict[str, Any]:
        found: dict[str, Any] = {"name": name, "lastStatus": "RUNNING"}
        if ran:
            found["runtimeId"] = f"runtime-{self.task.arn[-6:]}"
            if code is not None:
                found["exitCode"] = code
        return found


@dataclass(kw_only=True)
class LivingEcs(Ecs):
    """ECS whose tasks have fates.

    Attributes:
        of_all: of these is the fate of a task of which nothing else is known.
        script: the fates of the next tasks of a job, by its number.
        alive: the lives by ARN, in the order of their creation.
        wrong: what must never be asked.
    """

    of_all: tuple[Fate, ...] = FATES
    script: dict[int, deque[Fate]] = field(default_factory=dict)
    alive: dict[str, Life] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def _start(self, call: dict[str, Any], cluster: str, *, ghost: bool = False) -> Task:
        task = super()._start(call, cluster, ghost=ghost)
        script = self.script.get(task.job)
        fate = script.popleft() if script else self.draw.choice(self.of_all)
        starts = fate.starts_after
        started_at = None if starts is None else task.created_at + starts
        task.stops_at = task.created_at + fate.ends_after
        self.alive[task.arn] = Life(task=task, fate=fate, call=call, started_at=started_at)
        return task

    def describe(self, task: Task) -> dict[str, Any]:
        """Return a task as DescribeTasks shows it."""
        life = self.alive[task.arn]
        found = life.detail(life.status(self.kernel.now))
        # boto3 makes times of what is ISO 8601 in an event.
        for name in ("createdAt", "startedAt", "stoppedAt"):
            if name in found:
                found[name] = datetime.fromisoformat(found[name])
        return {**found, "tags": []}

    def stop(self, cluster: str, arn: str, reason: str) -> dict[str, Any]:
        """Answer StopTask.

        Raises:
            ClientError: as AWS does.
        """
        now = self.kernel.now
        life = self.alive.get(arn)
        if life is None or life.task.cluster != cluster:
            self.wrong.append(f"StopTask of {arn} in {cluster}, which this project did not start")
        elif now < life.task.stops_at + STOPPED_SHOWN_SECONDS:
            self._stop(life, reason)
            return {"task": self.describe(life.task)}
        text = "The referenced task was not found."
        raise error_of("InvalidParameterException", text, "StopTask")

    def _stop(self, life: Life, reason: str) -> None:
        now = self.kernel.now
        if life.stopped_by is None and now < life.task.stops_at:
            life.stopped_by, life.stop_called_at = reason, now
            life.task.stops_at = min(life.task.stops_at, now + STOPPING_SECONDS)
            if not life.ran(now):
                life.started_at = None


@dataclass(frozen=True, kw_only=True)
class LivingEcsClient(EcsClient):
    """The client of ECS, with what is called after a launch.

    Attributes:
        ecs: the account's.
    """

    ecs: LivingEcs

    def stop_task(self, *, cluster: str, task: str, reason: str) -> dict[str, Any]:
        """Stop a task."""
        return self.wire.call(
            "StopTask", lambda: self.ecs.stop(cluster.rpartition("/")[2], task, reason)
        )

    def describe_tasks(self, **call: Any) -> dict[str, Any]:
        """Return tasks."""
        self.ecs.wrong += [
            f"DescribeTasks of {arn}, which this project did not start"
            for arn in call["tasks"]
            if arn not in self.ecs.alive
        ]
        return super().describe_tasks(**call)


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(EPOCH + moment, UTC).isoformat().replace("+00:00", "Z")
