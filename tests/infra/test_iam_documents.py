"""Every IAM document that the program makes, against the rules of AWS and of this kit."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from policy_sentry.querying.actions import get_action_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.recorder import Recorder

POLICY_INPUTS = ("policy", "assumeRolePolicy")
OTHER_DOCUMENTS = ("redrivePolicy", "redriveAllowPolicy")
Statement = dict[str, Any]


def documents(recorder: Recorder) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for resource in recorder.resources:
        for key in POLICY_INPUTS:
            if key in resource.inputs:
                yield resource.type, resource.name, json.loads(resource.inputs[key])


def statements(*recorders: Recorder) -> Iterator[tuple[str, str, Statement]]:
    for recorder in recorders:
        for kind, name, document in documents(recorder):
            for statement in document["Statement"]:
                yield kind, f"{name}: {statement.get('Sid')}", statement


@cache
def resource_types(action: str) -> frozenset[str]:
    """Return the kinds of resource that an action can be granted on, by AWS's own reference."""
    service, _, name = action.partition(":")
    data = get_action_data(service, name)
    assert data, f"{action} is no action of AWS"
    return frozenset(entry["resource_arn_format"] for entry in data[service]) - {"*"}


# Granted on any resource though AWS names a type: what is read of an alarm is authorised on all,
# and tasks are listed on a cluster's container instances, which is what the condition limits.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
ON_ANYTHING = {"cloudwatch:DescribeAlarms"}
CONDITIONS_THAT_LIMIT = ("lambda:FunctionArn", "ecs:cluster")


@pytest.fixture(scope="module")
def every(bootstrap: Recorder, dev: Recorder) -> list[tuple[str, str, Statement]]:
    found = list(statements(bootstrap, dev))
    assert found
    return found


@pytest.fixture(scope="module")
def allowing(every: list[tuple[str, str, Statement]]) -> list[tuple[str, str, Statement]]:
    return [entry for entry in every if entry[2]["Effect"] == "Allow"]


def test_every_statement_has_a_sid_of_its_own(bootstrap: Recorder, dev: Recorder) -> None:
    for recorder in (bootstrap, dev):
        for _, name, document in documents(recorder):
            sids = [statement["Sid"] for statement in document["Statement"]]
            assert len(set(sids)) == len(sids), name
            assert all(sid.isalnum() for sid in sids), name


@pytest.mark.parametrize("key", [*POLICY_INPUTS, *OTHER_DOCUMENTS])
def test_a_document_is_written_as_aws_returns_it(
    bootstrap: Recorder, dev: Recorder, key: str
) -> None:
    found = [
        resource.inputs[key]
        for recorder in (bootstrap, dev)
        for resource in recorder.resources
        if key in resource.inputs
    ]
    assert found
    for text in found:
        assert text == json.dumps(json.loads(text), separators=(",", ":"), sort_keys=True)


def test_no_right_depends_on_a_tag(every: list[tuple[str, str, Statement]]) -> None:
    for _, name, entry in every:
        conditions = json.dumps(entry.get("Condition", {})).lower()
        assert "resourcetag" not in conditions, name
        assert "principaltag" not in conditions, name


def test_a_tag_in_a_request_only_lets_keys_be_made_and_tagged(
    every: list[tuple[str, str, Statement]],
) -> None:
    tagged = [entry for _, _, entry in every if "aws:RequestTag" in json.dumps(entry)]
    assert [entry["Action"] for entry in tagged] == [["kms:CreateKey"], ["kms:TagResource"]]


def test_grants_are_made_by_services_only(
    allowing: list[tuple[str, str, Statement]],
) -> None:
    granting = {
        entry["Sid"]: entry.get("Condition")
        for _, _, entry in allowing
        if "kms:CreateGrant" in entry["Action"]
    }
    service = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    # The owner's statement is what the account's administrators may grant themselves.
    assert granting == {"Owner": None, "DeployGrants": service}


def test_no_action_is_a_pattern(allowing: list[tuple[str, str, Statement]]) -> None:
    assert not [name for _, name, entry in allowing if "*" in "".join(entry["Action"])]


def test_every_action_exists(allowing: list[tuple[str, str, Statement]]) -> None:
    for _, _, entry in allowing:
        for action in entry["Action"]:
            resource_types(action)


def test_only_actions_without_resource_types_are_granted_on_any(
    allowing: list[tuple[str, str, Statement]],
) -> None:
    for kind, name, entry in allowing:
        # In a key policy, "*" is the key itself.
        if kind != "kms/key:Key" and "*" in entry.get("Resource", []):
            known = {
                action: types
                for action in set(entry["Action"]) - ON_ANYTHING
                if (types := resource_types(action))
                and not any(key in str(entry) for key in CONDITIONS_THAT_LIMIT)
            }
            assert not known, f"{name}: {known}"


def test_no_role_is_passed_to_just_any_service(allowing: list[tuple[str, str, Statement]]) -> None:
    passing = [entry for _, _, entry in allowing if "iam:PassRole" in entry["Action"]]
    assert passing
    for entry in passing:
        assert list(entry["Condition"]["StringEquals"]) == ["iam:PassedToService"]


def test_no_allowed_principal_is_a_star(allowing: list[tuple[str, str, Statement]]) -> None:
    for _, name, entry in allowing:
        assert "*" not in json.dumps(entry.get("Principal", {})), name


def test_actions_are_sorted_and_named_once(allowing: list[tuple[str, str, Statement]]) -> None:
    for _, name, entry in allowing:
        assert entry["Action"] == sorted(set(entry["Action"])), name
