"""The function's environment variables and events, as the benchmarks make them."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from function.limits import RUN_TASK_RATE

ACCOUNT: Final = "111111111111"
REGION: Final = "eu-central-1"

# The defaults of a stage: the function's timeout, messages per invocation, the queue's visibility
# timeout, the function's memory, and the maximum concurrency of the event source mapping.
TIMEOUT_SECONDS: Final = 60
BATCH: Final = 10
VISIBILITY_SECONDS: Final = 6 * TIMEOUT_SECONDS
MEMORY_GIGABYTES: Final = 0.5
MAXIMUM_CONCURRENCY: Final = 2

# A typical message: it names everything, so that RunTask is the only call.
BODY: Final = json.dumps(
    {
        "ECS": {
            "cluster": "batch",
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
    }
)


def variables(launch_rate: float, concurrency: int = MAXIMUM_CONCURRENCY) -> dict[str, str]:
    """Return the environment variables that the infrastructure sets for the function."""
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
        "LEDGER_TABLE": "ledger",
        "KEY_RETENTION_SECONDS": str(18 * 24 * 3600),
        "QUEUE_RETENTION_SECONDS": str(4 * 24 * 3600),
        "VISIBILITY_TIMEOUT_SECONDS": str(VISIBILITY_SECONDS),
        "ENVIRONMENT_MAX_AGE_SECONDS": "3600",
        "RUN_TASK_RATE": f"{max(launch_rate, RUN_TASK_RATE):g}",
        "FARGATE_LAUNCH_RATE": f"{launch_rate:g}",
        # The quota of the simulation has one second's burst.
        "FARGATE_LAUNCH_BURST": f"{launch_rate:g}",
        "MAXIMUM_CONCURRENCY": str(concurrency),
        "LOG_LEVEL": "INFO",
    }


def record(number: int, sent_at: float | None = None, receives: int = 1) -> dict[str, Any]:
    """Return one record of an event, as Lambda passes it to the function.

    Args:
        number: The message's number; its id and receipt handle contain it.
        sent_at: Seconds since 1970; by default, now.
        receives: How often the message has been received, this time included.
    """
    sent = time.time() if sent_at is None else sent_at
    return {
        "messageId": f"00000000-0000-4000-8000-{number:012d}",
        "receiptHandle": str(number),
        "body": BODY,
        "attributes": {
            "ApproximateReceiveCount": str(receives),
            "SentTimestamp": str(int(sent * 1000)),
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": str(int(sent * 1000)),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:work",
        "awsRegion": REGION,
    }


def event(first: int, size: int) -> dict[str, Any]:
    """Return an event of `size` messages, numbered from `first`."""
    return {"Records": [record(number) for number in range(first, first + size)]}
