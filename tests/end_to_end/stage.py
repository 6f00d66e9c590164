"""One deployed stage under faults: messages go in, and what became of each is read back.

All of it is looked at from outside: tasks at ECS, messages where they lie in the queues, the
function's log. The queues are read where MiniStack keeps them, because a message that is out of
sight can be counted by the API of SQS, but not seen.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from function.message.idempotency import KEY_ATTRIBUTE, started_by
from infra.names import ALIAS, PROJECT
from infra.program import main as program
from rehearsal.emulator import InjectedFault
from rehearsal.engine import State, up
from rehearsal.sample_account import SECURITY_GROUP, SUBNETS, SampleAccount, with_sample_account
from runtask.project import load_project
from tests.end_to_end.fates import End, Fate, Lying, SentMessage, letter_of, lying_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from infra.names import Location
    from rehearsal.emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
STAGE = "dev"

# The longest that a test waits for: four deliveries are at most 2 + 4 + 8 s of backoff apart.
PATIENCE_SECONDS = 40.0
_POLL_SECONDS = 0.05

NETWORK = {"awsvpcConfiguration": {"subnets": list(SUBNETS), "securityGroups": [SECURITY_GROUP]}}
_TASK: Mapping[str, Any] = {
    "cluster": "batch",
    "taskDefinition": "report",
    "launchType": "FARGATE",
    "networkConfiguration": NETWORK,
}

_CONFIG = {
    "clusters": json.dumps(["batch", "capacity_pool-*"]),
    "taskDefinitions": json.dumps(["report", "report-*"]),
    # Throttled rows slow the rate_limiter down to a twentieth: still fast enough for the others.
    "launchRate": "200",
    "runTaskLatencyMilliseconds": "10",
    "timeoutSeconds": "20",
}


def task(*without: str, **more: object) -> str:
    """Return a message that launches, changed as the test needs it."""
    content = {name: value for name, value in _TASK.items() if name not in without}
    return json.dumps({"ECS": {**content, **more}})


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of the product in the embedded AWS."""

    emulator: Emulator
    location: Location
    outputs: Mapping[str, Any]
    inbox_url: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service, self.location.account, self.location.region)

    def send(self, body: str, key: str = "") -> SentMessage:
        """Send a message; without a key its id is the key."""
        attributes = {KEY_ATTRIBUTE: {"DataType": "String", "StringValue": key}} if key else {}
        answer = self.client("sqs").send_message(
            QueueUrl=self.outputs["queueUrl"], MessageBody=body, MessageAttributes=attributes
        )
        message_id = answer["MessageId"]
        return SentMessage(message_id=message_id, key=key or message_id, body=body)

    def fail(self, sent_key: str, **how: Any) -> None:
        """Let the RunTask calls of a message fail."""
        self.emulator.inject(InjectedFault(match=f'"{sent_key}-', **how))

    def add_cluster(self, name: str) -> str:
        """Make a cluster that the stage may use: capacity is judged cluster by cluster."""
        self.client("ecs").create_cluster(clusterName=name)
        return name

    @contextlib.contextmanager
    def one_batch(self) -> Iterator[None]:
        """Let what is sent meanwhile be received at once, afterwards."""
        functions = self.client("lambda")
        (mapping,) = functions.list_event_source_mappings(
            FunctionName=self.outputs["functionName"]
        )["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        yield
        functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def hide_for(self, seconds: int) -> None:
        """Set how long the queue hides what was received and neither deleted nor sent back."""
        self.client("sqs").set_queue_attributes(
            QueueUrl=self.outputs["queueUrl"], Attributes={"VisibilityTimeout": str(seconds)}
        )

    def hidden_seconds(self) -> int:
        """Return how long the queue hides what was received."""
        name = "VisibilityTimeout"
        url = self.outputs["queueUrl"]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def reconfigure(self, *, timeout_seconds: int = 0, **variables: str) -> None:
        """Change the function behind the alias: what the configuration allows only in minutes."""
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

    def lying(self, url: str) -> list[Lying]:
        """Return what lies in a queue."""
        endpoint = urllib.parse.urlsplit(self.emulator.endpoint)
        connection = http.client.HTTPConnection(endpoint.netloc, timeout=10)
        try:
            query = urllib.parse.urlencode({"QueueUrl": url})
            connection.request("GET", f"/_ministack/sqs/messages?{query}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return [
            lying_of(raw)
            for raw in answer["messages"][self.location.account][self.location.region][url]
        ]

    def in_queue(self, sent: SentMessage) -> Lying | None:
        """Return a message as it lies in the work queue, None once it has left."""
        lying = self.lying(self.outputs["queueUrl"])
        return next((one for one in lying if one.message_id == sent.message_id), None)

    def received(self, sent: SentMessage, times: int) -> Callable[[], bool]:
        """Return the condition that a message has been received so often, or is gone."""

        def holds() -> bool:
            one = self.in_queue(sent)
            return one is None or one.receives >= times

        return holds

    def answered(self, key: str, times: int) -> Callable[[], bool]:
        """Return the condition that RunTask has answered a message so often."""
        mine = started_by(STAGE, key)
        return lambda: sum(c.started_by == mine for c in self.emulator.calls("RunTask")) >= times

    def log_lines(self, text: str) -> list[dict[str, Any]]:
        """Return the function's log lines with a text."""
        pages = self.client("logs").get_paginator("filter_log_events")
        lines = [
            json.loads(event["message"])
            for page in pages.paginate(logGroupName=self.outputs["logGroup"])
            for event in page["events"]
            if event["message"].startswith("{")
        ]
        return [line for line in lines if line.get("message") == text]

    def settle(self, *sent: SentMessage) -> dict[str, Fate]:
        """Wait until all have left the work queue, and return the fate of each by its key.

        Nothing is raised when patience ends: the row that did not settle fails, and no other.
        """
        ids = {one.message_id for one in sent}

        def gone() -> bool:
            return ids.isdisjoint(m.message_id for m in self.lying(self.outputs["queueUrl"]))

        wait_for(gone)
        return self.fates(*sent)

    def fates(self, *sent: SentMessage) -> dict[str, Fate]:
        """Return the fate of each message by its key, as it is now."""
        queue, letters, notices = (
            self.lying(self.outputs["queueUrl"]),
            [letter_of(one) for one in self.lying(self.outputs["deadLetterQueueUrl"])],
            [json.loads(one.body) for one in self.lying(self.inbox_url)],
        )
        tasks, calls = self._tasks(), self.emulator.calls("RunTask")
        kept = self.log_lines("message returned to the queue")
        return {
            one.key: Fate(
                sent=one,
                end=End(
                    tasks=sum(t["startedBy"] == started_by(STAGE, one.key) for t in tasks),
                    letters=tuple(m for m in letters if m.message_id == one.message_id),
                    left=sum(m.message_id == one.message_id for m in queue),
                ),
                tasks=tuple(t for t in tasks if t["startedBy"] == started_by(STAGE, one.key)),
                calls=tuple(c for c in calls if c.started_by == started_by(STAGE, one.key)),
                kept=tuple(x["reason"] for x in kept if x["message_id"] == one.message_id),
                notices=tuple(n for n in notices if n["messageId"] == one.message_id),
            )
            for one in sent
        }

    def _tasks(self) -> list[dict[str, Any]]:
        ecs = self.client("ecs")
        found: list[dict[str, Any]] = []
        for cluster in ecs.list_clusters()["clusterArns"]:
            for status in ("RUNNING", "STOPPED"):
                arns = ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
                if arns:
                    found += ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
        # A task may stop between the two lists.
        return list({task["taskArn"]: task for task in found}.values())


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Wait until a condition holds, and return whether it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(_POLL_SECONDS)
    return False


def deploy(emulator: Emulator) -> Stage:
    """Make a customer's account with a stage in it, and an operator who reads the notices."""
    project = load_project(ROOT)
    location = project.stage_config(STAGE).location
    config = project.stack_config(STAGE) | {f"{PROJECT}:{k}": v for k, v in _CONFIG.items()}
    sample_account = SampleAccount(emulator=emulator, location=location)
    state = State()

    def run(stack: str, config: dict[str, str]) -> dict[str, Any]:
        return up(
            program,
            project=project.name,
            stack=stack,
            config=config,
            emulator=emulator,
            state=state,
        )

    run(f"{STAGE}-bootstrap", project.stack_config(f"{STAGE}-bootstrap"))
    sample_account.make()
    outputs = run(STAGE, with_sample_account(config, location))
    inbox_url = sample_account.subscribe_inbox(outputs["failureTopicArn"])
    return Stage(emulator=emulator, location=location, outputs=outputs, inbox_url=inbox_url)
