from __future__ import annotations

import json
from typing import Any

import pytest

from function.failures.reasons import PermanentFailure
from function.message.builder import read
from tests.unit.fakes import message, rejected, rejection, settings

ECS = "arn:aws:ecs:eu-central-1:111111111111"
IAM = "arn:aws:iam::111111111111:role"


def allowed(body: str, **lists: list[str]) -> bool:
    changes = {name: json.dumps(patterns) for name, patterns in lists.items()}
    found = rejection(body, settings(**changes))
    if found is None:
        return True
    assert found.reason == "not-allowed"
    assert found.redrivable
    return False


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (f"{ECS}:task-definition/report:*", "report", True),
        (f"{ECS}:task-definition/report:*", "report:12", True),
        (f"{ECS}:task-definition/report:*", f"{ECS}:task-definition/report:12", True),
        (f"{ECS}:task-definition/report:*", f"{ECS}:task-definition/report", True),
        (f"{ECS}:task-definition/report:*", "reporter", False),
        (f"{ECS}:task-definition/report:12", "report:12", True),
        (f"{ECS}:task-definition/report:12", "report:123", False),
        (f"{ECS}:task-definition/report:12", "report", False),
        (f"{ECS}:task-definition/report:1*", "report", False),
        (f"{ECS}:task-definition/report:?", "report", False),
        (f"{ECS}:task-definition/report:??", "report", False),
        (f"{ECS}:task-definition/report:?", "report:1", True),
        (f"{ECS}:task-definition/report:?*", "report", True),
        (f"{ECS}:task-definition/r?port:*", "report", True),
        (f"{ECS}:task-definition/*", "anything", True),
        ("*", "anything", True),
        (f"{ECS}:task-definition/[a-z]*", "report", False),
        (f"{ECS}:task-definition/report:*", "Report", False),
        (
            f"{ECS}:task-definition/report:*",
            "arn:aws:ecs:eu-central-1:222222222222:task-definition/report:1",
            False,
        ),
        (
            f"{ECS}:task-definition/report:*",
            "arn:aws:ecs:eu-west-1:111111111111:task-definition/report:1",
            False,
        ),
    ],
)
def test_task_definitions_match_as_in_iam(pattern: str, name: str, *, expected: bool) -> None:
    assert allowed(message(taskDefinition=name), TASK_DEFINITIONS=[pattern]) is expected


@pytest.mark.parametrize(
    ("cluster", "expected"),
    [
        ("batch", True),
        (f"{ECS}:cluster/batch", True),
        ("other", False),
        ("arn:aws:ecs:eu-central-1:222222222222:cluster/batch", False),
        (None, False),
    ],
)
def test_clusters_match_by_name_and_by_arn(cluster: str | None, *, expected: bool) -> None:
    assert allowed(message(cluster=cluster)) is expected


def test_no_cluster_means_the_cluster_default() -> None:
    assert allowed(message(cluster=None), CLUSTERS=[f"{ECS}:cluster/default"])


@pytest.mark.parametrize("name", ["taskRoleArn", "executionRoleArn"])
def test_a_role_of_an_override_has_to_be_allowed(name: str) -> None:
    assert allowed(message(overrides={name: f"{IAM}/report-task"}))
    assert allowed(message(overrides={name: "report-task"}))
    assert not allowed(message(overrides={name: f"{IAM}/admin"}))
    assert not allowed(message(overrides={name: "arn:aws:iam::222222222222:role/report-task"}))


def test_a_role_that_is_not_a_name_is_rejected() -> None:
    failure = rejected(message(overrides={"taskRoleArn": "report task"}))

    assert failure.reason == "bad-value"
    assert failure.error == "ECS.overrides.taskRoleArn: expected the name or ARN of a role"


def test_the_role_of_a_volume_has_to_be_allowed() -> None:
    def volumes(role: str) -> list[dict[str, Any]]:
        return [{"name": "data", "managedEBSVolume": {"roleArn": role}}]

    assert allowed(message(volumeConfigurations=volumes(f"{IAM}/report-volumes")))
    assert not allowed(message(volumeConfigurations=volumes(f"{IAM}/admin")))
    assert allowed(message(volumeConfigurations=[{"name": "data"}]))


def test_an_empty_list_allows_nothing() -> None:
    assert not allowed(message(), CLUSTERS=[])


def test_the_error_says_what_is_allowed() -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(message(cluster="other"), settings())

    assert caught.value.error == (
        f"ECS.cluster: found {ECS}:cluster/other; allowed: {ECS}:cluster/batch; to allow it, set"
        " Pulumi.dev.yaml: ecs-run-task:clusters"
    )


@pytest.mark.parametrize("name", ["*", "?", "batch/../x", "batch\n", "arn:aws:ecs:*:*:cluster/*"])
def test_a_name_with_a_wildcard_is_not_a_name(name: str) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(message(cluster=name), settings(CLUSTERS='["*"]'))

    assert caught.value.reason == "bad-value"
