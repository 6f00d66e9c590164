"""What the policy of a function's role and its permissions boundary have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.policies.statements import Statement, allow

if TYPE_CHECKING:
    from collections.abc import Sequence

# For ecs:DescribeTaskDefinition, which cannot be limited to a resource, and for ecs:ListTasks,
# which is authorised on container instances; a condition limits it to clusters.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
ANY_RESOURCE: Final = "*"

# Task roles and execution roles are passed to the first, the roles that manage EBS volumes to the
# second. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/infrastructure_IAM_role.html
TASKS_SERVICE: Final = "ecs-tasks.amazonaws.com"
VOLUMES_SERVICE: Final = "ecs.amazonaws.com"
ECS_SERVICES: Final = (TASKS_SERVICE, VOLUMES_SERVICE)

RECEIVE_ACTIONS: Final = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
KMS_KEY_ACTIONS: Final = ("kms:Decrypt", "kms:GenerateDataKey")

# The only services through which a function uses a KMS key; S3 only where there are payloads.
KMS_SERVICES_WITHOUT_PAYLOADS: Final = ("dynamodb", "lambda", "sns", "sqs")
KMS_SERVICES: Final = ("dynamodb", "lambda", "s3", "sns", "sqs")

# One item at a time, and none is ever deleted: it expires.
LEDGER_ACTIONS: Final = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem")

# Of the tasks that the function has launched.
FOLLOW_ACTIONS: Final = ("ecs:DescribeTasks", "ecs:StopTask")

# The index of a ledger that lists what is not finished, or went wrong.
LISTED: Final = "listed"

# The folder of a payload bucket that has the payloads.
PAYLOADS: Final = "payloads"

LOG_ACTIONS: Final = ("logs:CreateLogStream", "logs:PutLogEvents")


def list_tasks(cluster_arns: Sequence[str]) -> Statement:
    """Return the statement that lets the tasks of the clusters be listed."""
    return allow(
        "ListTasks",
        ["ecs:ListTasks"],
        resources=[ANY_RESOURCE],
        conditions={"ArnLike": {"ecs:cluster": cluster_arns}},
    )


def within(cluster_arn: str, kind: str) -> str:
    """Return the ARN pattern of a cluster's tasks or services."""
    return cluster_arn.replace(":cluster/", f":{kind}/", 1) + "/*"
