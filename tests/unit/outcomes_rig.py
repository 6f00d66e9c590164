"""The application with an events queue: tasks that start and end, and the sweep."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger

from function.outcomes.history import Asked, History
from function.outcomes.notices import Notices
from function.outcomes.observations import Launched, to_body
from function.outcomes.store import HistoryStore
from function.table import Table
from tests.model.dynamodb import DynamoDbClient
from tests.unit.fakes import ENVIRONMENT, FakeEcs, FakeWire, Rig, settings

if TYPE_CHECKING:
    from function.settings import Settings

EVENTS = f"{ENVIRONMENT['QUEUE_URL']}-events"
RESULTS = f"{ENVIRONMENT['QUEUE_URL']}-results"
CLUSTER = "arn:aws:ecs:eu-central-1:111111111111:cluster/batch"
TASK_DEFINITION = "arn:aws:ecs:eu-central-1:111111111111:task-definition/report:7"


def outcome_settings(**changes: str) -> Settings:
    """Return the settings of a stage that follows its tasks."""
    announce = '["rejected", "expired", "failed", "never-started", "timed-out", "stopped"]'
    return settings(**{"EVENTS_QUEUE_URL": EVENTS, "ANNOUNCE": announce, **changes})


def arn_of(number: int) -> str:
    return f"arn:aws:ecs:eu-central-1:111111111111:task/batch/{number:032x}"


class FakeTasks(FakeEcs):
    """ECS with tasks that DescribeTasks shows, and that StopTask stops."""

    def __init__(self) -> None:
        super().__init__()
        self.described: dict[str, dict[str, Any]] = {}
        self.describe_calls: list[list[str]] = []
        self.describe_error: Exception | None = None
        self.stop_calls: list[dict[str, Any]] = []
        self.stop_error: Exception | None = None

    def describe_tasks(
        self, *, cluster: str, tasks: list[str], include: list[str] | None = None
    ) -> dict[str, Any]:
        assert include in (None, ["TAGS"])
        assert cluster == "batch"
        assert 1 <= len(tasks) <= 100
        self.describe_calls.append(tasks)
        if self.describe_error:
            raise self.describe_error
        return {
            "tasks": [self.described[arn] for arn in tasks if arn in self.described],
            "failures": [
                {"arn": arn, "reason": "MISSING"} for arn in tasks if arn not in self.described
            ],
        }

    def stop_task(self, *, cluster: str, task: str, reason: str) -> dict[str, Any]:
        self.stop_calls.append({"cluster": cluster, "task": task, "reason": reason})
        if self.stop_error:
            raise self.stop_error
        return {}


class FakeBus:
    """Remembers what was put on the bus."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.failing = False

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        if self.failing:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
        self.entries += Entries
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}


