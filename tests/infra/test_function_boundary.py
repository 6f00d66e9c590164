"""A function's role grants what the handler needs, and the boundary what any such role may have."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from infra.boundary import outside
from infra.bundle import ROOT
from infra.config_reader import Reader
from infra.policies.function_role import FunctionGrants, function_policy
from infra.policies.permissions_boundary import boundary_policy
from infra.sender_choice import sender_options
from runtask.project import load_project
from tests.infra.grants import Need, Statement, missing
from tests.infra.test_needed_actions import (
    BUS,
    DEAD_LETTERS,
    EVENTS_QUEUE,
    FUNCTION,
    HERE,
    LOG_GROUP,
    PAYLOAD,
    PAYLOAD_BUCKET,
    QUEUE,
    STAGE_KEY,
    TABLE,
    TOPIC,
)

if TYPE_CHECKING:
    from function.sender_choice import SenderChoice

# What Lambda adds to the calls of code that runs as one of the kit's functions.
FROM_WITHIN: Final = {"lambda:SourceFunctionArn": FUNCTION}

CLUSTER: Final = {"ecs:cluster": HERE.cluster_arn("batch")}
RESULTS_QUEUE: Final = HERE.arn("sqs", "ecs-run-task-dev-results")
TASK: Final = HERE.arn("ecs", "task/batch/0123456789abcdef0123456789abcdef")
INDEX: Final = f"{TABLE}/index/listed"
VIA_DYNAMODB: Final = {"kms:ViaService": "dynamodb.eu-central-1.amazonaws.com"}

# What the handler does beside launching, and where.
NEEDS: Final = (
    *(
        Need(why="the ledger", action=f"dynamodb:{action}", resource=TABLE)
        for action in ("GetItem", "PutItem", "UpdateItem")
    ),
    Need(why="items are encrypted", action="kms:Decrypt", resource=STAGE_KEY, context=VIA_DYNAMODB),
    Need(why="which tasks a key has", action="ecs:ListTasks", resource="*", context=CLUSTER),
)

# What it does after a launch, by the statement that lets it.
AFTER_THE_LAUNCH: Final = {
    "FollowTasks": [
        Need(
            why="what became of a task",
            action=action,
            resource=TASK,
            context=CLUSTER | FROM_WITHIN,
        )
        for action in ("ecs:DescribeTasks", "ecs:StopTask")
    ],
    "ReceiveMessages": [
        Need(why="events", action=f"sqs:{action}", resource=EVENTS_QUEUE)
        for action in ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility")
    ],
    "SendReports": [
        Need(why="reports", action="sqs:SendMessage", resource=EVENTS_QUEUE),
        Need(why="restarts", action="sqs:SendMessage", resource=QUEUE),
    ],
    "ListKeys": [Need(why="the sweep", action="dynamodb:Query", resource=INDEX)],
    "SendResults": [Need(why="results", action="sqs:SendMessage", resource=RESULTS_QUEUE)],
    "PutResults": [Need(why="results", action="events:PutEvents", resource=BUS)],
    "StorePayloads": [Need(why="payloads", action="s3:PutObject", resource=PAYLOAD)],
    "UseKmsKey": [
        Need(
            why="payloads are encrypted",
            action="kms:GenerateDataKey",
            resource=STAGE_KEY,
            context={"kms:ViaService": "s3.eu-central-1.amazonaws.com"},
        )
    ],
}


def _sender_choice() -> SenderChoice:
    """Return what a sender may choose by default, with roles."""
    values = load_project(ROOT).stack_config("dev")
    values |= {
        "ecs-run-task:executionRoles": "[]",
        "ecs-run-task:taskRoles": json.dumps([HERE.iam_arn("role/report-task")]),
        "ecs-run-task:volumeRoles": json.dumps([HERE.iam_arn("role/report-volumes")]),
        "ecs-run-task:ebsVolumes": "true",
    }
    return sender_options(Reader("dev", values.get))


SENDER_CHOICE: Final = _sender_choice()

GRANTS: Final = FunctionGrants(
    location=HERE,
    cluster_arns=(HERE.cluster_arn("batch"),),
    task_definition_arns=(HERE.task_definition_arn("report"),),
    choice=SENDER_CHOICE,
    work_queue_arn=QUEUE,
    dead_letter_queue_arn=DEAD_LETTERS,
    failure_topic_arn=TOPIC,
    ledger_table_arn=TABLE,
    kms_key_arn=STAGE_KEY,
    log_group_arn=LOG_GROUP,
    events_queue_arn=EVENTS_QUEUE,
    results_queue_arn=RESULTS_QUEUE,
    results_bus_arn=BUS,
    payload_bucket_arn=PAYLOAD_BUCKET,
)
FUNCTION_POLICY: Final[list[Statement]] = function_policy(GRANTS)["Statement"]
BOUNDARY_POLICY: Final[list[Statement]] = boundary_policy(
    HERE,
    role_arns=(HERE.iam_arn("role/report-*"),),
    cluster_arns=(HERE.cluster_arn("batch"),),
)["Statement"]


def not_within(statements: list[Statement]) -> list[str]:
    """Return what the function role has and the boundary's statements do not cover."""
    return [
        f"{one['Sid']}: {action}"
        for one in FUNCTION_POLICY
        for action in one["Action"]
        if not any(covers(entry, one, action) for entry in statements)
    ]


