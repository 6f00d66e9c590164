"""The requests of the kit's own roles."""

from __future__ import annotations

from typing import Final

from tools.iam.documents import DEV, REGION
from tools.iam.request import (
    ARTIFACT,
    ARTIFACT_KEY,
    BOUND,
    BOUNDARY,
    BUCKET,
    BUILD,
    CLUSTER,
    DEFINITION,
    DEPLOY,
    DEPLOY_ROLE,
    DEV_FUNCTION,
    ECS,
    FUNCTION,
    IAM,
    LAUNCH,
    ONCE,
    OTHER_QUEUE,
    PROMOTION,
    QUEUE,
    READ,
    ROGUE,
    STAGE_KEY,
    STAGE_ROLE,
    TABLE,
    TASK,
    TLS,
    TO_LAMBDA,
    TO_TASKS,
    UPLOAD,
    VIA_SQS,
    can,
    cannot,
)

_RUNNING: Final = {"ecs:CreateAction": "RunTask"}
_OURS: Final = {"aws:RequestTag/managed-by": "ecs-run-task-deploy"}


def _on(provider: str) -> dict[str, str]:
    """Return what a request carries that names a capacity provider."""
    return {**LAUNCH, "ecs:capacity-provider": f"{ECS}capacity-provider/{provider}"}


_FUNCTION_ROWS: Final = (
    can(FUNCTION, "run a listed task definition", "ecs:RunTask", DEFINITION, LAUNCH),
    cannot(
        FUNCTION,
        "run another task definition",
        "ecs:RunTask",
        f"{ECS}task-definition/admin:1",
        LAUNCH,
    ),
    cannot(
        FUNCTION,
        "run a task in another cluster",
        "ecs:RunTask",
        DEFINITION,
        {**LAUNCH, "ecs:cluster": f"{ECS}cluster/payments"},
    ),
    cannot(
        FUNCTION,
        "run a task with ECS Exec",
        "ecs:RunTask",
        DEFINITION,
        {**LAUNCH, "ecs:enable-execute-command": "true"},
    ),
    cannot(
        FUNCTION,
        "run a task with a managed volume",
        "ecs:RunTask",
        DEFINITION,
        {**LAUNCH, "ecs:enable-ebs-volumes": "true"},
    ),
    can(FUNCTION, "run on a listed provider", "ecs:RunTask", DEFINITION, _on("FARGATE_SPOT")),
    cannot(FUNCTION, "run on another provider", "ecs:RunTask", DEFINITION, _on("reserved")),
    cannot(
        FUNCTION,
        "run a task with a tag",
        "ecs:RunTask",
        DEFINITION,
        {**LAUNCH, "aws:TagKeys": "cost-center"},
    ),
    can(FUNCTION, "tag a task that it runs", "ecs:TagResource", TASK, _RUNNING),
    cannot(FUNCTION, "tag another task", "ecs:TagResource", TASK),
    cannot(
        FUNCTION,
        "run a task with credentials that left the function",
        "ecs:RunTask",
        DEFINITION,
        {"ecs:cluster": CLUSTER},
    ),
    can(FUNCTION, "pass a listed role", "iam:PassRole", f"{IAM}role/report-task", TO_TASKS),
    cannot(FUNCTION, "pass another role", "iam:PassRole", f"{IAM}role/admin", TO_TASKS),
    cannot(
        FUNCTION,
        "pass a listed role to Lambda",
        "iam:PassRole",
        f"{IAM}role/report-task",
        TO_LAMBDA,
    ),
    can(FUNCTION, "take its own messages", "sqs:ReceiveMessage", QUEUE, TLS),
    cannot(FUNCTION, "take another stage's messages", "sqs:ReceiveMessage", OTHER_QUEUE, TLS),
    can(FUNCTION, "write one item of its ledger", "dynamodb:PutItem", TABLE),
    cannot(FUNCTION, "delete an item of its ledger", "dynamodb:DeleteItem", TABLE),
    cannot(FUNCTION, "read its whole ledger", "dynamodb:Scan", TABLE),
    can(FUNCTION, "decrypt a message through SQS", "kms:Decrypt", STAGE_KEY, VIA_SQS),
    cannot(FUNCTION, "decrypt by itself", "kms:Decrypt", STAGE_KEY),
    cannot(FUNCTION, "change its own policy", "iam:PutRolePolicy", STAGE_ROLE),
    cannot(FUNCTION, "register a task definition", "ecs:RegisterTaskDefinition", "*"),
)

