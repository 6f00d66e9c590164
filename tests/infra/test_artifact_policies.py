"""Who writes, replaces and reads artifacts, and what is refused whatever else allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.policies.resource_policies import bucket_policy
from tests.infra.grants import Need, Statement, denied, grants, missing
from tests.infra.test_needed_actions import ARTIFACT_KEY, BUCKET, DEPLOY_POLICY

if TYPE_CHECKING:
    from collections.abc import Mapping

READER: Final = "arn:aws:iam::222222222222:role/ecs-run-task-deploy-*"
POLICY: Final[list[Statement]] = bucket_policy(BUCKET, ARTIFACT_KEY, [READER])["Statement"]

# An upload as the kit makes it: over TLS, encrypted with the bucket's key.
UPLOAD: Final = {
    "aws:SecureTransport": "true",
    "s3:x-amz-server-side-encryption": "aws:kms",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": ARTIFACT_KEY,
}
ONCE: Final = {**UPLOAD, "s3:if-none-match": "*"}


def upload(object_key: str, context: Mapping[str, str]) -> Need:
    return Need(
        why="an upload", action="s3:PutObject", resource=f"{BUCKET}/{object_key}", context=context
    )


@pytest.mark.parametrize("object_key", ["artifacts/a.zip", "artifacts/a.json", "promotions/dev/1"])
def test_what_was_promoted_cannot_be_replaced(object_key: str) -> None:
    assert denied(POLICY, upload(object_key, UPLOAD)) == ["DenyReplacing"]
    assert not denied(POLICY, upload(object_key, ONCE))


def test_pulumi_which_cannot_write_once_writes_builds_alone() -> None:
    assert not denied(POLICY, upload("builds/a.json", UPLOAD))
    assert not missing(DEPLOY_POLICY, [upload("builds/a.json", UPLOAD)])
    assert missing(DEPLOY_POLICY, [upload("elsewhere/a.json", UPLOAD)])


@pytest.mark.parametrize(
    ("changed", "sid"),
    [
        ({"aws:SecureTransport": "false"}, "DenyWithoutTls"),
        ({"s3:x-amz-server-side-encryption": "AES256"}, "DenyOtherEncryption"),
        ({"s3:x-amz-server-side-encryption-aws-kms-key-id": "arn:mine"}, "DenyOtherKeys"),
    ],
)
def test_an_upload_in_the_clear_or_with_another_key_is_denied(
    changed: dict[str, str], sid: str
) -> None:
    assert denied(POLICY, upload("artifacts/a.zip", {**ONCE, **changed})) == [sid]


@pytest.mark.parametrize(
    ("object_key", "allowed"),
    [("artifacts/a.zip", True), ("builds/a.zip", True), ("promotions/dev/1.json", False)],
)
def test_other_accounts_read_artifacts_and_no_records(object_key: str, allowed: bool) -> None:  # noqa: FBT001 - a parameter of the test
    reader: dict[str, Any] = {
        "aws:PrincipalArn": "arn:aws:iam::222222222222:role/ecs-run-task-deploy-eu-central-1"
    }
    need = Need(
        why="a promotion",
        action="s3:GetObject",
        resource=f"{BUCKET}/{object_key}",
        context=reader,
    )
    assert any(grants(entry, need) for entry in POLICY) is allowed
