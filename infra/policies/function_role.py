"""The policies of a function's role: its trust and its permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    from pulumi import Input

    from infra.names import Location


@dataclass(frozen=True, kw_only=True)
class FunctionGrants:
    """The resources that a stage's function may use.

    Attributes:
        location: The account and region.
        cluster_arns: ARN patterns of the clusters that tasks may be launched in.
        task_definition_arns: ARN patterns of the task definitions that may be launched.
        pass_role_arns: ARNs or ARN patterns of the roles that tasks may run with.
        work_queue_arn: ARN of the work queue.
        dead_letter_queue_arn: ARN of the DLQ.
        failure_topic_arn: ARN of the failure topic.
        ledger_table_arn: ARN of the ledger table.
        kms_key_arn: ARN of the stage's KMS key.
        log_group_arn: ARN of the function's log group.
    """

    location: Location
    cluster_arns: tuple[str, ...]
    task_definition_arns: tuple[str, ...]
    pass_role_arns: tuple[str, ...]
    work_queue_arn: Input[str]
    dead_letter_queue_arn: Input[str]
    failure_topic_arn: Input[str]
    ledger_table_arn: Input[str]
    kms_key_arn: Input[str]
    log_group_arn: str


def trust_lambda() -> Document:
    """Return the trust policy of a Lambda function's execution role."""
    return document(
        allow("Lambda", ["sts:AssumeRole"], principals={"Service": "lambda.amazonaws.com"})
    )


def function_policy(grants: FunctionGrants) -> Document:
    """Return the permissions of a stage's function, limited to the stage's allow-list."""
    location = grants.location
    return document(
        allow(
            "LaunchTasks",
            ["ecs:RunTask"],
            resources=grants.task_definition_arns,
            conditions={"ArnLike": {"ecs:cluster": grants.cluster_arns}},
        ),
        allow(
            "TagTasks",
            ["ecs:TagResource"],
            resources=[within(cluster, "task") for cluster in grants.cluster_arns],
            conditions={"StringEquals": {"ecs:CreateAction": "RunTask"}},
        ),
        allow(
            "PassTaskRoles",
            ["iam:PassRole"],
            resources=grants.pass_role_arns,
            conditions={"StringEquals": {"iam:PassedToService": ECS_SERVICES}},
        )
        if grants.pass_role_arns
        else None,
        list_tasks(grants.cluster_arns),
        allow(
            "DescribeServices",
            ["ecs:DescribeServices"],
            resources=[within(cluster, "service") for cluster in grants.cluster_arns],
        ),
        allow(
            "DescribeTaskDefinitions",
            ["ecs:DescribeTaskDefinition"],
            resources=[ANY_RESOURCE],
        ),
        allow("ReceiveMessages", RECEIVE_ACTIONS, resources=[grants.work_queue_arn]),
        allow("SendDeadLetters", ["sqs:SendMessage"], resources=[grants.dead_letter_queue_arn]),
        allow("PublishNotifications", ["sns:Publish"], resources=[grants.failure_topic_arn]),
        allow("KeepLedger", LEDGER_ACTIONS, resources=[grants.ledger_table_arn]),
        allow(
            "UseKmsKey",
            KMS_KEY_ACTIONS,
            resources=[grants.kms_key_arn],
            conditions={"StringEquals": {"kms:ViaService": location.via_services(*KMS_SERVICES)}},
        ),
        allow("WriteLog", LOG_ACTIONS, resources=[f"{grants.log_group_arn}:*"]),
    )
