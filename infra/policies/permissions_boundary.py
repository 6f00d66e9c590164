"""The permissions boundary of the roles that the deploy role creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.names import PREFIX, Location
from infra.policies.function_actions import (
    ANY_RESOURCE,
    ECS_SERVICES,
    KMS_KEY_ACTIONS,
    KMS_SERVICES,
    LEDGER_ACTIONS,
    LOG_ACTIONS,
    RECEIVE_ACTIONS,
    list_tasks,
    within,
)
from infra.policies.statements import Document, allow, document

if TYPE_CHECKING:
    from collections.abc import Sequence


def boundary_policy(
    location: Location, *, role_arns: Sequence[str], cluster_arns: Sequence[str]
) -> Document:
    """Return the permissions boundary of every role that the deploy role creates in `location`.

    Only code that runs as one of the kit's functions launches tasks: Lambda adds the function's ARN
    to the calls from within it, and to no others. Credentials that leave the function launch none.
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html

    Args:
        location: The account and region.
        role_arns: ARN patterns of the roles that tasks may run with.
        cluster_arns: ARN patterns of the clusters that tasks may be launched in.
    """
    return document(
        allow(
            "LaunchTasks",
            ["ecs:RunTask"],
            resources=[location.arn("ecs", "task-definition/*")],
            conditions={
                "ArnLike": {
                    "ecs:cluster": cluster_arns,
                    "lambda:SourceFunctionArn": location.arn("lambda", f"function:{PREFIX}*"),
                }
            },
        ),
        allow(
            "TagTasks",
            ["ecs:TagResource"],
            resources=[within(cluster, "task") for cluster in cluster_arns],
            conditions={"StringEquals": {"ecs:CreateAction": "RunTask"}},
        ),
        allow(
            "PassTaskRoles",
            ["iam:PassRole"],
            resources=role_arns,
            conditions={"StringEquals": {"iam:PassedToService": ECS_SERVICES}},
        ),
        list_tasks(cluster_arns),
        allow(
            "DescribeServices",
            ["ecs:DescribeServices"],
            resources=[within(cluster, "service") for cluster in cluster_arns],
        ),
        allow(
            "DescribeTaskDefinitions",
            ["ecs:DescribeTaskDefinition"],
            resources=[ANY_RESOURCE],
        ),
        allow(
            "ReceiveMessagesAndSendDeadLetters",
            (*RECEIVE_ACTIONS, "sqs:SendMessage"),
            resources=[location.arn("sqs", f"{PREFIX}*")],
        ),
        allow(
            "PublishNotifications", ["sns:Publish"], resources=[location.arn("sns", f"{PREFIX}*")]
        ),
        allow(
            "KeepLedgers",
            LEDGER_ACTIONS,
            resources=[location.arn("dynamodb", f"table/{PREFIX}*")],
        ),
        allow(
            "UseKmsKeys",
            KMS_KEY_ACTIONS,
            resources=[location.arn("kms", "key/*")],
            conditions={"StringEquals": {"kms:ViaService": location.via_services(*KMS_SERVICES)}},
        ),
        allow(
            "WriteLogs",
            LOG_ACTIONS,
            resources=[location.arn("logs", f"log-group:/aws/lambda/{PREFIX}*")],
        ),
    )