@dataclass
class OutcomesRig(Rig):
    """The application with its fakes, fed from the events queue."""

    ecs: FakeTasks = field(default_factory=FakeTasks)
    events: FakeBus = field(default_factory=FakeBus)
    settings: Settings = field(default_factory=outcome_settings)

    def __post_init__(self) -> None:
        super().__post_init__()
        wire: Any = FakeWire()
        client: Any = DynamoDbClient(wire=wire, table=self.table)
        self.stored = Table(client, "ledger", self.clock)
        self.store = HistoryStore(self.stored, 1e6, self.clock)

    def clients(self) -> dict[str, Any]:
        return {**super().clients(), "events": self.events}

    def notices(self) -> Notices:
        """Return the notices alone, on the same table and topic."""
        sns: Any = self.sns
        log = Logger(service=f"notices-{id(self)}", stream=self.log_text)
        return Notices(sns, self.stored, self.settings, log, self.clock)

    def history(self, key: str = "job") -> History:
        return self.store.load(key)

    def event(self, body: dict[str, Any] | str, number: int = 0, **changes: Any) -> dict[str, Any]:
        """Return a record of the events queue."""
        text = body if isinstance(body, str) else json.dumps(body)
        arn = "arn:aws:sqs:eu-central-1:111111111111:work-events"
        return self.record(text, number, eventSourceARN=arn, **changes)

    def feed(self, *bodies: dict[str, Any] | str, **changes: Any) -> list[str]:
        """Process one batch of the events queue; return the ids of what returns to it."""
        return self.handle(
            *(self.event(body, number, **changes) for number, body in enumerate(bodies))
        )

    def rejection(self) -> dict[str, Any]:
        """Return the report of a rejected message."""
        return {
            "report": "rejected",
            "key": "job",
            "reason": "bad-value",
            "error": "canary",
            "messageId": "message-1",
            "queuedAt": 1.0,
            "rejectedAt": 2.0,
            "group": "tenant",
        }

    def sweep(self) -> list[str]:
        self.clock.now += 60
        return self.feed({"event": "sweep"})

    def launched(self, *numbers: int, key: str = "job", **changes: Any) -> str:
        """Return the report of a launch of the tasks with these numbers."""
        asked: dict[str, Any] = {
            "digest": "digest",
            "parameters": {"cluster": "batch", "taskDefinition": "report:7"},
            "containers": ("main",),
            "count": len(numbers),
            "group": None,
            "limits": {},
            "message_id": "message-1",
            "queued_at": self.clock.time() - 2,
            "launched_at": self.clock.time(),
        }
        tasks = tuple(map(arn_of, numbers))
        return to_body(Launched(key=key, asked=Asked(**{**asked, **changes}), tasks=tasks))

    def task(self, number: int, status: str, key: str = "job", **changes: Any) -> dict[str, Any]:
        """Return a task as an event of it, or DescribeTasks, has it."""
        now = datetime.fromtimestamp(self.clock.time(), UTC).isoformat()
        versions = {"PROVISIONING": 1, "RUNNING": 2, "STOPPED": 3}
        task: dict[str, Any] = {
            "event": "task",
            "taskArn": arn_of(number),
            "clusterArn": CLUSTER,
            "startedBy": f"ecs-run-task/dev/{key}",
            "taskDefinitionArn": TASK_DEFINITION,
            "lastStatus": status,
            "desiredStatus": status,
            "version": versions[status],
            "createdAt": now,
            "cpu": "256",
            "memory": "512",
            "containers": [{"name": "main"}],
        }
        if status != "PROVISIONING":
            task |= {"startedAt": now, "containers": [{"name": "main", "runtimeId": "r"}]}
        if status == "STOPPED":
            task |= {
                "stoppedAt": now,
                "stopCode": "EssentialContainerExited",
                "stoppedReason": "Essential container in task exited",
                "containers": [{"name": "main", "runtimeId": "r", "exitCode": 0}],
            }
        return {**task, **changes}

    def exited(self, number: int, code: int, key: str = "job") -> dict[str, Any]:
        containers = [{"name": "main", "runtimeId": "r", "exitCode": code}]
        return self.task(number, "STOPPED", key, containers=containers)

    def never_started(
        self, number: int, text: str = "Timeout waiting for network interface provisioning"
    ) -> dict[str, Any]:
        task = self.task(
            number,
            "STOPPED",
            stopCode="TaskFailedToStart",
            stoppedReason=text,
            containers=[{"name": "main"}],
        )
        del task["startedAt"]
        return task

    def sent_to(self, queue: str) -> list[dict[str, Any]]:
        """Return what was sent to a queue."""
        return [sent for sent in self.sqs.sent if sent["QueueUrl"] == queue]

    @property
    def restarts(self) -> list[dict[str, Any]]:
        sent = self.sent_to(ENVIRONMENT["QUEUE_URL"])
        return [json.loads(message["MessageBody"])["restart"] for message in sent]

    @property
    def results(self) -> list[dict[str, Any]]:
        return [json.loads(message["MessageBody"]) for message in self.sent_to(RESULTS)]
