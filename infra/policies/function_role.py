"""What a stage's function may do, and the most that any function of the account could."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.names import PREFIX, Location
from infra.policies.statements import Document, allow, document

if TYPE_CHECKING:
    from pulumi import Input

# A task definition can be described by nobody or by everybody: the action has no resource.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
_ANY_RESOURCE = "*"

_ECS_TASKS = "ecs-tasks.amazonaws.com"
_WORK_ACTIONS = (
    "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
_KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
_LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")


@dataclass(frozen=True, kw_only=True)
class FunctionGrants:
    """The resources that a stage's function works with, by ARN."""

    location: Location
    clusters: tuple[str, ...]
    task_definitions: tuple[str, ...]
    pass_roles: tuple[str, ...]
    work_queue: Input[str]
    dead_letter_queue: Input[str]
    topic: Input[str]
    key: Input[str]
    log_group: str


def trust_lambda() -> Document:
    """Return the trust policy of a role that a Lambda function runs with."""
    return document(
        allow("Lambda", ["sts:AssumeRole"], principals={"Service": "lambda.amazonaws.com"})
    )


def function_policy(grants: FunctionGrants) -> Document:
    """Return the least that the handler needs, as far as the stage's configuration allows it."""
    location = grants.location
    return document(
        allow(
            "LaunchTasks",
            ["ecs:RunTask"],
            resources=grants.task_definitions,
            conditions={"ArnLike": {"ecs:cluster": grants.clusters}},
        ),
        allow(
            "TagWhatIsLaunched",
            ["ecs:TagResource"],
            resources=[_within(cluster, "task") for cluster in grants.clusters],
            conditions={"StringEquals": {"ecs:CreateAction": "RunTask"}},
        ),
        allow(
            "PassTaskRoles",
            ["iam:PassRole"],
            resources=grants.pass_roles,
            conditions={"StringEquals": {"iam:PassedToService": _ECS_TASKS}},
        )
        if grants.pass_roles
        else None,
        allow(
            "CompleteFromService",
            ["ecs:DescribeServices"],
            resources=[_within(cluster, "service") for cluster in grants.clusters],
        ),
        allow(
            "CompleteFromTaskDefinition",
            ["ecs:DescribeTaskDefinition"],
            resources=[_ANY_RESOURCE],
        ),
        allow("TakeWork", _WORK_ACTIONS, resources=[grants.work_queue]),
        allow("PermanentFailure", ["sqs:SendMessage"], resources=[grants.dead_letter_queue]),
        allow("Announce", ["sns:Publish"], resources=[grants.topic]),
        allow(
            "UseKey",
            _KEY_ACTIONS,
            resources=[grants.key],
            conditions={"StringEquals": {"kms:ViaService": _via(location)}},
        ),
        allow("WriteLog", _LOG_ACTIONS, resources=[f"{grants.log_group}:*"]),
    )


def boundary_policy(location: Location) -> Document:
    """Return the permissions boundary of every role that the deploy role makes in `place`."""
    return document(
        allow(
            "LaunchTasks",
            ["ecs:DescribeServices", "ecs:RunTask"],
            resources=[
                location.arn("ecs", "service/*"),
                location.arn("ecs", "task-definition/*"),
            ],
        ),
        allow(
            "TagWhatIsLaunched",
            ["ecs:TagResource"],
            resources=[location.arn("ecs", "task/*")],
            conditions={"StringEquals": {"ecs:CreateAction": "RunTask"}},
        ),
        allow(
            "CompleteFromTaskDefinition",
            ["ecs:DescribeTaskDefinition"],
            resources=[_ANY_RESOURCE],
        ),
        allow(
            "PassTaskRoles",
            ["iam:PassRole"],
            resources=[location.iam_arn("role/*")],
            conditions={"StringEquals": {"iam:PassedToService": _ECS_TASKS}},
        ),
        allow(
            "TakeAndRejectWork",
            (*_WORK_ACTIONS, "sqs:SendMessage"),
            resources=[location.arn("sqs", f"{PREFIX}*")],
        ),
        allow("Announce", ["sns:Publish"], resources=[location.arn("sns", f"{PREFIX}*")]),
        allow(
            "UseKeys",
            _KEY_ACTIONS,
            resources=[location.arn("kms", "key/*")],
            conditions={"StringEquals": {"kms:ViaService": _via(location)}},
        ),
        allow(
            "WriteLogs",
            _LOG_ACTIONS,
            resources=[location.arn("logs", f"log-group:/aws/lambda/{PREFIX}*")],
        ),
    )


def _within(cluster_arn: str, kind: str) -> str:
    """Return the ARN pattern of what a cluster holds: its tasks, or its services."""
    return cluster_arn.replace(":cluster/", f":{kind}/", 1) + "/*"


def _via(location: Location) -> list[str]:
    """Return the services through which alone a key is used."""
    return [f"{service}.{location.region}.amazonaws.com" for service in ("lambda", "sns", "sqs")]
