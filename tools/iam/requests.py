"""The table of requests: who asks for what, and whether IAM has to allow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tools.iam.documents import DEV, PROD, REGION, SENDER, STRANGERS

# Subjects besides the roles of the stacks.
#
# A role that the deploy role made, with all rights in its own policy: the boundary is its limit.
ROGUE: Final = "rogue"
# A role of an account that nothing was granted to, with all rights in its own account.
STRANGER: Final = "stranger"
# The role of another account that the stage's `senders` name.
ORDERS: Final = "orders"
# A role of the dev account that has every right there, such as an administrator's.
COLLEAGUE: Final = "colleague"
# A workflow of GitHub, before it assumes a role.
WORKFLOW: Final = "workflow"

FUNCTION: Final = "ecs-run-task-dev-role"
DEPLOY: Final = "ecs-run-task-deploy"
PROD_DEPLOY: Final = "prod ecs-run-task-deploy"

_ECS: Final = f"arn:aws:ecs:{REGION}:{DEV}:"
_IAM: Final = f"arn:aws:iam::{DEV}:"
_CLUSTER: Final = f"{_ECS}cluster/batch"
_DEFINITION: Final = f"{_ECS}task-definition/report:7"
_FUNCTION: Final = f"arn:aws:lambda:{REGION}:{DEV}:function:ecs-run-task-dev"
_QUEUE: Final = f"arn:aws:sqs:{REGION}:{DEV}:ecs-run-task-dev"
_OTHER_QUEUE: Final = f"arn:aws:sqs:{REGION}:{DEV}:ecs-run-task-test"
_KEY: Final = f"arn:aws:kms:{REGION}:{DEV}:key/ecs-run-task-dev-key-{DEV}"
_ARTIFACT_KEY: Final = f"arn:aws:kms:{REGION}:{DEV}:key/ecs-run-task-artifacts-key-{DEV}"
_BUCKET: Final = f"arn:aws:s3:::ecs-run-task-artifacts-{DEV}"
_TOPIC: Final = f"arn:aws:sns:{REGION}:{DEV}:ecs-run-task-dev-failures-{DEV}"
_TABLE: Final = f"arn:aws:dynamodb:{REGION}:{DEV}:table/ecs-run-task-dev-ledger"
_STAGE_ROLE: Final = f"{_IAM}role/ecs-run-task/ecs-run-task-dev-role-{DEV}"
_BOUNDARY: Final = f"{_IAM}policy/ecs-run-task/ecs-run-task-boundary-{REGION}"
_DEPLOY_ROLE: Final = f"{_IAM}role/ecs-run-task-deploy-{REGION}"
_GITHUB: Final = "token.actions.githubusercontent.com"

_LAUNCH: Final = {"ecs:cluster": _CLUSTER, "lambda:SourceFunctionArn": _FUNCTION}
_TLS: Final = {"aws:SecureTransport": "true"}
_TASKS: Final = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
_VIA_SQS: Final = {
    "kms:ViaService": f"sqs.{REGION}.amazonaws.com",
    "kms:EncryptionContext:aws:sqs:arn": _QUEUE,
}
_UPLOAD: Final = {
    **_TLS,
    "s3:x-amz-server-side-encryption": "aws:kms",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": _ARTIFACT_KEY,
}
_ONCE: Final = {**_UPLOAD, "s3:if-none-match": "*"}
_DIGEST: Final = "ab" * 32


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to AWS.

    Attributes:
        name: The fact, as the name of a test.
        subject: Who makes it: a role of the stacks, one of the subjects above, or a service.
        action: The IAM action.
        resource: The resource's ARN; its policy counts, where it has one.
        context: The condition keys of the request.
        allowed: Whether IAM has to allow it.
    """

    name: str
    subject: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    allowed: bool


def _can(  # noqa: PLR0913, PLR0917 - a row of the table
    name: str, subject: str, action: str, resource: str, context: Mapping[str, str] | None = None
) -> Request:
    return Request(
        name=name,
        subject=subject,
        action=action,
        resource=resource,
        context=context or {},
        allowed=True,
    )


def _cannot(
    name: str, subject: str, action: str, resource: str, context: Mapping[str, str] | None = None
) -> Request:
    return Request(
        name=name,
        subject=subject,
        action=action,
        resource=resource,
        context=context or {},
        allowed=False,
    )