_BOUNDARY_ROWS: Final = (
    cannot(
        ROGUE,
        "pass another team's administrator role",
        "iam:PassRole",
        f"{IAM}role/admin",
        TO_TASKS,
    ),
    can(
        ROGUE,
        "pass a role that the administrator lists",
        "iam:PassRole",
        f"{IAM}role/report-task",
        TO_TASKS,
    ),
    cannot(
        ROGUE,
        "run a task in a cluster that the administrator does not list",
        "ecs:RunTask",
        DEFINITION,
        {**LAUNCH, "ecs:cluster": f"{ECS}cluster/payments"},
    ),
    cannot(
        ROGUE,
        "run a task from another team's function",
        "ecs:RunTask",
        DEFINITION,
        {**LAUNCH, "lambda:SourceFunctionArn": DEV_FUNCTION.replace("ecs-run-task", "payments")},
    ),
    cannot(ROGUE, "create an administrator", "iam:CreateUser", f"{IAM}user/admin"),
    cannot(ROGUE, "assume another role", "sts:AssumeRole", f"{IAM}role/admin"),
    cannot(ROGUE, "read another team's bucket", "s3:GetObject", "arn:aws:s3:::payments/list.csv"),
    cannot(
        ROGUE,
        "read a secret",
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:{REGION}:{DEV}:secret:db-a1b2c3",
    ),
    cannot(ROGUE, "decrypt by itself", "kms:Decrypt", STAGE_KEY),
)

