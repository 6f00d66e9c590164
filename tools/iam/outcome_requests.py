"""The requests about what follows a launch: events, results, payloads, and who manages them."""

from __future__ import annotations

from typing import Final

from tools.iam.documents import DEV, REGION, STRANGERS
from tools.iam.request import (
    ADMINISTRATOR,
    CLUSTER,
    DEPLOY,
    DEV_FUNCTION,
    ECS,
    EVENTS,
    FUNCTION,
    LAUNCH,
    ORDERS,
    QUEUE,
    READ,
    ROGUE,
    STAGE_KEY,
    STRANGER,
    TABLE,
    TASK,
    TASK_ROLE,
    TLS,
    can,
    cannot,
)

_EVENTS_QUEUE: Final = f"{QUEUE}-events"
_RESULTS: Final = f"{QUEUE}-results"
_INDEX: Final = f"{TABLE}/index/listed"
_RULE: Final = f"arn:aws:events:{REGION}:{DEV}:rule/ecs-run-task-dev-stopped"
_BUCKET: Final = f"arn:aws:s3:::ecs-run-task-dev-payloads-{DEV}"
_PAYLOAD: Final = f"{_BUCKET}/payloads/nightly/{'ab' * 16}"
_DASHBOARD: Final = f"arn:aws:cloudwatch::{DEV}:dashboard/ecs-run-task-dev"
_KEY_HEADER: Final = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_TARGET: Final = "events:TargetArn"


def _via(service: str, key: str, resource: str) -> dict[str, str]:
    """Return what the request for a key carries that a service makes for its caller."""
    return {
        "kms:ViaService": f"{service}.{REGION}.amazonaws.com",
        f"kms:EncryptionContext:{key}": resource,
    }


def _of_rule(rule: str, account: str = DEV) -> dict[str, str]:
    return {**TLS, "aws:SourceArn": rule, "aws:SourceAccount": account}


_OF_THE_QUEUE: Final = {"kms:EncryptionContext:aws:sqs:arn": _EVENTS_QUEUE}
_OF_THE_BUCKET: Final = _via("s3", "aws:s3:arn", _BUCKET)
_ELSEWHERE: Final = {**LAUNCH, "ecs:cluster": f"{ECS}cluster/payments"}

_FUNCTION_ROWS: Final = (
    can(FUNCTION, "stop a task in its cluster", "ecs:StopTask", TASK, LAUNCH),
    can(FUNCTION, "describe a task in its cluster", "ecs:DescribeTasks", TASK, LAUNCH),
    cannot(
        FUNCTION,
        "stop a task in another cluster",
        "ecs:StopTask",
        f"{ECS}task/payments/1",
        _ELSEWHERE,
    ),
    cannot(
        FUNCTION,
        "stop a task with credentials that left the function",
        "ecs:StopTask",
        TASK,
        {"ecs:cluster": CLUSTER},
    ),
    can(FUNCTION, "report to its events queue", "sqs:SendMessage", _EVENTS_QUEUE, TLS),
    can(FUNCTION, "send a restart to its work queue", "sqs:SendMessage", QUEUE, TLS),
    can(FUNCTION, "take events", "sqs:ReceiveMessage", _EVENTS_QUEUE, TLS),
    can(FUNCTION, "list what is not finished", "dynamodb:Query", _INDEX),
    cannot(FUNCTION, "query its ledger", "dynamodb:Query", TABLE),
    can(FUNCTION, "send a result", "sqs:SendMessage", _RESULTS, TLS),
    cannot(FUNCTION, "take a result", "sqs:ReceiveMessage", _RESULTS, TLS),
    can(FUNCTION, "store a payload", "s3:PutObject", _PAYLOAD, TLS),
    cannot(
        FUNCTION,
        "store a payload with another key",
        "s3:PutObject",
        _PAYLOAD,
        {**TLS, _KEY_HEADER: STAGE_KEY.replace("dev", "test")},
    ),
    cannot(
        FUNCTION,
        "store a payload without TLS",
        "s3:PutObject",
        _PAYLOAD,
        {"aws:SecureTransport": "false"},
    ),
    cannot(FUNCTION, "read a payload", "s3:GetObject", _PAYLOAD, TLS),
    can(FUNCTION, "encrypt a payload", "kms:GenerateDataKey", STAGE_KEY, _OF_THE_BUCKET),
    cannot(
        ROGUE,
        "stop a task in a cluster that the administrator does not list",
        "ecs:StopTask",
        f"{ECS}task/payments/1",
        _ELSEWHERE,
    ),
    cannot(
        ROGUE,
        "put an event on another bus",
        "events:PutEvents",
        f"arn:aws:events:{REGION}:{DEV}:event-bus/default",
    ),
)

