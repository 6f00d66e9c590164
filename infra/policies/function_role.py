"""The policies of a function's role: its trust and its permissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.policies.function_actions import (
    ANY_RESOURCE,
    KMS_KEY_ACTIONS,
    KMS_SERVICES,
    KMS_SERVICES_WITHOUT_PAYLOADS,
    LEDGER_ACTIONS,
    LOG_ACTIONS,
    RECEIVE_ACTIONS,
    TASKS_SERVICE,
    VOLUMES_SERVICE,
    list_tasks,
    within,
)
from infra.policies.function_outcomes import outcome_statements
from infra.policies.statements import Document, Statement, allow, document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import Input

    from function.sender_choice import SenderChoice
    from infra.names import Location
    from infra.policies.statements import Conditions

# The condition keys of ecs:RunTask; there is none for the network, the launch type, or the size of
# a task.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
_CLUSTER_KEY: Final = "ecs:cluster"
_CAPACITY_PROVIDER_KEY: Final = "ecs:capacity-provider"
_EXECUTE_COMMAND_KEY: Final = "ecs:enable-execute-command"
_EBS_VOLUMES_KEY: Final = "ecs:enable-ebs-volumes"
_TAG_KEYS_KEY: Final = "aws:TagKeys"

# No capacity provider can have a name that begins so.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html
_NO_PROVIDER: Final = "aws-none"


@dataclass(frozen=True, kw_only=True)
class FunctionGrants:
    """The resources that a stage's function may use.

    Attributes:
        location: The account and region.
        cluster_arns: ARN patterns of the clusters that tasks may be launched in.
        task_definition_arns: ARN patterns of the task definitions that may be launched.
        choice: What a message may ask for.
        work_queue_arn: ARN of the work queue.
        dead_letter_queue_arn: ARN of the DLQ.
        failure_topic_arn: ARN of the failure topic.
        ledger_table_arn: ARN of the ledger table.
        kms_key_arn: ARN of the stage's KMS key.
        log_group_arn: ARN of the function's log group.
        events_queue_arn: ARN of the events queue; None if the stage follows no tasks.
        results_queue_arn: ARN of the results queue; None if there is none.
        results_bus_arn: ARN of the results bus; None if there is none.
        payload_bucket_arn: ARN of the payload bucket; None if there is none.
    """

    location: Location
    cluster_arns: tuple[str, ...]
    task_definition_arns: tuple[str, ...]
    choice: SenderChoice
    work_queue_arn: Input[str]
    dead_letter_queue_arn: Input[str]
    failure_topic_arn: Input[str]
    ledger_table_arn: Input[str]
    kms_key_arn: Input[str]
    log_group_arn: str
    events_queue_arn: Input[str] | None = None
    results_queue_arn: Input[str] | None = None
    results_bus_arn: Input[str] | None = None
    payload_bucket_arn: Input[str] | None = None


def trust_lambda() -> Document:
    """Return the trust policy of a Lambda function's execution role."""
    return document(
        allow("Lambda", ["sts:AssumeRole"], principals={"Service": "lambda.amazonaws.com"})
    )


def function_policy(grants: FunctionGrants) -> Document:
    """Return the permissions of a stage's function, limited to the stage's allow-list."""
    location = grants.location
    services = KMS_SERVICES if grants.payload_bucket_arn else KMS_SERVICES_WITHOUT_PAYLOADS
    return document(
        allow(
            "LaunchTasks",
            ["ecs:RunTask"],
            resources=grants.task_definition_arns,
            conditions=_launch_conditions(grants),
        ),
        allow(
            "TagTasks",
            ["ecs:TagResource"],
            resources=[within(cluster, "task") for cluster in grants.cluster_arns],
            conditions={"StringEquals": {"ecs:CreateAction": "RunTask"}},
        ),
        _pass_roles(
            "PassTaskRoles",
            (*grants.choice.task_roles, *grants.choice.execution_roles),
            TASKS_SERVICE,
        ),
        _pass_roles("PassVolumeRoles", grants.choice.volume_roles, VOLUMES_SERVICE)
        if grants.choice.ebs_volumes
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
        allow("ReceiveMessages", RECEIVE_ACTIONS, resources=_received(grants)),
        allow("SendDeadLetters", ["sqs:SendMessage"], resources=[grants.dead_letter_queue_arn]),
        allow("PublishNotifications", ["sns:Publish"], resources=[grants.failure_topic_arn]),
        allow("KeepLedger", LEDGER_ACTIONS, resources=[grants.ledger_table_arn]),
        allow(
            "UseKmsKey",
            KMS_KEY_ACTIONS,
            resources=[grants.kms_key_arn],
            conditions={"StringEquals": {"kms:ViaService": location.via_services(*services)}},
        ),
        allow("WriteLog", LOG_ACTIONS, resources=[f"{grants.log_group_arn}:*"]),
        *outcome_statements(grants),
    )


def _received(grants: FunctionGrants) -> list[Input[str]]:
    """Return the queues whose messages the function takes."""
    queues = (grants.work_queue_arn, grants.events_queue_arn)
    return [queue for queue in queues if queue is not None]


def _launch_conditions(grants: FunctionGrants) -> Conditions:
    """Return what limits ecs:RunTask besides the task definition.

    A request without a key is allowed: AWS does not say that ECS fills a key in where a request
    leaves the parameter out. What has no key, such as the network, is limited by the handler alone.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
    """
    choice = grants.choice
    off = {
        key: "false"
        for key, allowed in (
            (_EXECUTE_COMMAND_KEY, choice.execute_command),
            (_EBS_VOLUMES_KEY, choice.ebs_volumes),
        )
        if not allowed
    }
    among: dict[str, list[str]] = {_CAPACITY_PROVIDER_KEY: _provider_arns(grants)}
    conditions: dict[str, dict[str, Any]] = {"ArnLike": {_CLUSTER_KEY: list(grants.cluster_arns)}}
    if choice.tag_keys:
        among[_TAG_KEYS_KEY] = list(choice.tag_keys)
    else:
        conditions["Null"] = {_TAG_KEYS_KEY: "true"}
    if off:
        conditions["StringEqualsIfExists"] = off
    return conditions | {"ForAllValues:StringLike": among}


def _provider_arns(grants: FunctionGrants) -> list[str]:
    """Return the capacity providers by their ARNs; without any, what no provider is called."""
    names = grants.choice.capacity_providers or (_NO_PROVIDER,)
    return [grants.location.arn("ecs", f"capacity-provider/{name}") for name in names]


def _pass_roles(sid: str, roles: Sequence[str], service: str) -> Statement | None:
    if not roles:
        return None
    return allow(
        sid,
        ["iam:PassRole"],
        resources=list(dict.fromkeys(roles)),
        conditions={"StringEquals": {"iam:PassedToService": service}},
    )
