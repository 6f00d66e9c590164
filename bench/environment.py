"""The function's environment variables and events, as the benchmarks make them."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from function.limits import RUN_TASK_RATE
from function.message.idempotency import KEY_ATTRIBUTE

ACCOUNT: Final = "111111111111"
CLUSTER: Final = "batch"
LEDGER_TABLE: Final = "ledger"
REGION: Final = "eu-central-1"

# The defaults of a stage: the function's timeout, messages per invocation, the queue's visibility
# timeout, the function's memory, and the maximum concurrency of the event source mapping.
TIMEOUT_SECONDS: Final = 60
BATCH: Final = 10
VISIBILITY_SECONDS: Final = 6 * TIMEOUT_SECONDS
MEMORY_GIGABYTES: Final = 0.5
MAXIMUM_CONCURRENCY: Final = 2

# A typical message: it names everything, so that RunTask is the only call.
_REQUEST: Final = {
    "cluster": CLUSTER,
    "taskDefinition": "report:7",
    "launchType": "FARGATE",
    "networkConfiguration": {
        "awsvpcConfiguration": {
            "subnets": ["subnet-0a1b2c3d4e5f60718", "subnet-0f1e2d3c4b5a69788"],
            "securityGroups": ["sg-0123456789abcdef0"],
            "assignPublicIp": "DISABLED",
        }
    },
    "overrides": {
        "containerOverrides": [
            {
                "name": "report",
                "command": ["make-report", "--month", "2026-10"],
                "environment": [
                    {"name": "MONTH", "value": "2026-10"},
                    {"name": "FORMAT", "value": "pdf"},
                ],
            }
        ]
    },
}

BODY: Final = json.dumps({"ECS": _REQUEST})

# The service from which a message takes its network, if it has none of its own.
SERVICE: Final = "report"


def body(count: int = 1, *, by_service: bool = False) -> str:
    """Return a message that asks for `count` tasks.

    Args:
        count: The tasks; 1 is left out, as senders do.
        by_service: The message takes the network from SERVICE, which is a look-up.
    """
    request: dict[str, Any] = {**_REQUEST}
    if by_service:
        del request["networkConfiguration"]
        request["service"] = SERVICE
    if count > 1:
        request["count"] = count
    return json.dumps({"ECS": request})


def variables(
    launch_rate: float, concurrency: int = MAXIMUM_CONCURRENCY, launch_burst: float | None = None
) -> dict[str, str]:
    """Return the environment variables that the infrastructure sets for the function.

    Args:
        launch_rate: Tasks per second.
        concurrency: The maximum concurrency of the event source mapping.
        launch_burst: Tasks at once; by default those of a second, as in the simulation's quota.
    """
    burst = launch_rate if launch_burst is None else launch_burst
    return {
        "STAGE": "bench",
        "QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/work",
        "DEAD_LETTER_QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/work-dlq",
        "FAILURE_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:failures",
        "CLUSTERS": json.dumps([f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/batch"]),
        "TASK_DEFINITIONS": json.dumps(
            [f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/report:*"]
        ),
        "TASK_DEFINITION_REVISIONS": "any",
        "SUBNETS": json.dumps(["subnet-0a1b2c3d4e5f60718", "subnet-0f1e2d3c4b5a69788"]),
        "SECURITY_GROUPS": json.dumps(["sg-0123456789abcdef0"]),
        "LEDGER_TABLE": LEDGER_TABLE,
        "KEY_RETENTION_SECONDS": str(18 * 24 * 3600),
        "QUEUE_RETENTION_SECONDS": str(4 * 24 * 3600),
        "VISIBILITY_TIMEOUT_SECONDS": str(VISIBILITY_SECONDS),
        "ENVIRONMENT_MAX_AGE_SECONDS": "3600",
        "RUN_TASK_RATE": f"{max(launch_rate, RUN_TASK_RATE):g}",
        "FARGATE_LAUNCH_RATE": f"{launch_rate:g}",
        "FARGATE_LAUNCH_BURST": f"{burst:g}",
        "MAXIMUM_CONCURRENCY": str(concurrency),
        "LOG_LEVEL": "INFO",
    }


def record(  # noqa: PLR0913 - what a record has
    number: int,
    sent_at: float | None = None,
    receives: int = 1,
    *,
    first_received_at: float | None = None,
    body: str = BODY,
    keyed: bool = False,
) -> dict[str, Any]:
    """Return one record of an event, as Lambda passes it to the function.

    Args:
        number: The message's number; its id, receipt handle and key contain it.
        sent_at: Seconds since 1970; by default, now.
        receives: How often the message has been received, this time included.
        first_received_at: Seconds since 1970; by default, when it was sent.
        body: The message's body.
        keyed: The sender set an idempotency key.
    """
    sent = time.time() if sent_at is None else sent_at
    received = sent if first_received_at is None else first_received_at
    key = {KEY_ATTRIBUTE: {"dataType": "String", "stringValue": f"job-{number}"}}
    return {
        "messageId": f"00000000-0000-4000-8000-{number:012d}",
        "receiptHandle": str(number),
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(int(sent * 1000)),
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": str(int(received * 1000)),
        },
        "messageAttributes": key if keyed else {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:work",
        "awsRegion": REGION,
    }


def event(
    first: int, size: int, receives: int = 1, *, body: str = BODY, keyed: bool = False
) -> dict[str, Any]:
    """Return an event of `size` messages, numbered from `first`."""
    numbers = range(first, first + size)
    return {
        "Records": [record(number, receives=receives, body=body, keyed=keyed) for number in numbers]
    }
