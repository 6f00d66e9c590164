"""The services that the probes ask, in memory, and a clock that does not wait."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from infra.names import ALIAS

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT: Final = "111111111111"
REGION: Final = "eu-central-1"
WORK: Final = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/ecs-run-task-dev"
DEAD: Final = f"{WORK}-dlq"
FUNCTION_ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/ecs-run-task/ecs-run-task-dev-role"


def error(code: str, operation: str, **members: Any) -> ClientError:
    text = f"arn:aws:iam::{ACCOUNT}:user/alice is not authorized"
    return ClientError(
        cast("Any", {"Error": {"Code": code, "Message": text}, **members}), operation
    )


@dataclass
class FakeClock:
    now: float = 1_800_000_000.0
    on_sleep: Callable[[], None] = lambda: None

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float, /) -> None:
        self.now += seconds
        self.on_sleep()


@dataclass
class Pages:
    """A paginator with a single page."""

    call: Callable[..., Any]

    def paginate(self, **parameters: Any) -> list[Any]:
        return [self.call(**parameters)]


@dataclass
class FakeSqs:
    attributes: dict[str, dict[str, str]] = field(default_factory=dict)
    lists: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {WORK: [], DEAD: []})
    on_send: Callable[[dict[str, Any]], None] = lambda _message: None
    denied: set[str] = field(default_factory=set)

    def send_message(self, **parameters: Any) -> dict[str, Any]:
        message = self.put(
            parameters["QueueUrl"], parameters["MessageBody"], parameters["MessageAttributes"]
        )
        self.on_send(message)
        return {"MessageId": message["MessageId"]}

    def put(self, url: str, body: str, attributes: dict[str, Any]) -> dict[str, Any]:
        name = uuid.uuid4().hex
        message = {
            "MessageId": name,
            "ReceiptHandle": name,
            "Body": body,
            "MessageAttributes": attributes,
            "hidden": False,
        }
        self.lists[url].append(message)
        return message

    def receive_message(self, **parameters: Any) -> dict[str, Any]:
        if "ReceiveMessage" in self.denied:
            raise error("AccessDenied", "ReceiveMessage")
        visible = [one for one in self.lists[parameters["QueueUrl"]] if not one["hidden"]]
        received = visible[: parameters["MaxNumberOfMessages"]]
        for one in received:
            one["hidden"] = True
        return {"Messages": received} if received else {}

    def delete_message(self, **parameters: Any) -> None:
        messages = self.lists[parameters["QueueUrl"]]
        messages[:] = [
            one for one in messages if one["ReceiptHandle"] != parameters["ReceiptHandle"]
        ]

    def change_message_visibility(self, **parameters: Any) -> None:
        assert parameters["VisibilityTimeout"] == 0
        for one in self.lists[parameters["QueueUrl"]]:
            if one["ReceiptHandle"] == parameters["ReceiptHandle"]:
                one["hidden"] = False

    def get_queue_attributes(self, **parameters: Any) -> dict[str, Any]:
        return {"Attributes": self.attributes[parameters["QueueUrl"]]}


@dataclass
class FakeEcs:
    """RunTask with tokens; a task ends as soon as somebody looks at it twice."""

    tasks: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    instances: list[str] = field(default_factory=list)
    instance_attributes: list[str] = field(default_factory=list)
    failed_tokens: set[str] = field(default_factory=set)
    replays_failures: bool = False
    exit_code: int = 0
    never_ends: bool = False
    denied: bool = False
    stopped: list[str] = field(default_factory=list)

    def run_task(self, **call: Any) -> dict[str, Any]:
        if self.denied:
            raise error("AccessDeniedException", "RunTask")
        token = call.get("clientToken", "")
        known = self.tokens.get(token)
        if known is not None:
            if known["call"] != call:
                raise error("ConflictException", "RunTask", resourceIds=[known["task"]["taskArn"]])
            return {"tasks": [known["task"]], "failures": []}
        if self._constraint_fails(call) or (self.replays_failures and token in self.failed_tokens):
            self.failed_tokens.add(token)
            return {"tasks": [], "failures": [{"reason": "MemberOf placement constraint"}]}
        task = self.start(call["startedBy"])
        if token:
            self.tokens[token] = {"call": call, "task": task}
        return {"tasks": [task], "failures": []}

    def start(self, started_by_: str) -> dict[str, Any]:
        created = datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=len(self.tasks))
        task = {
            "taskArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/batch/{uuid.uuid4().hex}",
            "startedBy": started_by_,
            "lastStatus": "RUNNING",
            "createdAt": created,
            "startedAt": created + timedelta(seconds=20),
            "looks": 0,
            "containers": [{"name": "log-router"}, {"name": "report"}],
        }
        self.tasks.append(task)
        return task

    def _constraint_fails(self, call: dict[str, Any]) -> bool:
        return any(
            one["expression"].split(" ")[0].removeprefix("attribute:")
            not in self.instance_attributes
            for one in call.get("placementConstraints", [])
        )

    def get_paginator(self, name: str) -> Pages:
        assert name == "list_tasks"
        return Pages(self.list_tasks)

    def list_tasks(self, **parameters: Any) -> dict[str, Any]:
        return {
            "taskArns": [
                task["taskArn"]
                for task in self.tasks
                if task["startedBy"] == parameters["startedBy"]
                and (task["lastStatus"] == "STOPPED") == (parameters["desiredStatus"] == "STOPPED")
            ]
        }

    def describe_tasks(self, **parameters: Any) -> dict[str, Any]:
        found = [task for task in self.tasks if task["taskArn"] in parameters["tasks"]]
        for task in found:
            task["looks"] += 1
            if task["looks"] > 1 and not self.never_ends:
                self._end(task, self.exit_code, "EssentialContainerExited")
        return {"tasks": found}

    def _end(self, task: dict[str, Any], code: int, stop_code: str) -> None:
        task.update(
            lastStatus="STOPPED",
            stopCode=stop_code,
            stoppedReason=f"secret of {ACCOUNT}",
            stoppedAt=task["createdAt"] + timedelta(seconds=45),
        )
        task["containers"] = [{"name": "log-router"}, {"name": "report", "exitCode": code}]

    def stop_task(self, **parameters: Any) -> None:
        self.stopped.append(parameters["task"])
        for task in self.tasks:
            if task["taskArn"] == parameters["task"]:
                self._end(task, 137, "UserInitiated")

    def list_container_instances(self, **_parameters: Any) -> dict[str, Any]:
        return {"containerInstanceArns": self.instances}

    def put_attributes(self, **parameters: Any) -> None:
        self.instance_attributes += [one["name"] for one in parameters["attributes"]]

    def delete_attributes(self, **parameters: Any) -> None:
        for one in parameters["attributes"]:
            self.instance_attributes.remove(one["name"])


@dataclass
class FakeLambda:
    alias: dict[str, Any] = field(default_factory=lambda: {"FunctionVersion": "3"})
    configuration: dict[str, Any] = field(
        default_factory=lambda: {"Timeout": 60, "MemorySize": 512, "Role": FUNCTION_ROLE}
    )
    mappings: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {
                "State": "Enabled",
                "BatchSize": 10,
                "MaximumBatchingWindowInSeconds": 0,
                "ScalingConfig": {"MaximumConcurrency": 2},
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            }
        ]
    )

    def get_alias(self, **parameters: Any) -> dict[str, Any]:
        assert parameters["Name"] == ALIAS
        return self.alias

    def get_function_configuration(self, **_parameters: Any) -> dict[str, Any]:
        return self.configuration

    def list_event_source_mappings(self, **_parameters: Any) -> dict[str, Any]:
        return {"EventSourceMappings": self.mappings}


@dataclass
class FakeLogs:
    lines: list[str] = field(default_factory=list)
    denied: bool = False

    def get_paginator(self, name: str) -> Pages:
        assert name == "filter_log_events"
        return Pages(self.filter_log_events)

    def filter_log_events(self, **parameters: Any) -> dict[str, Any]:
        if self.denied:
            raise error("AccessDeniedException", "FilterLogEvents")
        wanted = parameters["filterPattern"].strip('"')
        return {"events": [{"message": line} for line in self.lines if wanted in line]}


@dataclass
class FakeIam:
    """Allows pairs of action and resource."""

    allowed: set[tuple[str, str]] = field(default_factory=set)
    denied: bool = False

    def simulate_principal_policy(self, **parameters: Any) -> dict[str, Any]:
        if self.denied:
            raise error("AccessDenied", "SimulatePrincipalPolicy")
        assert parameters["PolicySourceArn"] == FUNCTION_ROLE
        pair = (parameters["ActionNames"][0], parameters["ResourceArns"][0])
        decision = "allowed" if pair in self.allowed else "implicitDeny"
        return {"EvaluationResults": [{"EvalDecision": decision}]}


@dataclass
class FakeSession:
    services: dict[str, Any]
    region_name: str = REGION

    def client(self, name: str) -> Any:
        return self.services[name]