_FUNCTION_ROLE: Final = (
    _can("runs a listed task definition", FUNCTION, "ecs:RunTask", _DEFINITION, _LAUNCH),
    _cannot(
        "runs another task definition",
        FUNCTION,
        "ecs:RunTask",
        f"{_ECS}task-definition/admin:1",
        _LAUNCH,
    ),
    _cannot(
        "runs a task in another cluster",
        FUNCTION,
        "ecs:RunTask",
        _DEFINITION,
        {**_LAUNCH, "ecs:cluster": f"{_ECS}cluster/payments"},
    ),
    _cannot(
        "runs a task with credentials that left the function",
        FUNCTION,
        "ecs:RunTask",
        _DEFINITION,
        {"ecs:cluster": _CLUSTER},
    ),
    _can("passes a listed role", FUNCTION, "iam:PassRole", f"{_IAM}role/report-task", _TASKS),
    _cannot("passes another role", FUNCTION, "iam:PassRole", f"{_IAM}role/admin", _TASKS),
    _cannot(
        "passes a listed role to Lambda",
        FUNCTION,
        "iam:PassRole",
        f"{_IAM}role/report-task",
        {"iam:PassedToService": "lambda.amazonaws.com"},
    ),
    _can("takes its own messages", FUNCTION, "sqs:ReceiveMessage", _QUEUE, _TLS),
    _cannot("takes another stage's messages", FUNCTION, "sqs:ReceiveMessage", _OTHER_QUEUE, _TLS),
    _can("writes one item of its ledger", FUNCTION, "dynamodb:PutItem", _TABLE),
    _cannot("deletes an item of its ledger", FUNCTION, "dynamodb:DeleteItem", _TABLE),
    _cannot("reads its whole ledger", FUNCTION, "dynamodb:Scan", _TABLE),
    _can("decrypts a message through SQS", FUNCTION, "kms:Decrypt", _KEY, _VIA_SQS),
    _cannot("decrypts by itself", FUNCTION, "kms:Decrypt", _KEY),
    _cannot("changes its own policy", FUNCTION, "iam:PutRolePolicy", _STAGE_ROLE),
    _cannot("registers a task definition", FUNCTION, "ecs:RegisterTaskDefinition", "*"),
    _cannot("stops a task", FUNCTION, "ecs:StopTask", f"{_ECS}task/batch/1"),
)

_BOUNDARY_OF_ROLES: Final = (
    _cannot(
        "passes another team's administrator role",
        ROGUE,
        "iam:PassRole",
        f"{_IAM}role/admin",
        _TASKS,
    ),
    _can(
        "passes a role that the administrator lists",
        ROGUE,
        "iam:PassRole",
        f"{_IAM}role/report-task",
        _TASKS,
    ),
    _cannot(
        "runs a task in a cluster that the administrator does not list",
        ROGUE,
        "ecs:RunTask",
        _DEFINITION,
        {**_LAUNCH, "ecs:cluster": f"{_ECS}cluster/payments"},
    ),
    _cannot(
        "runs a task from another team's function",
        ROGUE,
        "ecs:RunTask",
        _DEFINITION,
        {**_LAUNCH, "lambda:SourceFunctionArn": _FUNCTION.replace("ecs-run-task", "payments")},
    ),
    _cannot("creates an administrator", ROGUE, "iam:CreateUser", f"{_IAM}user/admin"),
    _cannot("assumes another role", ROGUE, "sts:AssumeRole", f"{_IAM}role/admin"),
    _cannot("reads another team's bucket", ROGUE, "s3:GetObject", "arn:aws:s3:::payments/list.csv"),
    _cannot("reads a secret", ROGUE, "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{REGION}:{DEV}:secret:db-a1b2c3"),
    _cannot("decrypts by itself", ROGUE, "kms:Decrypt", _KEY),
)

