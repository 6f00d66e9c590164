"""Nothing that holds data is deleted or replaced by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

# What loses data when it is deleted: messages, artifacts, what was started, or the keys to them.
HOLDS_DATA = {
    "dev": {
        "ecs-run-task-dev",
        "ecs-run-task-dev-dlq",
        "ecs-run-task-dev-key",
        "ecs-run-task-dev-ledger",
    },
    "dev-bootstrap": {
        "ecs-run-task-access-log",
        "ecs-run-task-artifacts",
        "ecs-run-task-artifacts-key",
    },
}
TYPES = ("dynamodb/table:Table", "kms/key:Key", "sqs/queue:Queue", "s3/bucket:Bucket")
BUCKET = "s3/bucket:Bucket"


def protected(recorder: Recorder) -> set[str]:
    return {
        resource.name for type_ in TYPES for resource in recorder.all(type_) if resource.protect
    }


@pytest.mark.parametrize("name", HOLDS_DATA)
def test_what_holds_data_is_protected(stack: Stack, name: str) -> None:
    assert protected(stack(name)) == HOLDS_DATA[name]


def test_the_roles_that_the_keys_of_stages_name_are_protected(bootstrap: Recorder) -> None:
    roles = bootstrap.all("iam/role:Role")
    assert [role.name for role in roles if role.protect] == [
        "ecs-run-task-deploy",
        "ecs-run-task-read",
    ]


@pytest.mark.parametrize("name", HOLDS_DATA)
def test_a_stack_that_is_taken_away_is_unprotected_first(stack: Stack, name: str) -> None:
    recorder = stack(name, protect="false")
    assert not [resource.name for resource in recorder.resources if resource.protect]


def test_aws_itself_refuses_to_delete_a_protected_ledger(stack: Stack) -> None:
    for protect, expected in (("true", True), ("false", False)):
        table = stack("dev", protect=protect).only("dynamodb/table:Table").inputs
        assert table["deletionProtectionEnabled"] is expected


def test_a_bucket_is_emptied_only_when_its_stack_is_taken_away(stack: Stack) -> None:
    for bucket in stack("dev-bootstrap").all(BUCKET):
        assert "forceDestroy" not in bucket.inputs
    for bucket in stack("dev-bootstrap", protect="false").all(BUCKET):
        assert bucket.inputs["forceDestroy"] is True


@pytest.mark.parametrize("name", ["ecs-run-task-artifacts", "ecs-run-task-access-log"])
def test_a_bucket_that_cannot_be_deleted_keeps_its_settings(bootstrap: Recorder, name: str) -> None:
    settings = [
        resource
        for resource in bootstrap.resources
        if resource.type.startswith("s3/bucket") and resource.name.startswith(f"{name}-")
    ]
    assert len(settings) >= 6
    # Pulumi deletes them by deleting the bucket.
    assert {resource.deleted_with for resource in settings} == {name}


def test_the_key_of_artifacts_is_deleted_after_they_are_gone(bootstrap: Recorder) -> None:
    bucket = bootstrap.named(BUCKET, "ecs-run-task-artifacts")
    assert "ecs-run-task-artifacts-key" in bucket.depends_on
