"""The read role reads what a stage is, and neither what is in it nor anything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.policies.deploy_role import DeployGrants
from infra.policies.read_role import read_policy
from rehearsal.engine import PROVIDER_CALLS
from tests.infra.grants import Need, Statement, missing
from tests.infra.test_function_stack import statement
from tests.infra.test_needed_actions import (
    ARTIFACT_KEY,
    BOUNDARY,
    BUCKET,
    CONTEXT,
    DEAD_LETTERS,
    DEPLOY_POLICY,
    HERE,
    LOG_GROUP,
    OBJECT,
    PAYLOAD,
    PROMOTED,
    QUEUE,
    RECORD,
    STAGE_KEY,
    TABLE,
    TOPIC,
    authorised_on,
    key_statements,
    registered,
)

if TYPE_CHECKING:
    from tests.infra.conftest import Stack

POLICY: Final[list[Statement]] = read_policy(
    DeployGrants(
        location=HERE,
        boundary_arn=BOUNDARY,
        artifact_bucket_arn=BUCKET,
        artifact_kms_key_arn=ARTIFACT_KEY,
        email_subscribers=True,
        own_arn=HERE.read_role_arn,
    )
)["Statement"]
KEY_POLICY: Final = key_statements(HERE.read_role_arn)


def test_a_refresh_reads_every_resource_of_a_stage() -> None:
    needs = [
        Need(why=type_, action=action, resource=resource, context=CONTEXT)
        for type_ in sorted(registered("dev", "prod"))
        for action in PROVIDER_CALLS[f"aws:{type_}"].read
        for resource in authorised_on(type_, action)
    ]
    assert needs
    assert not list(map(str, missing([*POLICY, *KEY_POLICY], needs)))


@pytest.mark.parametrize("resource", [OBJECT, PROMOTED, RECORD])
def test_a_promotion_reads_the_artifacts_and_records_of_its_source(resource: str) -> None:
    needs = [
        Need(why="a promotion", action="s3:GetObject", resource=resource),
        Need(why="a promotion", action="s3:ListBucket", resource=BUCKET),
        Need(why="a promotion", action="kms:Decrypt", resource=ARTIFACT_KEY),
    ]
    assert not missing(POLICY, needs)


def test_it_only_reads() -> None:
    verbs = ("Describe", "Get", "List")
    others = {
        (action, *entry["Resource"])
        for entry in (*POLICY, *KEY_POLICY)
        for action in entry["Action"]
        if not action.partition(":")[2].startswith(verbs)
    }
    assert others == {("kms:Decrypt", ARTIFACT_KEY), ("sts:AssumeRole", HERE.read_role_arn)}


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sqs:ReceiveMessage", QUEUE),
        ("sqs:ReceiveMessage", DEAD_LETTERS),
        ("dynamodb:GetItem", TABLE),
        ("dynamodb:Scan", TABLE),
        ("s3:GetObject", PAYLOAD),
        ("logs:GetLogEvents", LOG_GROUP),
        ("logs:FilterLogEvents", LOG_GROUP),
        ("sns:Publish", TOPIC),
        ("kms:Decrypt", STAGE_KEY),
        ("s3:PutObject", PROMOTED),
        ("lambda:InvokeFunction", HERE.arn("lambda", "function:ecs-run-task-dev")),
    ],
)
def test_it_reads_no_content_and_no_secret(action: str, resource: str) -> None:
    need = Need(why="never", action=action, resource=resource, context=CONTEXT)
    assert missing([*POLICY, *KEY_POLICY], [need])


def test_it_may_do_nothing_that_the_deploy_role_may_not() -> None:
    needs = [
        Need(why=entry["Sid"], action=action, resource=resource, context=CONTEXT)
        for entry in POLICY
        if entry["Sid"] != "AssumeItself"
        for action in entry["Action"]
        for resource in entry["Resource"]
    ]
    assert needs
    assert not missing(DEPLOY_POLICY, needs)


def trust(stack: Stack, role: str, **options: str) -> dict[str, Any]:
    return (
        stack("dev-bootstrap", **options).named("iam/role:Role", role).document("assumeRolePolicy")
    )


def test_deployers_and_readers_may_assume_it(stack: Stack) -> None:
    reader = "arn:aws:iam::111111111111:role/auditor"
    options = {"readPrincipals": json.dumps([reader]), "deployExternalId": "a-handshake"}
    read = statement(trust(stack, "ecs-run-task-read", **options), "Callers")
    deploy = statement(trust(stack, "ecs-run-task-deploy", **options), "Callers")
    administrator = "arn:aws:iam::111111111111:role/administrator"
    assert read["Principal"] == {"AWS": [administrator, reader]}
    assert deploy["Principal"] == {"AWS": [administrator]}
    assert read["Condition"] == {"StringEquals": {"sts:ExternalId": "a-handshake"}}


def test_an_environment_that_only_reads_cannot_deploy(stack: Stack) -> None:
    options = {
        "githubRepositories": '["acme/reports"]',
        "githubSubjects": '["environment:dev"]',
        "githubReadSubjects": '["environment:preview", "environment:prod"]',
    }

    def subjects(role: str) -> list[str]:
        found = statement(trust(stack, role, **options), "Workflows")["Condition"]["StringEquals"]
        return list(found["token.actions.githubusercontent.com:sub"])

    assert subjects("ecs-run-task-deploy") == ["repo:acme/reports:environment:dev"]
    assert subjects("ecs-run-task-read") == [
        "repo:acme/reports:environment:dev",
        "repo:acme/reports:environment:preview",
        "repo:acme/reports:environment:prod",
    ]
    itself = statement(trust(stack, "ecs-run-task-read", **options), "AssumeItself")
    assert itself["Condition"] == {"ArnEquals": {"aws:PrincipalArn": HERE.read_role_arn}}