_DEPLOY_ROLE_ROWS: Final = (
    _can(
        "creates a role with the boundary",
        DEPLOY,
        "iam:CreateRole",
        _STAGE_ROLE,
        {"iam:PermissionsBoundary": _BOUNDARY},
    ),
    _cannot("creates a role without the boundary", DEPLOY, "iam:CreateRole", _STAGE_ROLE),
    _cannot(
        "creates a role with another boundary",
        DEPLOY,
        "iam:CreateRole",
        _STAGE_ROLE,
        {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
    ),
    _cannot(
        "creates a role with a name outside the kit",
        DEPLOY,
        "iam:CreateRole",
        f"{_IAM}role/admin",
        {"iam:PermissionsBoundary": _BOUNDARY},
    ),
    _cannot("takes a boundary off", DEPLOY, "iam:DeleteRolePermissionsBoundary", _STAGE_ROLE),
    _cannot("changes who may assume a role", DEPLOY, "iam:UpdateAssumeRolePolicy", _STAGE_ROLE),
    _cannot("changes its own policy", DEPLOY, "iam:PutRolePolicy", _DEPLOY_ROLE),
    _cannot("changes its own trust", DEPLOY, "iam:UpdateAssumeRolePolicy", _DEPLOY_ROLE),
    _cannot("changes the boundary", DEPLOY, "iam:CreatePolicyVersion", _BOUNDARY),
    _cannot(
        "attaches a managed policy",
        DEPLOY,
        "iam:AttachRolePolicy",
        _STAGE_ROLE,
        {
            "iam:PermissionsBoundary": _BOUNDARY,
            "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess",
        },
    ),
    _can(
        "passes a stage's role to Lambda",
        DEPLOY,
        "iam:PassRole",
        _STAGE_ROLE,
        {"iam:PassedToService": "lambda.amazonaws.com"},
    ),
    _cannot("passes a stage's role to ECS", DEPLOY, "iam:PassRole", _STAGE_ROLE, _TASKS),
    _cannot(
        "passes another role to Lambda",
        DEPLOY,
        "iam:PassRole",
        f"{_IAM}role/admin",
        {"iam:PassedToService": "lambda.amazonaws.com"},
    ),
    _cannot("runs a task itself", DEPLOY, "ecs:RunTask", _DEFINITION, {"ecs:cluster": _CLUSTER}),
    _cannot("takes a message", DEPLOY, "sqs:ReceiveMessage", _QUEUE, _TLS),
    _cannot("reads the ledger", DEPLOY, "dynamodb:GetItem", _TABLE),
    _cannot("changes another team's queue", DEPLOY, "sqs:DeleteQueue", _QUEUE.replace("ecs-run-task", "payments"), _TLS),
    _cannot("changes another team's function", DEPLOY, "lambda:UpdateFunctionCode", _FUNCTION.replace("ecs-run-task", "payments")),
    _can("changes a stage's function", DEPLOY, "lambda:UpdateFunctionCode", _FUNCTION),
    _cannot("changes the artifact bucket's policy", DEPLOY, "s3:PutBucketPolicy", _BUCKET, _TLS),
    _cannot("turns off versioning", DEPLOY, "s3:PutBucketVersioning", _BUCKET, _TLS),
    _can("uploads an artifact once", DEPLOY, "s3:PutObject", f"{_BUCKET}/artifacts/{_DIGEST}.zip", _ONCE),
    _cannot("replaces an artifact", DEPLOY, "s3:PutObject", f"{_BUCKET}/artifacts/{_DIGEST}.zip", _UPLOAD),
    _cannot("replaces the record of a promotion", DEPLOY, "s3:PutObject", f"{_BUCKET}/promotions/prod/2026-01-01T00:00:00Z-abababababab.json", _UPLOAD),
    _cannot("deletes an artifact", DEPLOY, "s3:DeleteObject", f"{_BUCKET}/artifacts/{_DIGEST}.zip", _TLS),
    _cannot("deletes a version of an artifact", DEPLOY, "s3:DeleteObjectVersion", f"{_BUCKET}/artifacts/{_DIGEST}.zip", _TLS),
    _can("uploads a build", DEPLOY, "s3:PutObject", f"{_BUCKET}/builds/{_DIGEST}.zip", _UPLOAD),
    _cannot("uploads without TLS", DEPLOY, "s3:PutObject", f"{_BUCKET}/builds/{_DIGEST}.zip", {**_UPLOAD, "aws:SecureTransport": "false"}),
    _cannot("uploads with another key", DEPLOY, "s3:PutObject", f"{_BUCKET}/builds/{_DIGEST}.zip", {**_UPLOAD, "s3:x-amz-server-side-encryption-aws-kms-key-id": _KEY}),
    _cannot("uploads without the key", DEPLOY, "s3:PutObject", f"{_BUCKET}/builds/{_DIGEST}.zip", {**_TLS, "s3:x-amz-server-side-encryption": "AES256"}),
    _can("manages a stage's key by the key's policy", DEPLOY, "kms:PutKeyPolicy", _KEY),
    _cannot("manages the artifact key", DEPLOY, "kms:PutKeyPolicy", _ARTIFACT_KEY),
    _cannot("grants a key to a principal", DEPLOY, "kms:CreateGrant", _KEY, {"kms:GrantIsForAWSResource": "false"}),
)

_OTHERS: Final = (
    _can("sends a message", ORDERS, "sqs:SendMessage", _QUEUE, _TLS),
    _can("encrypts a message through SQS", ORDERS, "kms:GenerateDataKey", _KEY, _VIA_SQS),
    _cannot("encrypts by itself", ORDERS, "kms:GenerateDataKey", _KEY),
    _cannot("encrypts for another queue", ORDERS, "kms:GenerateDataKey", _KEY, {**_VIA_SQS, "kms:EncryptionContext:aws:sqs:arn": _OTHER_QUEUE}),
    _cannot("sends without TLS", ORDERS, "sqs:SendMessage", _QUEUE, {"aws:SecureTransport": "false"}),
    _cannot("takes a message", ORDERS, "sqs:ReceiveMessage", _QUEUE, _TLS),
    _cannot("sends a dead letter", ORDERS, "sqs:SendMessage", f"{_QUEUE}-dlq-{DEV}", _TLS),
    _cannot("sends a message", STRANGER, "sqs:SendMessage", _QUEUE, _TLS),
    _cannot("reads an artifact", STRANGER, "s3:GetObject", f"{_BUCKET}/artifacts/{_DIGEST}.zip", _TLS),
    _cannot("decrypts an artifact", STRANGER, "kms:Decrypt", _ARTIFACT_KEY, {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}),
    _cannot("assumes the deploy role", STRANGER, "sts:AssumeRole", _DEPLOY_ROLE),
    _cannot("assumes a stage's role", COLLEAGUE, "sts:AssumeRole", _STAGE_ROLE),
    _cannot("publishes without TLS", COLLEAGUE, "sns:Publish", _TOPIC, {"aws:SecureTransport": "false"}),
    _can("is another account's promotion and reads an artifact", PROD_DEPLOY, "s3:GetObject", f"{_BUCKET}/artifacts/{_DIGEST}.zip", {**_TLS, "aws:PrincipalArn": f"arn:aws:iam::{PROD}:role/ecs-run-task-deploy-{REGION}", "aws:ResourceAccount": DEV}),
    _cannot("is another account's promotion and writes an artifact", PROD_DEPLOY, "s3:PutObject", f"{_BUCKET}/artifacts/{_DIGEST}.zip", {**_ONCE, "aws:PrincipalArn": f"arn:aws:iam::{PROD}:role/ecs-run-task-deploy-{REGION}", "aws:ResourceAccount": DEV}),
    _can("sends for this account", "events.amazonaws.com", "sqs:SendMessage", _QUEUE, {**_TLS, "aws:SourceAccount": DEV}),
    _cannot("sends for another account", "events.amazonaws.com", "sqs:SendMessage", _QUEUE, {**_TLS, "aws:SourceAccount": STRANGERS}),
    _can("announces an alarm of the stage", "cloudwatch.amazonaws.com", "sns:Publish", _TOPIC, {**_TLS, "aws:SourceAccount": DEV, "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{DEV}:alarm:ecs-run-task-dev-ledger-unavailable"}),
    _cannot("announces an alarm of another account", "cloudwatch.amazonaws.com", "sns:Publish", _TOPIC, {**_TLS, "aws:SourceAccount": STRANGERS, "aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{STRANGERS}:alarm:ecs-run-task-dev-ledger-unavailable"}),
    _can("deploys from the listed environment", WORKFLOW, "sts:AssumeRoleWithWebIdentity", _DEPLOY_ROLE, {f"{_GITHUB}:aud": "sts.amazonaws.com", f"{_GITHUB}:sub": "repo:example/reports:environment:dev"}),
    _cannot("deploys from another environment", WORKFLOW, "sts:AssumeRoleWithWebIdentity", _DEPLOY_ROLE, {f"{_GITHUB}:aud": "sts.amazonaws.com", f"{_GITHUB}:sub": "repo:example/reports:environment:preview"}),
    _cannot("deploys from a pull request", WORKFLOW, "sts:AssumeRoleWithWebIdentity", _DEPLOY_ROLE, {f"{_GITHUB}:aud": "sts.amazonaws.com", f"{_GITHUB}:sub": "repo:example/reports:pull_request"}),
    _cannot("deploys from another repository", WORKFLOW, "sts:AssumeRoleWithWebIdentity", _DEPLOY_ROLE, {f"{_GITHUB}:aud": "sts.amazonaws.com", f"{_GITHUB}:sub": "repo:mallory/reports:environment:dev"}),
)

REQUESTS: Final = (*_FUNCTION_ROLE, *_BOUNDARY_OF_ROLES, *_DEPLOY_ROLE_ROWS, *_OTHERS)
