"""Fakes of everything around the handler: time, ECS, SQS, SNS, and a rig that joins them."""

from __future__ import annotations

import io
import itertools
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.logging import Logger
from botocore.exceptions import ClientError

from function.application import Application
from function.failures.reasons import PermanentFailure
from function.message.builder import read
from function.message.idempotency import Stage, client_token
from function.settings import Settings
from tests.model.dynamodb import DynamoDbClient, Table

if TYPE_CHECKING:
    from collections.abc import Callable

# The variables that a function cannot do without.
REQUIRED = {
    "STAGE": "dev",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/111111111111/work",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/111111111111/work-dlq",
    "FAILURE_TOPIC_ARN": "arn:aws:sns:eu-central-1:111111111111:failures",
    "CLUSTERS": '["arn:aws:ecs:eu-central-1:111111111111:cluster/batch"]',
    "TASK_DEFINITIONS": '["arn:aws:ecs:eu-central-1:111111111111:task-definition/report:*"]',
    "LEDGER_TABLE": "ledger",
    "KEY_RETENTION_SECONDS": "1555200",
    "QUEUE_RETENTION_SECONDS": "345600",
    "VISIBILITY_TIMEOUT_SECONDS": "360",
    "ENVIRONMENT_MAX_AGE_SECONDS": "86400",
    "MAXIMUM_CONCURRENCY": "2",
    "LOG_LEVEL": "DEBUG",
}

# A stage whose senders may choose nearly everything.
ENVIRONMENT = {
    **REQUIRED,
    "TASK_DEFINITION_REVISIONS": "any",
    "TASK_ROLES": '["arn:aws:iam::111111111111:role/report-*"]',
    "EXECUTION_ROLES": '["arn:aws:iam::111111111111:role/report-*"]',
    "VOLUME_ROLES": '["arn:aws:iam::111111111111:role/report-*"]',
    "SUBNETS": '["*"]',
    "SECURITY_GROUPS": '["*"]',
    "PUBLIC_IP": "true",
    "EXECUTE_COMMAND": "true",
    "EBS_VOLUMES": "true",
    "EBS_SNAPSHOTS": '["*"]',
    "LAUNCH_TYPES": '["*"]',
    "CAPACITY_PROVIDERS": '["*"]',
    "TAG_KEYS": '["*"]',
    "ENVIRONMENT_FILES": '["*"]',
}

# The smallest message that needs nothing of ECS but RunTask.
MESSAGE: dict[str, Any] = {
    "cluster": "batch",
    "taskDefinition": "report:7",
    "launchType": "FARGATE",
    "networkConfiguration": {
        "awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}
    },
}

# Tasks of one page of ListTasks.
LIST_PAGE = 2

_NUMBERS = itertools.count()


def settings(**changes: str) -> Settings:
    return Settings.from_environment({**ENVIRONMENT, **changes})


def message(**changes: Any) -> str:
    return json.dumps({"ECS": {**MESSAGE, **changes}})


def rejection(body: str, by: Settings) -> PermanentFailure | None:
    """Return why a body is rejected without asking AWS, None if it is not."""
    try:
        read(body, by)
    except PermanentFailure as failure:
        return failure
    return None


def rejected(body: str) -> PermanentFailure:
    """Return why a body is rejected; fail if it is not."""
    failure = rejection(body, settings())
    assert failure is not None
    return failure


def service(*subnets: str) -> dict[str, Any]:
    """Return what DescribeServices says of a service with these subnets."""
    return {"networkConfiguration": {"awsvpcConfiguration": {"subnets": list(subnets)}}}


def token(key: str, attempt: int = 0) -> str:
    """Return the client token of the rig's stage."""
    stage = Stage(name="dev", account="111111111111", region="eu-central-1")
    return client_token(key, stage, attempt)