_DEPLOY_ROWS: Final = (
    can(DEPLOY, "put a rule of the kit", "events:PutRule", _RULE),
    cannot(
        DEPLOY, "put a rule of others", "events:PutRule", _RULE.replace("ecs-run-task", "payments")
    ),
    can(
        DEPLOY,
        "send events to a queue of the kit",
        "events:PutTargets",
        _RULE,
        {_TARGET: _EVENTS_QUEUE},
    ),
    cannot(
        DEPLOY,
        "send events to another function",
        "events:PutTargets",
        _RULE,
        {_TARGET: DEV_FUNCTION.replace("ecs-run-task", "payments")},
    ),
    cannot(
        DEPLOY,
        "send events to another account",
        "events:PutTargets",
        _RULE,
        {_TARGET: _EVENTS_QUEUE.replace(DEV, STRANGERS)},
    ),
    can(DEPLOY, "put a dashboard of the kit", "cloudwatch:PutDashboard", _DASHBOARD),
    cannot(
        DEPLOY,
        "put a dashboard of others",
        "cloudwatch:PutDashboard",
        _DASHBOARD.replace("ecs-run-task", "payments"),
    ),
    can(DEPLOY, "create a payload bucket", "s3:CreateBucket", _BUCKET, TLS),
    can(DEPLOY, "empty a payload bucket", "s3:DeleteObject", _PAYLOAD, TLS),
    cannot(DEPLOY, "read a payload", "s3:GetObject", _PAYLOAD, TLS),
    cannot(DEPLOY, "take events", "sqs:ReceiveMessage", _EVENTS_QUEUE, TLS),
    can(READ, "read a rule of the kit", "events:DescribeRule", _RULE),
    cannot(READ, "change a rule of the kit", "events:PutRule", _RULE),
    cannot(READ, "read a payload", "s3:GetObject", _PAYLOAD, TLS),
)

_OTHER_ROWS: Final = (
    can(
        EVENTS,
        "deliver what a rule of the stage matched",
        "sqs:SendMessage",
        _EVENTS_QUEUE,
        _of_rule(_RULE),
    ),
    cannot(
        EVENTS,
        "deliver what a rule of another stage matched",
        "sqs:SendMessage",
        _EVENTS_QUEUE,
        _of_rule(_RULE.replace("-dev-", "-test-")),
    ),
    cannot(
        EVENTS,
        "deliver what a rule of another account matched",
        "sqs:SendMessage",
        _EVENTS_QUEUE,
        _of_rule(_RULE.replace(DEV, STRANGERS), STRANGERS),
    ),
    can(EVENTS, "encrypt an event", "kms:GenerateDataKey", STAGE_KEY, _OF_THE_QUEUE),
    cannot(
        EVENTS,
        "encrypt a result",
        "kms:GenerateDataKey",
        STAGE_KEY,
        {"kms:EncryptionContext:aws:sqs:arn": _RESULTS},
    ),
    cannot(ADMINISTRATOR, "forge an event", "sqs:SendMessage", _EVENTS_QUEUE, TLS),
    cannot(ADMINISTRATOR, "take events", "sqs:ReceiveMessage", _EVENTS_QUEUE, TLS),
    cannot(ADMINISTRATOR, "forge a result", "sqs:SendMessage", _RESULTS, TLS),
    cannot(ADMINISTRATOR, "read a payload", "s3:GetObject", _PAYLOAD, TLS),
    cannot(ADMINISTRATOR, "replace a payload", "s3:PutObject", _PAYLOAD, TLS),
    can(ORDERS, "take a result", "sqs:ReceiveMessage", _RESULTS, TLS),
    can(ORDERS, "decrypt a result", "kms:Decrypt", STAGE_KEY, _via("sqs", "aws:sqs:arn", _RESULTS)),
    cannot(
        ORDERS,
        "decrypt an event",
        "kms:Decrypt",
        STAGE_KEY,
        _via("sqs", "aws:sqs:arn", _EVENTS_QUEUE),
    ),
    cannot(ORDERS, "read a payload", "s3:GetObject", _PAYLOAD, TLS),
    cannot(STRANGER, "take a result", "sqs:ReceiveMessage", _RESULTS, TLS),
    can(TASK_ROLE, "read a payload", "s3:GetObject", _PAYLOAD, TLS),
    can(TASK_ROLE, "decrypt a payload", "kms:Decrypt", STAGE_KEY, _OF_THE_BUCKET),
    cannot(TASK_ROLE, "decrypt by itself", "kms:Decrypt", STAGE_KEY),
    cannot(
        TASK_ROLE,
        "decrypt what is in another bucket",
        "kms:Decrypt",
        STAGE_KEY,
        _via("s3", "aws:s3:arn", "arn:aws:s3:::payments"),
    ),
    cannot(TASK_ROLE, "replace a payload", "s3:PutObject", _PAYLOAD, TLS),
)

OUTCOME_REQUESTS: Final = (*_FUNCTION_ROWS, *_DEPLOY_ROWS, *_OTHER_ROWS)
