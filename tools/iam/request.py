"""A row of the table: who asks for what, and whether IAM has to allow it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tools.iam.documents import DEV, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

# Who makes requests, besides services. First the roles of the stacks.
FUNCTION: Final = "the function role"
DEPLOY: Final = "the deploy role"
READ: Final = "the read role"
PROD_DEPLOY: Final = "the deploy role of prod"
# A role that the deploy role made, with all rights in its own policy: the boundary is its limit.
ROGUE: Final = "a role within the boundary"
# Roles with all rights in their own account: of dev's, of one that `senders` names, of any other.
ADMINISTRATOR: Final = "an administrator"
ORDERS: Final = "a sender"
STRANGER: Final = "a stranger"
# The task role that the example stage names, without a policy of its own.
TASK_ROLE: Final = "a task"
# A workflow of GitHub, before it assumes a role.
WORKFLOW: Final = "a workflow"
EVENTS: Final = "events.amazonaws.com"
ALARMS: Final = "cloudwatch.amazonaws.com"
LOGS: Final = f"logs.{REGION}.amazonaws.com"

ECS: Final = f"arn:aws:ecs:{REGION}:{DEV}:"
IAM: Final = f"arn:aws:iam::{DEV}:"
CLUSTER: Final = f"{ECS}cluster/batch"
DEFINITION: Final = f"{ECS}task-definition/report:7"
TASK: Final = f"{ECS}task/batch/0123456789abcdef0123456789abcdef"
DEV_FUNCTION: Final = f"arn:aws:lambda:{REGION}:{DEV}:function:ecs-run-task-dev"
QUEUE: Final = f"arn:aws:sqs:{REGION}:{DEV}:ecs-run-task-dev"
OTHER_QUEUE: Final = f"arn:aws:sqs:{REGION}:{DEV}:ecs-run-task-test"
DEAD_LETTERS: Final = f"{QUEUE}-dlq-{DEV}"
STAGE_KEY: Final = f"arn:aws:kms:{REGION}:{DEV}:key/ecs-run-task-dev-key-{DEV}"
ARTIFACT_KEY: Final = f"arn:aws:kms:{REGION}:{DEV}:key/ecs-run-task-artifacts-key-{DEV}"
BUCKET: Final = f"arn:aws:s3:::ecs-run-task-artifacts-{DEV}"
TOPIC: Final = f"arn:aws:sns:{REGION}:{DEV}:ecs-run-task-dev-failures-{DEV}"
TABLE: Final = f"arn:aws:dynamodb:{REGION}:{DEV}:table/ecs-run-task-dev-ledger"
STAGE_ROLE: Final = f"{IAM}role/ecs-run-task/ecs-run-task-dev-role-{DEV}"
BOUNDARY: Final = f"{IAM}policy/ecs-run-task/ecs-run-task-boundary-{REGION}"
DEPLOY_ROLE: Final = f"{IAM}role/ecs-run-task-deploy-{REGION}"
READ_ROLE: Final = f"{IAM}role/ecs-run-task-read-{REGION}"

_DIGEST: Final = "ab" * 32
BUILD: Final = f"{BUCKET}/builds/{_DIGEST}.zip"
ARTIFACT: Final = f"{BUCKET}/artifacts/{_DIGEST}.zip"
PROMOTION: Final = f"{BUCKET}/promotions/prod/2026-01-01T00:00:00Z-abababababab.json"

# What requests carry.
LAUNCH: Final = {"ecs:cluster": CLUSTER, "lambda:SourceFunctionArn": DEV_FUNCTION}
TLS: Final = {"aws:SecureTransport": "true"}
PLAIN: Final = {"aws:SecureTransport": "false"}
TO_TASKS: Final = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
TO_LAMBDA: Final = {"iam:PassedToService": "lambda.amazonaws.com"}
BOUND: Final = {"iam:PermissionsBoundary": BOUNDARY}
VIA_SQS: Final = {
    "kms:ViaService": f"sqs.{REGION}.amazonaws.com",
    "kms:EncryptionContext:aws:sqs:arn": QUEUE,
}
UPLOAD: Final = {
    **TLS,
    "s3:x-amz-server-side-encryption": "aws:kms",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": ARTIFACT_KEY,
}
ONCE: Final = {**UPLOAD, "s3:if-none-match": "*"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to AWS.

    Attributes:
        subject: Who makes it: one of the subjects above, or a service.
        what: What it is, as the end of a sentence.
        action: The IAM action.
        resource: The resource's ARN; its policy counts, where it has one.
        context: The condition keys of the request, without those of the subject.
        allowed: Whether IAM has to allow it.
    """

    subject: str
    what: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)
    allowed: bool

    @property
    def title(self) -> str:
        """The fact that the request stands for."""
        return f"{self.subject} {'can' if self.allowed else 'cannot'} {self.what}"


def can(
    subject: str, what: str, action: str, resource: str, context: Mapping[str, str] | None = None
) -> Request:
    """Return a request that IAM has to allow."""
    return Request(
        subject=subject,
        what=what,
        action=action,
        resource=resource,
        context=context or {},
        allowed=True,
    )


def cannot(
    subject: str, what: str, action: str, resource: str, context: Mapping[str, str] | None = None
) -> Request:
    """Return a request that IAM has to deny."""
    return replace(can(subject, what, action, resource, context), allowed=False)