def covers(boundary: Statement, own: Statement, action: str) -> bool:
    """Return whether the boundary allows all that a function's role has, from within a function."""
    conditions = [
        (FROM_WITHIN.get(key) or own.get("Condition", {}).get(operator, {}).get(key, ["*"]), values)
        for operator, keys in boundary.get("Condition", {}).items()
        for key, values in keys.items()
    ]
    return (
        action in boundary["Action"]
        and not outside(own["Resource"], boundary["Resource"])
        and not any(outside(_list(found), _list(values)) for found, values in conditions)
    )


def _list(values: str | list[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def test_the_function_role_is_within_its_boundary() -> None:
    assert not not_within(BOUNDARY_POLICY)


def test_the_boundary_allows_no_action_that_the_function_role_has_not() -> None:
    allowed = {action for entry in BOUNDARY_POLICY for action in entry["Action"]}
    assert allowed == {action for entry in FUNCTION_POLICY for action in entry["Action"]}


@pytest.mark.parametrize("sid", [entry["Sid"] for entry in BOUNDARY_POLICY])
def test_without_a_statement_of_the_boundary_something_is_missing(sid: str) -> None:
    assert not_within([entry for entry in BOUNDARY_POLICY if entry["Sid"] != sid])


@pytest.mark.parametrize(
    ("action", "resource", "context"),
    [
        (
            "iam:PassRole",
            HERE.iam_arn("role/payroll"),
            {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
        ),
        (
            "ecs:RunTask",
            HERE.task_definition_arn("report"),
            {"ecs:cluster": HERE.cluster_arn("payroll"), **FROM_WITHIN},
        ),
        ("ecs:DescribeServices", HERE.arn("ecs", "service/payroll/api"), {}),
        ("ecs:ListTasks", "*", {"ecs:cluster": HERE.cluster_arn("payroll")}),
        (
            "ecs:TagResource",
            HERE.arn("ecs", "task/payroll/1"),
            {"ecs:CreateAction": "RunTask"},
        ),
    ],
)
def test_the_boundary_ends_at_the_administrators_roles_and_clusters(
    action: str, resource: str, context: dict[str, str]
) -> None:
    need = Need(why="outside", action=action, resource=resource, context=context)
    assert missing(BOUNDARY_POLICY, [need])
    inside = Need(
        why="inside",
        action=action,
        resource=resource.replace("payroll", "report-x" if "role/" in resource else "batch"),
        context={key: text.replace("payroll", "batch") for key, text in context.items()},
    )
    assert not missing(BOUNDARY_POLICY, [inside])


def test_credentials_that_left_the_function_launch_no_task() -> None:
    leaked = Need(
        why="outside",
        action="ecs:RunTask",
        resource=HERE.task_definition_arn("report"),
        context=CLUSTER,
    )
    assert missing(BOUNDARY_POLICY, [leaked])


@pytest.mark.parametrize(
    "function",
    [
        HERE.arn("lambda", "function:payroll"),
        HERE.arn("lambda", "function:x-ecs-run-task-dev"),
        FUNCTION.replace("eu-central-1", "eu-west-1"),
        FUNCTION.replace(HERE.account, "333333333333"),
    ],
)
def test_a_function_that_is_not_of_the_kit_launches_no_task(function: str) -> None:
    foreign = Need(
        why="another function with the same role",
        action="ecs:RunTask",
        resource=HERE.task_definition_arn("report"),
        context={**CLUSTER, "lambda:SourceFunctionArn": function},
    )
    assert missing(BOUNDARY_POLICY, [foreign])


def test_a_role_that_manages_volumes_can_be_passed_to_ecs() -> None:
    for statements in (FUNCTION_POLICY, BOUNDARY_POLICY):
        for role, service in (
            ("report-task", "ecs-tasks.amazonaws.com"),
            ("report-volumes", "ecs.amazonaws.com"),
        ):
            need = Need(
                why="a managed EBS volume",
                action="iam:PassRole",
                resource=HERE.iam_arn(f"role/{role}"),
                context={"iam:PassedToService": service},
            )
            assert not missing(statements, [need])


def test_the_handler_may_keep_its_ledger_and_list_its_tasks() -> None:
    for statements in (FUNCTION_POLICY, BOUNDARY_POLICY):
        assert not missing(statements, NEEDS)


@pytest.mark.parametrize("sid", ["KeepLedger", "ListTasks", "UseKmsKey"])
def test_without_a_statement_the_handler_cannot_keep_its_ledger(sid: str) -> None:
    assert missing([entry for entry in FUNCTION_POLICY if entry["Sid"] != sid], NEEDS)


@pytest.mark.parametrize("action", ["DeleteItem", "Query", "Scan", "DeleteTable", "UpdateTable"])
def test_the_handler_cannot_make_the_ledger_forget(action: str) -> None:
    need = Need(why="never", action=f"dynamodb:{action}", resource=TABLE)
    for statements in (FUNCTION_POLICY, BOUNDARY_POLICY):
        assert missing(statements, [need])


@pytest.mark.parametrize("sid", AFTER_THE_LAUNCH)
def test_the_handler_may_do_after_a_launch_what_one_statement_lets_it(sid: str) -> None:
    needs = AFTER_THE_LAUNCH[sid]
    assert not missing(BOUNDARY_POLICY, needs)
    assert not missing(FUNCTION_POLICY, needs)
    assert missing([entry for entry in FUNCTION_POLICY if entry["Sid"] != sid], needs) == needs


def test_a_stage_with_everything_off_has_no_right_of_it() -> None:
    off = function_policy(
        replace(
            GRANTS,
            events_queue_arn=None,
            results_queue_arn=None,
            results_bus_arn=None,
            payload_bucket_arn=None,
        )
    )["Statement"]
    for sid, needs in AFTER_THE_LAUNCH.items():
        assert missing(off, needs) == needs, sid


@pytest.mark.parametrize(
    ("action", "resource", "cluster"),
    [
        ("ecs:StopTask", HERE.arn("ecs", "task/payroll/1"), "payroll"),
        ("ecs:DescribeTasks", HERE.arn("ecs", "task/payroll/1"), "payroll"),
    ],
)
def test_tasks_of_other_clusters_are_left_alone(action: str, resource: str, cluster: str) -> None:
    context = {"ecs:cluster": HERE.cluster_arn(cluster), **FROM_WITHIN}
    need = Need(why="not ours", action=action, resource=resource, context=context)
    for statements in (FUNCTION_POLICY, BOUNDARY_POLICY):
        assert missing(statements, [need])


def test_credentials_that_left_the_function_stop_no_task() -> None:
    need = Need(why="outside", action="ecs:StopTask", resource=TASK, context=CLUSTER)
    assert missing(BOUNDARY_POLICY, [need])


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", PAYLOAD),
        ("s3:PutObject", f"{PAYLOAD_BUCKET}/other/object"),
        ("s3:PutObject", "arn:aws:s3:::ecs-run-task-artifacts-0123456/builds/x.zip"),
        ("s3:DeleteObject", PAYLOAD),
        ("events:PutEvents", HERE.arn("events", "event-bus/default")),
        ("dynamodb:Query", TABLE),
        ("dynamodb:Scan", INDEX),
        ("sqs:ReceiveMessage", HERE.arn("sqs", "orders")),
    ],
)
def test_nothing_else_is_allowed_after_a_launch(action: str, resource: str) -> None:
    need = Need(why="never", action=action, resource=resource)
    for statements in (FUNCTION_POLICY, BOUNDARY_POLICY):
        assert missing(statements, [need])


def test_a_ledger_is_one_stages_alone() -> None:
    other = HERE.arn("dynamodb", "table/ecs-run-task-prod-ledger")
    need = Need(why="another stage", action="dynamodb:GetItem", resource=other)
    assert missing(FUNCTION_POLICY, [need])
    foreign = HERE.arn("dynamodb", "table/orders")
    need = Need(why="not ours", action="dynamodb:GetItem", resource=foreign)
    assert missing(BOUNDARY_POLICY, [need])
