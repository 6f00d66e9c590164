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
    "dev-bootstrap": {"ecs-run-task-artifacts", "ecs-run-task-artifacts-key"},
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


def test_the_role_that_the_keys_of_stages_name_is_protected(bootstrap: Recorder) -> None:
    assert bootstrap.only("iam/role:Role").protect


@pytest.mark.parametrize("name", HOLDS_DATA)
def test_a_stack_that_is_taken_away_is_unprotected_first(stack: Stack, name: str) -> None:
    recorder = stack(name, protect="false")
    assert not [resource.name for resource in recorder.resources if resource.protect]


def test_aws_itself_refuses_to_delete_a_protected_ledger(stack: Stack) -> None:
    for protect, expected in (("true", True), ("false", False)):
        table = stack("dev", protect=protect).only("dynamodb/table:Table").inputs
        assert table["deletionProtectionEnabled"] is expected


def test_a_bucket_is_emptied_only_when_its_stack_is_taken_away(stack: Stack) -> None:
    assert "forceDestroy" not in stack("dev-bootstrap").only(BUCKET).inputs
    assert stack("dev-bootstrap", protect="false").only(BUCKET).inputs["forceDestroy"] is True


def test_a_bucket_that_cannot_be_deleted_keeps_policy_versions_and_key(
    bootstrap: Recorder,
) -> None:
    bucket = bootstrap.only(BUCKET)
    settings = [
        resource
        for resource in bootstrap.resources
        if resource.type.startswith("s3/bucket") and resource is not bucket
    ]
    assert len(settings) == 6
    # Pulumi deletes them by deleting the bucket, and the key only after the bucket is gone.
    assert {resource.deleted_with for resource in settings} == {bucket.name}
    assert "ecs-run-task-artifacts-key" in bucket.depends_on
