"""One deployed stage under faults: sends messages and reads back what became of each.

Everything is observed from outside: tasks at ECS, messages in the queues, the function's log. The
queues are read from MiniStack's own store, because the API of SQS counts a message that is not
visible, but does not show it.
"""

from __future__ import annotations

import contextlib
import json
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from function.message.idempotency import KEY_ATTRIBUTE, started_by
from infra.names import ALIAS
from rehearsal.deployment import deploy_stage
from rehearsal.emulator import KEPT, RETRIED
from rehearsal.fault_injection import InjectedFault
from rehearsal.sample_account import SECURITY_GROUP, SUBNETS
from runtask.project import load_project
from tests.end_to_end.message_history import (
    EndState,
    MessageHistory,
    QueuedMessage,
    SentMessage,
    read_dead_letter,
    read_queued_message,
)
from tests.end_to_end.signed_requests import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infra.names import Location
    from rehearsal.emulator import Reading
    from rehearsal.fault_injection import FaultyEmulator

ROOT: Final = Path(__file__).resolve().parents[2]
STAGE: Final = "dev"

# Four deliveries are at most 2 + 4 + 8 s of backoff apart.
MAX_WAIT_SECONDS: Final = 40.0

_POLL_SECONDS: Final = 0.05

# Texts of the function's log.
RETURNED: Final = "message returned to the queue"
NOT_PUBLISHED: Final = "notification not published"

NETWORK: Final = {
    "awsvpcConfiguration": {"subnets": list(SUBNETS), "securityGroups": [SECURITY_GROUP]}
}
_TASK: Final[Mapping[str, Any]] = {
    "cluster": "batch",
    "taskDefinition": "report",
    "launchType": "FARGATE",
    "networkConfiguration": NETWORK,
}

_CLUSTERS: Final = json.dumps(["batch", "pool-*"])
_BOOTSTRAP_OPTIONS: Final = {"boundaryClusters": _CLUSTERS}
_OPTIONS: Final = {
    "clusters": _CLUSTERS,
    "taskDefinitions": json.dumps(["report", "report-*"]),
    "taskDefinitionRevisions": "any",
    "executeCommand": "true",
    # What becomes of a task has tests of its own, and tells of a rejection later.
    "outcomes": "false",
    # Throttled messages slow the rate limiter down to a twentieth: fast enough for the others.
    "runTaskRate": "200",
    "fargateLaunchRate": "200",
    "runTaskLatencyMilliseconds": "10",
    "timeoutSeconds": "20",
}

# What ECS remembers under a client token, as its documents can be read.
READINGS: Final[Mapping[str, Reading]] = {"kept": KEPT, "retried": RETRIED}