def client_error(code: str, text: str, operation: str = "RunTask", status: int = 400) -> Exception:
    return ClientError(
        {
            "Error": {"Code": code, "Message": text},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "",
                "HostId": "",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        operation,
    )


class FakeClock:
    """A clock on which only sleeping takes time."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def time(self) -> float:
        return 1_800_000_000.0 + self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds


class FakeContext:
    """An invocation that times out a number of seconds after it started."""

    aws_request_id = "request-1"

    def __init__(self, clock: FakeClock, seconds: float = 60) -> None:
        self._clock = clock
        self._ends = clock.now + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - self._clock.now) * 1000)


class FakeEcs:
    """The calls to ECS that the handler makes, with idempotent client tokens.

    `script` holds the results of the next RunTask calls: an exception to raise, a string for an
    entry of `failures`, a number for so many tasks and failures for the others, or None for all
    tasks. After that, every call has the result `always`.
    """

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.started: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, list[str]] = {}
        self.script: list[Exception | str | int | None] = []
        self.always: Exception | str | int | None = None
        self.lost_responses = 0
        self.services: dict[str, dict[str, Any]] = {}
        self.containers: list[dict[str, Any]] = [{"name": "main"}]
        self.lookups: list[str] = []
        self.lookup_error: Exception | None = None
        self.lists = 0
        self.stopped: set[str] = set()
        self.list_error: Exception | None = None
        self.named_by_conflict = False
        self.before_call: Callable[[dict[str, Any]], None] = lambda _call: None
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        """How many tasks were started."""
        return sum(map(len, self.tasks.values()))

    def run_task(self, **call: Any) -> dict[str, Any]:
        self.before_call(call)
        with self._lock:
            self.calls.append(call)
            result = self.script.pop(0) if self.script else self.always
            token = call["clientToken"]
            if isinstance(result, Exception):
                if self.lost_responses:
                    self.lost_responses -= 1
                    self._start(call, call["count"])
                raise result
            if isinstance(result, str):
                return {"tasks": [], "failures": [{"reason": result, "arn": "arn:x"}]}
            if token in self.started and self.started[token] != call:
                error: Any = client_error("ConflictException", "the token is known")
                named = self.tasks[token] if self.named_by_conflict else []
                error.response["resourceIds"] = named
                raise error
            tasks = self._start(call, call["count"] if result is None else result)
            failures = [{"reason": "RESOURCE:CPU"}] * (call["count"] - len(tasks))
            return {"tasks": [{"taskArn": arn} for arn in tasks], "failures": failures}

    def _start(self, call: dict[str, Any], count: int) -> list[str]:
        token = call["clientToken"]
        self.started.setdefault(token, call)
        new = [f"arn:task/{token}/{number}" for number in range(count)]
        return self.tasks.setdefault(token, new)

    def list_tasks(
        self,
        *,
        cluster: str,
        startedBy: str,  # noqa: N803
        desiredStatus: str,  # noqa: N803
        nextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        self.lists += 1
        if self.list_error:
            raise self.list_error
        found = [
            arn
            for token, call in self.started.items()
            for arn in self.tasks[token]
            if (call.get("cluster"), call["startedBy"]) == (cluster, startedBy)
            and (arn in self.stopped) == (desiredStatus == "STOPPED")
        ]
        end = int(nextToken) + LIST_PAGE
        more = {"nextToken": str(end)} if end < len(found) else {}
        return {"taskArns": found[int(nextToken) : end], **more}

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        self.lookups.append(f"{cluster}/{services[0]}")
        if self.lookup_error:
            raise self.lookup_error
        found = self.services.get(services[0])
        return {"services": [found] if found else [], "failures": []}

    def describe_task_definition(self, *, taskDefinition: str) -> dict[str, Any]:  # noqa: N803
        self.lookups.append(taskDefinition)
        if self.lookup_error:
            raise self.lookup_error
        return {"taskDefinition": {"containerDefinitions": self.containers}}


class FakeSqs:
    """Remembers what was sent to the dead-letter queue, and the visibility timeouts."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.visibility: dict[str, int] = {}
        self.send_error: Exception | None = None
        self.visibility_error: Exception | None = None
        self.refused: set[str] = set()
        self.reports: list[dict[str, Any]] = []
        self.batch_error: Exception | None = None
        self.refused_entries: set[int] = set()
        self.woken: list[str] = []
        self.wake_error: Exception | None = None

    def send_message_batch(self, **call: Any) -> dict[str, Any]:
        entries = call["Entries"]
        assert call["QueueUrl"].endswith("-events")
        assert 1 <= len(entries) <= 10
        assert sum(len(entry["MessageBody"]) for entry in entries) <= 1_048_576
        if self.batch_error:
            raise self.batch_error
        failed = []
        for number, entry in enumerate(entries):
            if number in self.refused_entries:
                failed.append({"Id": entry["Id"], "Code": "InternalError"})
            else:
                self.reports.append(json.loads(entry["MessageBody"]))
        return {"Successful": [], "Failed": failed}

    def change_message_visibility(self, **call: Any) -> dict[str, Any]:
        assert call["VisibilityTimeout"] == 0
        assert call["QueueUrl"] == ENVIRONMENT["QUEUE_URL"]
        if self.wake_error:
            raise self.wake_error
        self.woken.append(call["ReceiptHandle"])
        return {}

    def send_message(self, **arguments: Any) -> dict[str, Any]:
        if self.send_error:
            raise self.send_error
        self.sent.append(arguments)
        return {"MessageId": "dlq"}

    def change_message_visibility_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803
        Entries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        assert QueueUrl.startswith(ENVIRONMENT["QUEUE_URL"])
        assert 1 <= len(Entries) <= 10
        if self.visibility_error:
            raise self.visibility_error
        failed = []
        for entry in Entries:
            if entry["ReceiptHandle"] in self.refused:
                failed.append({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid"})
            else:
                self.visibility[entry["ReceiptHandle"]] = entry["VisibilityTimeout"]
        return {"Successful": [], "Failed": failed}


class FakeSns:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def publish(self, **arguments: Any) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.published.append(arguments)
        return {"MessageId": "notification"}

    @property
    def notifications(self) -> list[dict[str, Any]]:
        return [json.loads(arguments["Message"]) for arguments in self.published]


class FakeS3:
    """Remembers what was stored, by the name of the object."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.objects: dict[str, bytes] = {}
        self.error: Exception | None = None
        self.before_call: Callable[[], None] = lambda: None

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        self.before_call()
        if self.error:
            raise self.error
        self.calls.append(arguments)
        self.objects[arguments["Key"]] = arguments["Body"]
        return {"ETag": "x"}


class FakeWire:
    """Carries the calls to the ledger table, and counts them."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def call(self, operation: str, effect: Callable[[], Any]) -> Any:
        self.calls.append(operation)
        return effect()


@dataclass
class Rig:
    """The application with its fakes."""

    clock: FakeClock = field(default_factory=FakeClock)
    ecs: FakeEcs = field(default_factory=FakeEcs)
    sqs: FakeSqs = field(default_factory=FakeSqs)
    sns: FakeSns = field(default_factory=FakeSns)
    s3: FakeS3 = field(default_factory=FakeS3)
    table: Table = field(default_factory=lambda: Table(name="ledger"))
    wire: FakeWire = field(default_factory=FakeWire)
    settings: Settings = field(default_factory=settings)
    log_text: io.StringIO = field(default_factory=io.StringIO)
    seconds: float = 60
    draw: float = 1.0

    def __post_init__(self) -> None:
        self.application = Application(
            self.settings,
            **self.clients(),
            log=Logger(service=f"rig-{next(_NUMBERS)}", level="DEBUG", stream=self.log_text),
            clock=self.clock,
            draw=lambda: self.draw,
        )

    def clients(self) -> dict[str, Any]:
        """Return the clients of the application, by the name of its argument."""
        wire: Any = self.wire
        return {
            "ecs": self.ecs,
            "sqs": self.sqs,
            "sns": self.sns,
            "dynamodb": DynamoDbClient(wire=wire, table=self.table),
            "s3": self.s3,
        }

    def record(self, body: str, number: int = 0, **changes: Any) -> dict[str, Any]:
        """Return a record of Lambda's event; `age` is in seconds."""
        age, group = changes.pop("age", 0), changes.pop("group", None)
        system = {
            "ApproximateReceiveCount": str(changes.pop("receives", 1)),
            "SentTimestamp": str(int((self.clock.time() - age) * 1000)),
            "ApproximateFirstReceiveTimestamp": str(
                int((self.clock.time() - changes.pop("received", 0)) * 1000)
            ),
        }
        if group is not None:
            system["MessageGroupId"] = group
        attributes = {
            name: {"dataType": "String", "stringValue": value} if isinstance(value, str) else value
            for name, value in changes.pop("attributes", {}).items()
        }
        return {
            "messageId": f"message-{number}",
            "receiptHandle": f"receipt-{number}",
            "body": body,
            "attributes": system,
            "messageAttributes": attributes,
            "eventSource": "aws:sqs",
            **changes,
        }

    def handle(self, *records: dict[str, Any]) -> list[str]:
        """Handle a batch, and return the ids of the messages that return to the queue."""
        context = FakeContext(self.clock, self.seconds)
        response = self.application.handle({"Records": list(records)}, context)
        return [item["itemIdentifier"] for item in response["batchItemFailures"]]

    def run(self, body: str, **changes: Any) -> list[str]:
        """Handle a batch of one message."""
        return self.handle(self.record(body, **changes))

    @property
    def dead_letters(self) -> list[dict[str, str]]:
        """The attributes of the dead letters, as strings."""
        return [
            {
                name: str(value.get("StringValue", value.get("BinaryValue")))
                for name, value in sent["MessageAttributes"].items()
            }
            for sent in self.sqs.sent
        ]

    def item(self, key: str = "message-0") -> dict[str, Any] | None:
        """Return the ledger's item of a key, as plain values."""
        found = self.table.items.get(key)
        return found and {name: next(iter(value.values())) for name, value in found.items()}

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_text.getvalue().split("\n") if line]