_DEPLOY_ROWS: Final = (
    can(
        DEPLOY,
        "create a role with the boundary",
        "iam:CreateRole",
        STAGE_ROLE,
        BOUND,
    ),
    cannot(DEPLOY, "create a role without the boundary", "iam:CreateRole", STAGE_ROLE),
    cannot(
        DEPLOY,
        "create a role with another boundary",
        "iam:CreateRole",
        STAGE_ROLE,
        {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"},
    ),
    cannot(
        DEPLOY,
        "create a role with a name outside the kit",
        "iam:CreateRole",
        f"{IAM}role/admin",
        BOUND,
    ),
    cannot(DEPLOY, "take a boundary off", "iam:DeleteRolePermissionsBoundary", STAGE_ROLE),
    cannot(DEPLOY, "change who may assume a role", "iam:UpdateAssumeRolePolicy", STAGE_ROLE),
    cannot(DEPLOY, "change its own policy", "iam:PutRolePolicy", DEPLOY_ROLE),
    cannot(DEPLOY, "change its own trust", "iam:UpdateAssumeRolePolicy", DEPLOY_ROLE),
    cannot(DEPLOY, "change the boundary", "iam:CreatePolicyVersion", BOUNDARY),
    cannot(
        DEPLOY,
        "attach a managed policy",
        "iam:AttachRolePolicy",
        STAGE_ROLE,
        {
            "iam:PermissionsBoundary": BOUNDARY,
            "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess",
        },
    ),
    can(
        DEPLOY,
        "pass a stage's role to Lambda",
        "iam:PassRole",
        STAGE_ROLE,
        TO_LAMBDA,
    ),
    cannot(DEPLOY, "pass a stage's role to ECS", "iam:PassRole", STAGE_ROLE, TO_TASKS),
    cannot(
        DEPLOY,
        "pass another role to Lambda",
        "iam:PassRole",
        f"{IAM}role/admin",
        TO_LAMBDA,
    ),
    cannot(DEPLOY, "run a task itself", "ecs:RunTask", DEFINITION, {"ecs:cluster": CLUSTER}),
    cannot(DEPLOY, "take a message", "sqs:ReceiveMessage", QUEUE, TLS),
    cannot(DEPLOY, "read the ledger", "dynamodb:GetItem", TABLE),
    cannot(
        DEPLOY,
        "change another team's queue",
        "sqs:DeleteQueue",
        QUEUE.replace("ecs-run-task", "payments"),
        TLS,
    ),
    cannot(
        DEPLOY,
        "change another team's function",
        "lambda:UpdateFunctionCode",
        DEV_FUNCTION.replace("ecs-run-task", "payments"),
    ),
    can(
        DEPLOY,
        "map a queue to a stage's function",
        "lambda:CreateEventSourceMapping",
        "*",
        {"lambda:FunctionArn": DEV_FUNCTION},
    ),
    cannot(
        DEPLOY,
        "map a queue to another team's function",
        "lambda:CreateEventSourceMapping",
        "*",
        {"lambda:FunctionArn": DEV_FUNCTION.replace("ecs-run-task", "payments")},
    ),
    can(DEPLOY, "create a key with the kit's tag", "kms:CreateKey", "*", _OURS),
    cannot(DEPLOY, "create a key without the kit's tag", "kms:CreateKey", "*"),
    can(DEPLOY, "change a stage's function", "lambda:UpdateFunctionCode", DEV_FUNCTION),
    cannot(DEPLOY, "change the artifact bucket's policy", "s3:PutBucketPolicy", BUCKET, TLS),
    cannot(DEPLOY, "turn off versioning", "s3:PutBucketVersioning", BUCKET, TLS),
    can(DEPLOY, "upload an artifact once", "s3:PutObject", ARTIFACT, ONCE),
    cannot(DEPLOY, "replace an artifact", "s3:PutObject", ARTIFACT, UPLOAD),
    cannot(DEPLOY, "replace the record of a promotion", "s3:PutObject", PROMOTION, UPLOAD),
    cannot(DEPLOY, "delete an artifact", "s3:DeleteObject", ARTIFACT, TLS),
    cannot(DEPLOY, "delete a version of an artifact", "s3:DeleteObjectVersion", ARTIFACT, TLS),
    can(DEPLOY, "upload a build", "s3:PutObject", BUILD, UPLOAD),
    cannot(
        DEPLOY,
        "upload without TLS",
        "s3:PutObject",
        BUILD,
        {**UPLOAD, "aws:SecureTransport": "false"},
    ),
    cannot(
        DEPLOY,
        "upload with another key",
        "s3:PutObject",
        BUILD,
        {**UPLOAD, "s3:x-amz-server-side-encryption-aws-kms-key-id": STAGE_KEY},
    ),
    cannot(
        DEPLOY,
        "upload without the key",
        "s3:PutObject",
        BUILD,
        {**TLS, "s3:x-amz-server-side-encryption": "AES256"},
    ),
    can(DEPLOY, "manage a stage's key by the key's policy", "kms:PutKeyPolicy", STAGE_KEY),
    cannot(DEPLOY, "manage the artifact key", "kms:PutKeyPolicy", ARTIFACT_KEY),
    cannot(
        DEPLOY,
        "grant a key to a principal",
        "kms:CreateGrant",
        STAGE_KEY,
        {"kms:GrantIsForAWSResource": "false"},
    ),
)


# It reads what a preview and the operators' tools read, and writes nothing.
_READ_ROWS: Final = (
    can(READ, "read a build", "s3:GetObject", BUILD, TLS),
    can(READ, "read what a function runs", "lambda:GetFunction", DEV_FUNCTION),
    cannot(READ, "change a function", "lambda:UpdateFunctionCode", DEV_FUNCTION),
    cannot(READ, "write a build", "s3:PutObject", BUILD, UPLOAD),
    cannot(READ, "write an artifact", "s3:PutObject", ARTIFACT, ONCE),
    cannot(READ, "create a role", "iam:CreateRole", STAGE_ROLE, BOUND),
    cannot(READ, "pass a stage's role", "iam:PassRole", STAGE_ROLE, TO_LAMBDA),
    cannot(READ, "take a message", "sqs:ReceiveMessage", QUEUE, TLS),
    cannot(READ, "send a message", "sqs:SendMessage", QUEUE, TLS),
    cannot(READ, "read the ledger", "dynamodb:GetItem", TABLE),
    cannot(READ, "decrypt with a stage's key", "kms:Decrypt", STAGE_KEY),
    cannot(READ, "change a stage's key", "kms:PutKeyPolicy", STAGE_KEY),
    cannot(READ, "assume the deploy role", "sts:AssumeRole", DEPLOY_ROLE),
)

ROLE_REQUESTS: Final = (*_FUNCTION_ROWS, *_BOUNDARY_ROWS, *_DEPLOY_ROWS, *_READ_ROWS)
