"""The requests of senders, strangers, other accounts, services and workflows."""

from __future__ import annotations

from typing import Final

from tools.iam.documents import DEV, REGION, STRANGERS
from tools.iam.request import (
    ADMINISTRATOR,
    ALARMS,
    ARTIFACT,
    ARTIFACT_KEY,
    DEAD_LETTERS,
    DEPLOY_ROLE,
    EVENTS,
    LOGS,
    ONCE,
    ORDERS,
    OTHER_QUEUE,
    PLAIN,
    PROD_DEPLOY,
    QUEUE,
    READ_ROLE,
    STAGE_KEY,
    STAGE_ROLE,
    STRANGER,
    TLS,
    TOPIC,
    UPLOAD,
    VIA_SQS,
    WORKFLOW,
    can,
    cannot,
)

_WEB: Final = "sts:AssumeRoleWithWebIdentity"
_GITHUB: Final = "token.actions.githubusercontent.com"
_ALARM: Final = f"arn:aws:cloudwatch:{REGION}:{DEV}:alarm:ecs-run-task-dev-ledger-unavailable"


def _from(subject: str, repository: str = "example/reports") -> dict[str, str]:
    """Return what a token of GitHub says."""
    return {
        f"{_GITHUB}:aud": "sts.amazonaws.com",
        f"{_GITHUB}:sub": f"repo:{repository}:{subject}",
    }


def _log(function: str) -> dict[str, str]:
    """Return how CloudWatch Logs names the log group of a function when it uses a key."""
    arn = f"arn:aws:logs:{REGION}:{DEV}:log-group:/aws/lambda/{function}"
    return {"kms:EncryptionContext:aws:logs:arn": arn}


OTHER_REQUESTS: Final = (
    can(ORDERS, "send a message", "sqs:SendMessage", QUEUE, TLS),
    can(ORDERS, "encrypt a message through SQS", "kms:GenerateDataKey", STAGE_KEY, VIA_SQS),
    cannot(ORDERS, "encrypt by itself", "kms:GenerateDataKey", STAGE_KEY),
    cannot(
        ORDERS,
        "encrypt for another queue",
        "kms:GenerateDataKey",
        STAGE_KEY,
        {**VIA_SQS, "kms:EncryptionContext:aws:sqs:arn": OTHER_QUEUE},
    ),
    cannot(ORDERS, "send without TLS", "sqs:SendMessage", QUEUE, PLAIN),
    cannot(ORDERS, "take a message", "sqs:ReceiveMessage", QUEUE, TLS),
    cannot(ORDERS, "send a dead letter", "sqs:SendMessage", DEAD_LETTERS, TLS),
    cannot(STRANGER, "send a message", "sqs:SendMessage", QUEUE, TLS),
    cannot(STRANGER, "read an artifact", "s3:GetObject", ARTIFACT, TLS),
    cannot(
        STRANGER,
        "decrypt an artifact",
        "kms:Decrypt",
        ARTIFACT_KEY,
        {"kms:ViaService": f"s3.{REGION}.amazonaws.com"},
    ),
    cannot(STRANGER, "assume the deploy role", "sts:AssumeRole", DEPLOY_ROLE),
    cannot(STRANGER, "assume the read role", "sts:AssumeRole", READ_ROLE),
    can(ADMINISTRATOR, "assume the deploy role", "sts:AssumeRole", DEPLOY_ROLE),
    cannot(ADMINISTRATOR, "take a message", "sqs:ReceiveMessage", QUEUE, TLS),
    can(ADMINISTRATOR, "read a dead letter", "sqs:ReceiveMessage", DEAD_LETTERS, TLS),
    cannot(
        ADMINISTRATOR, "read a dead letter without TLS", "sqs:ReceiveMessage", DEAD_LETTERS, PLAIN
    ),
    cannot(ADMINISTRATOR, "replace an artifact", "s3:PutObject", ARTIFACT, UPLOAD),
    cannot(ADMINISTRATOR, "assume a stage's role", "sts:AssumeRole", STAGE_ROLE),
    cannot(ADMINISTRATOR, "publish without TLS", "sns:Publish", TOPIC, PLAIN),
    can(PROD_DEPLOY, "read an artifact of dev", "s3:GetObject", ARTIFACT, TLS),
    cannot(PROD_DEPLOY, "write an artifact of dev", "s3:PutObject", ARTIFACT, ONCE),
    can(
        EVENTS, "send for this account", "sqs:SendMessage", QUEUE, {**TLS, "aws:SourceAccount": DEV}
    ),
    cannot(
        EVENTS,
        "send for another account",
        "sqs:SendMessage",
        QUEUE,
        {**TLS, "aws:SourceAccount": STRANGERS},
    ),
    can(LOGS, "encrypt the log of the stage", "kms:Encrypt", STAGE_KEY, _log("ecs-run-task-dev")),
    cannot(LOGS, "encrypt another log", "kms:Encrypt", STAGE_KEY, _log("payments")),
    can(
        ALARMS,
        "announce an alarm of the stage",
        "sns:Publish",
        TOPIC,
        {
            **TLS,
            "aws:SourceAccount": DEV,
            "aws:SourceArn": _ALARM,
        },
    ),
    cannot(
        ALARMS,
        "announce an alarm of another account",
        "sns:Publish",
        TOPIC,
        {
            **TLS,
            "aws:SourceAccount": STRANGERS,
            "aws:SourceArn": _ALARM.replace(DEV, STRANGERS),
        },
    ),
    can(
        WORKFLOW, "deploy from the listed environment", _WEB, DEPLOY_ROLE, _from("environment:dev")
    ),
    cannot(WORKFLOW, "deploy from a preview", _WEB, DEPLOY_ROLE, _from("environment:preview")),
    cannot(WORKFLOW, "deploy from a pull request", _WEB, DEPLOY_ROLE, _from("pull_request")),
    cannot(
        WORKFLOW,
        "deploy from another repository",
        _WEB,
        DEPLOY_ROLE,
        _from("environment:dev", "mallory/reports"),
    ),
    can(WORKFLOW, "read for a preview", _WEB, READ_ROLE, _from("environment:preview")),
    cannot(WORKFLOW, "read from a pull request", _WEB, READ_ROLE, _from("pull_request")),
    cannot(WORKFLOW, "assume a stage's role", _WEB, STAGE_ROLE, _from("environment:dev")),
)
