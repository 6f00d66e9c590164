"""An account's artifact bucket, read and written with the digest in hand."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from infra.bundle import artifact_object_key
from infra.manifest import Manifest, manifest_object_key
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from runtask.promotion.access import DeployRoleSession

_GONE = ("NoSuchKey", "404")


class StoreError(RuntaskError):
    """An artifact is missing, damaged, or cannot be read or written."""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The last time that a stage's artifact was changed by a promotion."""

    digest: str
    previous: str
    source: str
    commit: str
    time: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Store:
    """The artifact bucket of one account, as one role sees it."""

    deployer: DeployRoleSession
    bucket: str
    key_arn: str
    region: str

    def seen_by(self, deployer: DeployRoleSession) -> Store:
        """Return the same bucket as another role sees it."""
        return replace(self, deployer=deployer)

    def artifact(self, digest: str) -> bytes | None:
        """Return an artifact's bytes, checked; None if the bucket has none of that digest.

        Raises:
            StoreError: if its bytes are not what its name says, or it cannot be read.
        """
        content = self._get(artifact_object_key(digest))
        if content is None:
            return None
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise StoreError(
                f"artifact {digest} in bucket {self.bucket} is damaged: its bytes have the SHA-256 "
                f"{found}; delete {artifact_object_key(digest)} there and run this again"
            )
        return content

    def manifest(self, digest: str) -> Manifest | None:
        """Return what an artifact was made of; None if nothing tells.

        Raises:
            StoreError: if it cannot be read.
        """
        content = self._get(manifest_object_key(digest))
        try:
            return None if content is None else Manifest.from_json(content.decode())
        except ValueError as error:
            raise StoreError(f"{manifest_object_key(digest)} in {self.bucket}: {error}") from None

    def put_artifact(self, digest: str, content: bytes) -> None:
        """Write an artifact, and read it again to be sure.

        Raises:
            StoreError: if what is there afterwards is something else.
        """
        self._put(artifact_object_key(digest), content, "application/zip")
        if self.artifact(digest) is None:
            raise StoreError(f"artifact {digest} is not in bucket {self.bucket} after its upload")

    def put_manifest(self, manifest: Manifest) -> None:
        """Write a manifest beside its artifact."""
        key = manifest_object_key(manifest.digest)
        self._put(key, manifest.as_json().encode(), "application/json")

    def last_promotion(self, stage: str) -> Promotion | None:
        """Return the record of a stage's last promotion; None if there was none."""
        content = self._get(_record_key(stage))
        return None if content is None else Promotion(**json.loads(content))

    def record_promotion(self, stage: str, promotion: Promotion) -> None:
        """Keep the record of a promotion."""
        content = json.dumps(asdict(promotion), indent=2) + "\n"
        self._put(_record_key(stage), content.encode(), "application/json")

    @property
    def _s3(self) -> S3Client:
        return self.deployer.session.client("s3", region_name=self.region)

    def _get(self, key: str) -> bytes | None:
        try:
            return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise self._refused("read", key, error) from None
        except BotoCoreError as error:
            raise self._refused("read", key, error) from None

    def _put(self, key: str, content: bytes, kind: str) -> None:
        try:
            self._s3.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=kind,
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=self.key_arn,
            )
        except (BotoCoreError, ClientError) as error:
            raise self._refused("write", key, error) from None

    def _refused(self, what: str, key: str, error: Exception) -> StoreError:
        return StoreError(
            f"{self.deployer.identity} cannot {what} {key} in bucket {self.bucket}: {error}"
        )


def _record_key(stage: str) -> str:
    return f"promotions/{stage}.json"