def task(*without: str, **more: object) -> str:
    """Return the body of a message that launches, without or with more parameters."""
    content = {name: value for name, value in _TASK.items() if name not in without}
    return json.dumps({"ECS": {**content, **more}})


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of the product in the embedded AWS."""

    emulator: FaultyEmulator
    location: Location
    outputs: Mapping[str, Any]
    inbox_url: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service, self.location.account, self.location.region)

    def send(self, body: str, key: str = "", *, group: str = "") -> SentMessage:
        """Send a message; without a key its message id is the key."""
        attributes = {KEY_ATTRIBUTE: {"DataType": "String", "StringValue": key}} if key else {}
        answer = self.client("sqs").send_message(
            QueueUrl=self.outputs["queueUrl"],
            MessageBody=body,
            MessageAttributes=attributes,
            **({"MessageGroupId": group} if group else {}),
        )
        message_id = answer["MessageId"]
        return SentMessage(message_id=message_id, key=key or message_id, body=body)

    def fail(self, sent_key: str, **how: Any) -> None:
        """Let the RunTask calls of a message fail."""
        self.emulator.inject(InjectedFault(match=f'"{sent_key}-', **how))

    def add_cluster(self, name: str, reading: Reading = KEPT) -> str:
        """Create a cluster that the stage may use, which is a capacity pool of its own."""
        self.client("ecs").create_cluster(clusterName=name)
        self.emulator.set_reading(name, reading)
        return name

    @contextlib.contextmanager
    def one_batch(self) -> Iterator[None]:
        """Disable the event source mapping, so that what is sent meanwhile becomes one batch."""
        functions = self.client("lambda")
        queue = self.outputs["queueUrl"].rpartition("/")[2]
        (mapping,) = functions.list_event_source_mappings(
            FunctionName=self.outputs["functionName"],
            EventSourceArn=self.location.arn("sqs", queue),
        )["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        yield
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def hide_for(self, seconds: int) -> None:
        """Set the visibility timeout of the work queue."""
        self.client("sqs").set_queue_attributes(
            QueueUrl=self.outputs["queueUrl"], Attributes={"VisibilityTimeout": str(seconds)}
        )

    def hidden_seconds(self) -> int:
        """Return the visibility timeout of the work queue."""
        name = "VisibilityTimeout"
        url = self.outputs["queueUrl"]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def reconfigure(self, *, timeout_seconds: int = 0, **variables: str) -> None:
        """Change the function behind the alias, in seconds where the options take minutes."""
        functions = self.client("lambda")
        name = self.outputs["functionName"]
        now = functions.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
        functions.update_function_configuration(
            FunctionName=name,
            Timeout=timeout_seconds or now["Timeout"],
            Environment={"Variables": {**now["Environment"]["Variables"], **variables}},
        )
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
        self.settle(self.send(task()))  # it is warm when this returns

    def queued(self, url: str) -> list[QueuedMessage]:
        """Return the messages of a queue, visible or not."""
        query = urllib.parse.urlencode({"QueueUrl": url})
        answer = json.loads(get(self.emulator, f"/_ministack/sqs/messages?{query}").text)
        return [
            read_queued_message(raw)
            for raw in answer["messages"][self.location.account][self.location.region][url]
        ]

    def in_queue(self, sent: SentMessage) -> QueuedMessage | None:
        """Return a message of the work queue, or None once it has left."""
        messages = self.queued(self.outputs["queueUrl"])
        return next((one for one in messages if one.message_id == sent.message_id), None)

    def received(self, sent: SentMessage, times: int) -> Callable[[], bool]:
        """Return the condition that a message has been received so often, or is gone."""

        def holds() -> bool:
            one = self.in_queue(sent)
            return one is None or one.receives >= times

        return holds

    def answered(self, key: str, times: int) -> Callable[[], bool]:
        """Return the condition that RunTask has answered a message that many times."""
        mine = started_by(STAGE, key)
        return lambda: sum(c.started_by == mine for c in self.emulator.calls("RunTask")) >= times

    def log_lines(self, text: str) -> list[dict[str, Any]]:
        """Return the function's log lines with a text."""
        return [line for line in self._log() if line.get("message") == text]

    def metrics(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of the function's log that carry a metric."""
        return [line for line in self._log() if name in line]

    def _log(self) -> list[dict[str, Any]]:
        pages = self.client("logs").get_paginator("filter_log_events")
        return [
            json.loads(event["message"])
            for page in pages.paginate(logGroupName=self.outputs["logGroup"])
            for event in page["events"]
            if event["message"].startswith("{")
        ]

    def settle(self, *sent: SentMessage) -> dict[str, MessageHistory]:
        """Wait until all have left the work queue, and return the history of each by its key.

        Nothing is raised after MAX_WAIT_SECONDS: only the tests of messages that remain fail.
        """
        ids = {one.message_id for one in sent}

        def gone() -> bool:
            return ids.isdisjoint(m.message_id for m in self.queued(self.outputs["queueUrl"]))

        wait_for(gone)
        return self.histories(*sent)

    def histories(self, *sent: SentMessage) -> dict[str, MessageHistory]:
        """Return the history of each message by its key, so far."""
        queue, dead_letters, notifications = (
            self.queued(self.outputs["queueUrl"]),
            [read_dead_letter(one) for one in self.queued(self.outputs["deadLetterQueueUrl"])],
            [json.loads(one.body) for one in self.queued(self.inbox_url)],
        )
        tasks, calls = self.tasks(), self.emulator.calls("RunTask")
        returned = self.log_lines(RETURNED)
        return {
            one.key: MessageHistory(
                sent=one,
                end=EndState(
                    tasks=sum(t["startedBy"] == started_by(STAGE, one.key) for t in tasks),
                    dead_letters=tuple(m for m in dead_letters if m.message_id == one.message_id),
                    left=sum(m.message_id == one.message_id for m in queue),
                ),
                tasks=tuple(t for t in tasks if t["startedBy"] == started_by(STAGE, one.key)),
                calls=tuple(c for c in calls if c.started_by == started_by(STAGE, one.key)),
                returned=tuple(x["reason"] for x in returned if x["message_id"] == one.message_id),
                notifications=tuple(n for n in notifications if n["messageId"] == one.message_id),
            )
            for one in sent
        }

    def tasks(self) -> list[dict[str, Any]]:
        """Return all tasks of the account, as ECS describes them."""
        ecs = self.client("ecs")
        found: list[dict[str, Any]] = []
        for cluster in ecs.list_clusters()["clusterArns"]:
            for status in ("RUNNING", "STOPPED"):
                pages = ecs.get_paginator("list_tasks")
                for page in pages.paginate(cluster=cluster, desiredStatus=status):
                    if arns := page["taskArns"]:
                        found += ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
        # A task may stop between the two lists.
        return list({task["taskArn"]: task for task in found}.values())


def wait_for(
    condition: Callable[[], bool],
    seconds: float = MAX_WAIT_SECONDS,
    poll_seconds: float = _POLL_SECONDS,
) -> bool:
    """Wait until a condition holds, and return whether it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(poll_seconds)
    return False


def deploy(emulator: FaultyEmulator, **options: str) -> Stage:
    """Deploy a stage, with a queue that receives its notifications."""
    changed = {**_OPTIONS, **options}
    deployed = deploy_stage(emulator, load_project(ROOT), STAGE, changed, _BOOTSTRAP_OPTIONS)
    inbox_url = deployed.sample_account.subscribe_inbox(deployed.outputs["failureTopicArn"])
    return Stage(
        emulator=emulator,
        location=deployed.location,
        outputs=deployed.outputs,
        inbox_url=inbox_url,
    )
