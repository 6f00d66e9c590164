"""The ECS calls that tests of the stand-in make."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator

ACCOUNT: Final = "111111111111"
OTHER_ACCOUNT: Final = "222222222222"
REGION: Final = "eu-central-1"
CLUSTER: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/jobs"
NETWORK: Final = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
TASK_ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/task"
OTHER_ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/other"


def trust(service: str) -> dict[str, Any]:
    principal = {"Service": f"{service}.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def statement(*actions: str, resource: str = "*", **condition: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    if condition:
        found["Condition"] = condition
    return found


def register(client: Any, family: str, command: list[str], role: str = "", **more: Any) -> None:
    app: dict[str, Any] = {"name": "app", "image": "busybox", "command": command}
    app["environment"] = [{"name": "GREETING", "value": "hello"}]
    client.register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[app, *more.get("sidecars", [])],
        **({"taskRoleArn": role} if role else {}),
    )


def run(client: Any, family: str = "report", **more: Any) -> Any:
    request = {"cluster": "jobs", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    return client.run_task(**{**request, "taskDefinition": family, **more})


def started(client: Any, family: str = "report", **more: Any) -> str:
    return str(run(client, family, **more)["tasks"][0]["taskArn"])


def wait(client: Any, arn: str, status: str = "STOPPED") -> Any:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        task = client.describe_tasks(cluster="jobs", tasks=[arn])["tasks"][0]
        if task["lastStatus"] == status:
            return task
        time.sleep(0.01)
    raise AssertionError(f"{arn} is {task['lastStatus']}, not {status}")


def refused(code: str, text: str = "") -> Any:
    return pytest.raises(ClientError, match=rf"{code}.*{text}")


def drain(sqs: Any, url: str) -> list[Any]:
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def queue_of_rule(
    emulator: Emulator, name: str, detail: dict[str, Any], transformer: dict[str, Any] | None = None
) -> str:
    """Return the URL of a new queue that a new rule on tasks sends to, both of a name."""
    sqs = emulator.client("sqs", ACCOUNT, REGION)
    events = emulator.client("events", ACCOUNT, REGION)
    pattern = {"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"], "detail": detail}
    rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    policy = json.dumps(delivery_policy(queue, rule))
    url: str = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    target: dict[str, Any] = {"Id": "queue", "Arn": queue}
    if transformer:
        target["InputTransformer"] = transformer
    events.put_targets(Rule=name, Targets=[target])
    return url


def delivery_policy(queue: str, rule: str) -> dict[str, Any]:
    """Return the policy of a queue that lets a rule send to it."""
    entry = statement("sqs:SendMessage", resource=queue, ArnEquals={"aws:SourceArn": rule})
    entry["Principal"] = {"Service": "events.amazonaws.com"}
    return {"Version": "2012-10-17", "Statement": [entry]}


def function_zip() -> bytes:
    """Return the zip of a Lambda function that does nothing."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    pass\n")
    return code.getvalue()
