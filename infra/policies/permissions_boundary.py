"""The permissions boundary of the roles that the deploy role creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.names import PREFIX, Location, payload_buckets
from infra.policies.function_actions import (
    ANY_RESOURCE,
    ECS_SERVICES,
    FOLLOW_ACTIONS,
    KMS_KEY_ACTIONS,
    KMS_SERVICES,
    LEDGER_ACTIONS,
    LISTED,
    LOG_ACTIONS,
    PAYLOADS,
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

    Only code that runs as one of the kit's functions launches or stops tasks: Lambda adds the
    function's ARN to the calls from within it, and to no others. Credentials that leave the
    function do neither.
    https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html

    Args:
        location: The account and region.
        role_arns: ARN patterns of the roles that tasks may run with.
        cluster_arns: ARN patterns of the clusters that tasks may be launched in.
    """
    functions = location.arn("lambda", f"function:{PREFIX}*")
    return document(
        allow(
            "LaunchTasks",
            ["ecs:RunTask"],
            resources=[location.arn("ecs", "task-definition/*")],
            conditions={
                "ArnLike": {
                    "ecs:cluster": cluster_arns,
                    "lambda:SourceFunctionArn": functions,
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
            "FollowTasks",
            FOLLOW_ACTIONS,
            resources=[within(cluster, "task") for cluster in cluster_arns],
            conditions={
                "ArnLike": {
                    "ecs:cluster": cluster_arns,
                    "lambda:SourceFunctionArn": functions,
                }
            },
        ),
        allow(
            "ListKeys",
            ["dynamodb:Query"],
            resources=[location.arn("dynamodb", f"table/{PREFIX}*/index/{LISTED}")],
        ),
        allow(
            "PutResults",
            ["events:PutEvents"],
            resources=[location.arn("events", f"event-bus/{PREFIX}*")],
        ),
        allow(
            "StorePayloads",
            ["s3:PutObject"],
            resources=[f"{payload_buckets(location)}/{PAYLOADS}/*"],
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
