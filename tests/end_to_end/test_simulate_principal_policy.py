"""SimulatePrincipalPolicy of the embedded AWS. No evidence about AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.end_to_end.ecs_calls import ACCOUNT, CLUSTER, REGION, refused, statement, trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.emulator import Emulator

QUEUE: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
DEFINITION: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/report"
OTHER: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/other:1"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/runs/tasks/function"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def iam(emulator: Emulator) -> Iterator[Any]:
    """Return a client of IAM in an account with a role that has a path and a boundary."""
    client = emulator.client("iam", ACCOUNT, REGION)
    limit = document(statement("sqs:ReceiveMessage", "ecs:RunTask"))
    boundary = client.create_policy(PolicyName="limit", PolicyDocument=limit)["Policy"]["Arn"]
    client.create_role(
        RoleName="function",
        Path="/runs/tasks/",
        AssumeRolePolicyDocument=json.dumps(trust("lambda")),
        PermissionsBoundary=boundary,
    )
    run = statement("ecs:RunTask", resource=f"{DEFINITION}:*", ArnEquals={"ecs:cluster": CLUSTER})
    deny = {**statement("ecs:RunTask", resource=f"{DEFINITION}:1"), "Effect": "Deny"}
    tls = {**statement(Bool={"aws:SecureTransport": "false"}), "Action": "*", "Effect": "Deny"}
    policy = document(statement("sqs:*", resource=QUEUE), run, deny, tls)
    client.put_role_policy(RoleName="function", PolicyName="p", PolicyDocument=policy)
    yield client
    client.delete_role_policy(RoleName="function", PolicyName="p")
    client.delete_role(RoleName="function")


def context(name: str, *values: str, kind: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": name, "ContextKeyValues": list(values), "ContextKeyType": kind}


def decided(iam: Any, action: str, *resources: str, keys: Any = ()) -> list[str]:
    answer = iam.simulate_principal_policy(
        PolicySourceArn=ROLE,
        ActionNames=[action],
        ResourceArns=list(resources),
        ContextEntries=list(keys),
    )
    found = answer["EvaluationResults"]
    assert [one["EvalResourceName"] for one in found] == list(resources)
    assert {one["EvalActionName"] for one in found} == {action}
    return [one["EvalDecision"] for one in found]


def test_what_policy_and_boundary_allow_is_allowed(iam: Any) -> None:
    assert decided(iam, "sqs:ReceiveMessage", QUEUE) == ["allowed"]


def test_what_only_the_policy_allows_is_denied(iam: Any) -> None:
    assert decided(iam, "sqs:DeleteMessage", QUEUE) == ["implicitDeny"]


def test_what_only_the_boundary_allows_is_denied(iam: Any) -> None:
    assert decided(iam, "sqs:ReceiveMessage", f"{QUEUE}-other") == ["implicitDeny"]


def test_every_resource_is_evaluated_with_the_context_of_the_call(iam: Any) -> None:
    resources = (f"{DEFINITION}:2", f"{DEFINITION}:1", OTHER)

    found = decided(iam, "ecs:RunTask", *resources, keys=[context("ecs:Cluster", CLUSTER)])

    assert found == ["allowed", "explicitDeny", "implicitDeny"]


@pytest.mark.parametrize("keys", [[], [context("ecs:cluster", f"{CLUSTER}-other")]])
def test_a_key_that_is_absent_or_different_does_not_match(iam: Any, keys: Any) -> None:
    assert decided(iam, "ecs:RunTask", f"{DEFINITION}:2", keys=keys) == ["implicitDeny"]


def test_a_given_key_replaces_what_the_emulator_knows_of_a_call(iam: Any) -> None:
    plain = context("aws:SecureTransport", "false", kind="boolean")

    assert decided(iam, "sqs:ReceiveMessage", QUEUE, keys=[plain]) == ["explicitDeny"]


def test_all_values_of_a_list_count(iam: Any) -> None:
    condition = {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}
    policy = document({**statement("sqs:ReceiveMessage"), "Condition": condition})
    iam.put_role_policy(RoleName="function", PolicyName="list", PolicyDocument=policy)
    other = f"{QUEUE}-listed"
    try:
        found = [
            decided(
                iam,
                "sqs:ReceiveMessage",
                other,
                keys=[context("aws:TagKeys", *names, kind="stringList")],
            )
            for names in (["a", "b"], ["a", "c"])
        ]
    finally:
        iam.delete_role_policy(RoleName="function", PolicyName="list")
    assert found == [["allowed"], ["implicitDeny"]]


@pytest.mark.parametrize("role", ["role/function", "role/other", "group/function"])
def test_an_unknown_principal_is_refused(iam: Any, role: str) -> None:
    with refused("NoSuchEntity"):
        iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:{role}", ActionNames=["sqs:ReceiveMessage"]
        )


def test_a_policy_of_the_call_is_refused(iam: Any) -> None:
    with refused("InvalidInput", "does not simulate PolicyInputList"):
        iam.simulate_principal_policy(
            PolicySourceArn=ROLE,
            ActionNames=["sqs:ReceiveMessage"],
            PolicyInputList=[document(statement("sqs:*"))],
        )
