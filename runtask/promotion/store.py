"""The artifact bucket of an account; every read and write is checked against the digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.bundle import artifact_object_key
from infra.json_object import read_object
from infra.manifest import Manifest, manifest_object_key
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from runtask.account import DeployRoleSession

# Error codes of GetObject for an object that does not exist.
_NOT_FOUND: Final = ("NoSuchKey", "404")


class StoreError(RuntaskError):
    """An artifact is missing or damaged, or cannot be read or written."""


class Change(StrEnum):
    """What a promotion or a rollback changed.

    Attributes:
        ARTIFACT: The artifact, and possibly the configuration.
        CONFIGURATION: The stage's file or the program; the artifact stayed.
    """

    ARTIFACT = "artifact"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The record of a promotion or a rollback, kept in the bucket of its stage.

    Attributes:
        digest: The artifact that was deployed.
        previous: The artifact that the stage ran before this one; empty if it ran none.
        source: The stage that the artifact came from; the stage itself for a rollback.
        commit: The git commit that the artifact was built from.
        change: A `Change`.
        time: When, in UTC, ISO 8601.
        by: The ARN of the role session that deployed.
    """

    digest: str
    previous: str
    source: str
    commit: str
    time: str
    by: str
    change: str = Change.ARTIFACT

    def __str__(self) -> str:
        """Return time and source, in one line of a table."""
        only = ", configuration only" if self.change == Change.CONFIGURATION else ""
        return f"{self.time} from {self.source}{only}"


@dataclass(frozen=True, kw_only=True)
class Store:
    """The artifact bucket of one account, used as one deploy role.

    Attributes:
        deploy_role: The session that reads and writes.
        bucket: The bucket's name.
        kms_key_arn: The key that encrypts what is written.
        region: The bucket's region.
    """

    deploy_role: DeployRoleSession
    bucket: str
    kms_key_arn: str
    region: str

    def used_as(self, deploy_role: DeployRoleSession) -> Store:
        """Return the same bucket, used as another role."""
        return replace(self, deploy_role=deploy_role)

    def artifact(self, digest: str) -> bytes | None:
        """Return an artifact's bytes; None if the bucket does not have it.

        Raises:
            StoreError: if the bytes have another digest, or cannot be read.
        """
        content = self._get(artifact_object_key(digest))
        if content is None:
            return None
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise StoreError(
                f"artifact {digest} in bucket {self.bucket} is damaged: its bytes have the SHA-256 "
                f"{found}; delete {artifact_object_key(digest)} there and run the command again"
            )
        return content

    def manifest(self, digest: str) -> Manifest | None:
        """Return the manifest of an artifact; None if the bucket does not have it.

        Raises:
            StoreError: if it is invalid, or cannot be read.
        """
        object_key = manifest_object_key(digest)
        content = self._get(object_key)
        try:
            return None if content is None else Manifest.from_json(content.decode())
        except ValueError as error:
            raise StoreError(f"{object_key} in bucket {self.bucket}: {error}") from None

    def put_artifact(self, digest: str, content: bytes) -> None:
        """Write an artifact, and read it back.

        Raises:
            StoreError: if it cannot be written, or what is read back is not the same.
        """
        self._put(artifact_object_key(digest), content, "application/zip")
        if self.artifact(digest) is None:
            raise StoreError(
                f"artifact {digest} is not in bucket {self.bucket} after its upload; run the "
                "command again"
            )

    def put_manifest(self, manifest: Manifest) -> None:
        """Write a manifest beside its artifact.

        Raises:
            StoreError: if it cannot be written.
        """
        object_key = manifest_object_key(manifest.digest)
        self._put(object_key, manifest.as_json().encode(), "application/json")

    def last_promotion(self, stage: str) -> Promotion | None:
        """Return the record of a stage's last promotion or rollback; None if there was none.

        Raises:
            StoreError: if it is invalid, or cannot be read.
        """
        object_key = _record_object_key(stage)
        content = self._get(object_key)
        try:
            return None if content is None else read_object(Promotion, content.decode())
        except ValueError as error:
            raise StoreError(f"{object_key} in bucket {self.bucket}: {error}") from None

    def record_promotion(self, stage: str, promotion: Promotion) -> None:
        """Replace the record of a stage's last promotion or rollback.

        Raises:
            StoreError: if it cannot be written.
        """
        content = json.dumps(asdict(promotion), indent=2) + "\n"
        self._put(_record_object_key(stage), content.encode(), "application/json")

    @property
    def _s3(self) -> S3Client:
        return self.deploy_role.session.client("s3", region_name=self.region)

    def _get(self, object_key: str) -> bytes | None:
        try:
            return self._s3.get_object(Bucket=self.bucket, Key=object_key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_FOUND:
                return None
            raise self._error("read", object_key, error) from None
        except BotoCoreError as error:
            raise self._error("read", object_key, error) from None

    def _put(self, object_key: str, content: bytes, content_type: str) -> None:
        try:
            self._s3.put_object(
                Bucket=self.bucket,
                Key=object_key,
                Body=content,
                ContentType=content_type,
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=self.kms_key_arn,
            )
        except (BotoCoreError, ClientError) as error:
            raise self._error("write", object_key, error) from None

    def _error(self, verb: str, object_key: str, error: Exception) -> StoreError:
        return StoreError(
            f"{self.deploy_role.identity} cannot {verb} {object_key} in bucket {self.bucket}: "
            f"{error}"
        )


def _record_object_key(stage: str) -> str:
    return f"promotions/{stage}.json"
