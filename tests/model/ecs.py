"""A model of ECS: RunTask with its client tokens, under each reading of AWS's documents.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_Idempotency.html
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from tests.model.wire import error_of

if TYPE_CHECKING:
    import random

    from bench.kernel import Kernel
    from rehearsal.emulator import Reading

ACCOUNT: Final = "111111111111"
REGION: Final = "eu-central-1"

TOKEN_MAX_SECONDS: Final = 24 * 3600.0
TOKEN_AFTER_TASK_SECONDS: Final = 3600.0
STOPPED_SHOWN_SECONDS: Final = 3600.0
FAILURES_SHOWN_SECONDS: Final = 3600.0
MAX_TASKS: Final = 10

# Until ListTasks shows a new task, and one that was provisioned although failures were answered.
LISTED_AFTER_SECONDS: Final = 0.3
GHOST_LISTED_AFTER_SECONDS: Final = 0.9

GHOST_LIFE_SECONDS: Final = 30 * 24 * 3600.0

# How long a task lives; one of these.
LIVES_SECONDS: Final = (20.0, 600.0, 3 * 3600.0, 40 * 3600.0)

FAILURE_REASONS: Final = (
    "RESOURCE:MEMORY",
    "RESOURCE:CPU",
    "AGENT",
    (
        "Capacity is unavailable at this time. Please try again later or in a different"
        " availability zone"
    ),
    "You\u2019ve reached the limit on the number of tasks you can run concurrently",
)


@dataclass(kw_only=True, eq=False)
class Task:
    """A task that was started.

    Attributes:
        arn: of the task.
        cluster: its name.
        started_by: as RunTask was told.
        job: the number that the request carries, of `tests.model.jobs`.
        created_at: on the kernel's time.
        stops_at: on the kernel's time.
        listed_at: from then on ListTasks and DescribeTasks show it.
        ghost: whether RunTask answered a failure for it.
    """

    arn: str
    cluster: str
    started_by: str
    job: int
    created_at: float
    stops_at: float
    listed_at: float
    ghost: bool = False


@dataclass(kw_only=True)
class Token:
    """What a client token has started."""

    parameters: str
    created_at: float
    tasks: list[Task] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)

    def ends_at(self) -> float:
        ends = [task.stops_at + TOKEN_AFTER_TASK_SECONDS for task in self.tasks]
        return min([self.created_at + TOKEN_MAX_SECONDS, *ends])


@dataclass(kw_only=True)
class Bucket:
    """A token bucket, as AWS throttles with."""

    kernel: Kernel
    burst: float
    rate: float
    _left: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at = self.burst, self.kernel.now

    def take(self, amount: float = 1.0) -> bool:
        """Take so much, or nothing."""
        now = self.kernel.now
        self._left = min(self.burst, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True


@dataclass(kw_only=True)
class Capacity:
    """The supply of one pool: cluster and launch type.

    Attributes:
        room: how many tasks more it takes, None for any number.
        largest_cpu: of a task that fits.
        error: whether no room is an error (`ClientException`) instead of failures.
    """

    room: int | None = None
    largest_cpu: int = 16_384
    error: bool = False


@dataclass(kw_only=True)
class Ecs:
    """ECS of one account.

    Attributes:
        kernel: tells time.
        draw: chance.
        reading: of what the documents leave open.
        clusters: names of those that exist.
        services: their `awsvpcConfiguration`, by name.
        containers: of every task definition.
        throttled: whether RunTask is, whatever the buckets hold.
        denied: whether the function's role may not call RunTask.
        ghosts: how many failures more are answered for tasks that start nevertheless.
        ghosts_known_to_token: whether a replay counts them as the token's.
        tasks: that were ever started.
        calls: RunTask's arguments, in order.
    """

    kernel: Kernel
    draw: random.Random
    reading: Reading
    clusters: set[str] = field(default_factory=lambda: {"batch"})
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    containers: list[dict[str, Any]] = field(default_factory=lambda: [{"name": "main"}])
    throttled: bool = False
    denied: bool = False
    ghosts: int = 0
    ghosts_known_to_token: bool = True
    tasks: list[Task] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    pools: dict[str, Capacity] = field(default_factory=dict)
    lives: tuple[float, ...] = LIVES_SECONDS

    def __post_init__(self) -> None:
        self._tokens: dict[tuple[str, str], Token] = {}
        self._numbers = itertools.count(1)
        self._by_starter: dict[str, list[Task]] = {}
        self.call_bucket = Bucket(kernel=self.kernel, burst=100, rate=40)
        self.fargate_call_bucket = Bucket(kernel=self.kernel, burst=20, rate=20)
        self.launch_buckets = {
            name: Bucket(kernel=self.kernel, burst=100, rate=20)
            for name in ("FARGATE", "FARGATE_SPOT")
        }

    def pool(self, name: str) -> Capacity:
        """Return the supply that a pool has: `batch/FARGATE`."""
        return self.pools.setdefault(name, Capacity())

    def run_task(self, call: dict[str, Any]) -> dict[str, Any]:
        """Answer RunTask.

        Raises:
            ClientError: as AWS does.
        """
        self.calls.append(call)
        cluster = str(call.get("cluster", "default")).rpartition("/")[2]
        count = call.get("count", 1)
        if self.denied:
            raise error_of("AccessDeniedException", "is not authorized to perform", "RunTask")
        if cluster not in self.clusters:
            raise error_of("ClusterNotFoundException", "Cluster not found.", "RunTask")
        if not 1 <= count <= MAX_TASKS:
            raise error_of("InvalidParameterException", "count", "RunTask")
        supply = _supply(call)
        self._pace(supply)
        known = self._token(cluster, call)
        if known is not None:
            return self._replay(known, call, cluster, count)
        token = Token(parameters=_parameters(call), created_at=self.kernel.now)
        answer = self._launch(token, call, cluster, count)
        if token.tasks or self.reading.failures_remembered:
            self._tokens[cluster, call["clientToken"]] = token
        return answer

    def _pace(self, supply: str) -> None:
        fargate = supply in self.launch_buckets
        if (
            self.throttled
            or not self.call_bucket.take()
            or (fargate and not self.fargate_call_bucket.take())
        ):
            raise error_of("ThrottlingException", "Rate exceeded", "RunTask")

    def _token(self, cluster: str, call: dict[str, Any]) -> Token | None:
        token = self._tokens.get((cluster, call["clientToken"]))
        return token if token is not None and self.kernel.now < token.ends_at() else None

    def _replay(
        self, token: Token, call: dict[str, Any], cluster: str, count: int
    ) -> dict[str, Any]:
        if token.parameters != _parameters(call):
            names = [task.arn for task in token.tasks if not task.ghost or self._listed(task)]
            raise error_of(
                "ConflictException",
                "The request is not the one that the client token was first used with.",
                "RunTask",
                resourceIds=names if self.reading.conflict_names_tasks else [],
            )
        started = [task for task in token.tasks if not task.ghost]
        if token.failures and self.reading.tries_again(started=bool(started)):
            missing = count - (len(token.tasks) if self.ghosts_known_to_token else len(started))
            before, token.failures = token.failures, []
            try:
                return self._launch(token, call, cluster, missing)
            except ClientError:
                token.failures = before
                raise
        return self._answer(token)

    def _launch(
        self, token: Token, call: dict[str, Any], cluster: str, count: int
    ) -> dict[str, Any]:
        """Start what there is room for, and remember it with the token."""
        supply = _supply(call)
        capacity = self.pool(f"{cluster}/{supply}")
        bucket = self.launch_buckets.get(supply)
        if bucket is not None and count and not bucket.take(count):
            raise error_of("ThrottlingException", "Rate exceeded", "RunTask")
        fits = int(call.get("overrides", {}).get("cpu", "256")) <= capacity.largest_cpu
        room = count if capacity.room is None else min(count, capacity.room)
        if fits and not room and count and capacity.error and not token.tasks:
            text = "You\u2019ve reached the limit on the number of vCPUs you can run concurrently"
            raise error_of("ClientException", text, "RunTask")
        started = room if fits else 0
        if capacity.room is not None:
            capacity.room -= started
        for _ in range(started):
            token.tasks.append(self._start(call, cluster))
        reason = self.draw.choice(FAILURE_REASONS) if fits else "RESOURCE:CPU"
        for number in range(count - started):
            token.failures.append({"arn": f"{_arn(cluster, 'instance')}{number}", "reason": reason})
            if self.ghosts:
                self.ghosts -= 1
                token.tasks.append(self._start(call, cluster, ghost=True))
        return self._answer(token)

    def _start(self, call: dict[str, Any], cluster: str, *, ghost: bool = False) -> Task:
        now = self.kernel.now
        task = Task(
            arn=f"{_arn(cluster, 'task')}{next(self._numbers):032d}",
            cluster=cluster,
            started_by=str(call.get("startedBy", "")),
            job=job_of(call),
            created_at=now,
            # A ghost that came and went while nobody looked can be found by nobody.
            stops_at=now + (GHOST_LIFE_SECONDS if ghost else self.draw.choice(self.lives)),
            listed_at=now + (GHOST_LISTED_AFTER_SECONDS if ghost else LISTED_AFTER_SECONDS),
            ghost=ghost,
        )
        self.tasks.append(task)
        self._by_starter.setdefault(task.started_by, []).append(task)
        return task

    def _answer(self, token: Token) -> dict[str, Any]:
        old = self.kernel.now - token.created_at > FAILURES_SHOWN_SECONDS
        return {
            "tasks": [
                self._describe(task)
                for task in token.tasks
                if (not task.ghost or self._listed(task)) and self._known(task)
            ],
            # "Failures that are over an hour old only include the number of failed tasks."
            "failures": [{} if old else dict(failure) for failure in token.failures],
        }

    def _known(self, task: Task) -> bool:
        return self.kernel.now < task.stops_at + STOPPED_SHOWN_SECONDS

    def _listed(self, task: Task) -> bool:
        return task.listed_at <= self.kernel.now and self._known(task)

    def _describe(self, task: Task) -> dict[str, Any]:
        stopped = task.stops_at <= self.kernel.now
        status = "STOPPED" if stopped else "RUNNING"
        shown = {"taskArn": task.arn, "lastStatus": status, "desiredStatus": status}
        # "Tasks that have been stopped … only include the task ARN, last status, and desired
        # status."
        return shown if stopped else {**shown, "startedBy": task.started_by, "overrides": {}}

    def listed(self, cluster: str, started_by: str | None = None) -> list[Task]:
        """Return the tasks of a cluster that ListTasks shows."""
        tasks = self.tasks if started_by is None else self._by_starter.get(started_by, ())
        return [task for task in tasks if task.cluster == cluster and self._listed(task)]

    def describe(self, task: Task) -> dict[str, Any]:
        """Return a task as DescribeTasks shows it."""
        return {**self._describe(task), "startedBy": task.started_by, "createdAt": task.created_at}

    def stopped(self, task: Task) -> bool:
        """Return whether a task has ended."""
        return task.stops_at <= self.kernel.now


def job_of(call: dict[str, Any]) -> int:
    """Return the number of the job that a RunTask call belongs to, -1 if there is none."""
    for override in call.get("overrides", {}).get("containerOverrides", []):
        for variable in override.get("environment", []):
            if variable["name"] == "JOB":
                return int(variable["value"])
    return -1


def _supply(call: dict[str, Any]) -> str:
    providers = [str(item["capacityProvider"]) for item in call.get("capacityProviderStrategy", [])]
    return "+".join(sorted(providers)) or str(call.get("launchType", "EC2"))


def _parameters(call: dict[str, Any]) -> str:
    """Return what has to be the same under a token: the request, but for the token."""
    rest = {name: value for name, value in call.items() if name != "clientToken"}
    return json.dumps(rest, sort_keys=True)


def _arn(cluster: str, kind: str) -> str:
    name = "container-instance" if kind == "instance" else kind
    return f"arn:aws:ecs:{REGION}:{ACCOUNT}:{name}/{cluster}/"
