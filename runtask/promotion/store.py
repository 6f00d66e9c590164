"""The artifact bucket of an account; every read and write is checked against the digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.artifact_keys import (
    ARTIFACTS,
    BUILDS,
    artifact_object_key,
    manifest_object_key,
    record_object_key,
    record_prefix,
    record_suffix,
)
from infra.manifest import MAX_MANIFEST_BYTES, Manifest
from runtask.errors import RuntaskError
from runtask.promotion.record import MAX_RECORD_BYTES, Promotion

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_s3 import S3Client

    from runtask.account import AccountSession

# Bytes of an artifact: Lambda's quota of an unzipped function, and an artifact is not compressed.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ARTIFACT_BYTES: Final = 250 * 1024 * 1024

_ARTIFACT_SUFFIX: Final = ".zip"

# Error codes of GetObject and HeadObject for an object that does not exist.
_NOT_FOUND: Final = ("NoSuchKey", "404")

# Error code of PutObject with `If-None-Match: *` for an object that exists.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_EXISTS: Final = "PreconditionFailed"


class StoreError(RuntaskError):
    """An artifact is missing or damaged, or cannot be read or written."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """The artifact bucket of one account, used as one role.

    Attributes:
        role: The session that reads and writes.
        bucket: The bucket's name.
        kms_key_arn: The key that encrypts what is written.
        region: The bucket's region.
    """

    role: AccountSession
    bucket: str
    kms_key_arn: str
    region: str

    def used_as(self, role: AccountSession) -> Store:
        """Return the same bucket, used as another role."""
        return replace(self, role=role)

    def folder(self, digest: str) -> str:
        """Return where the bucket has an artifact; empty if it has none.

        Only a role of the bucket's own account may ask: a role that may not list the bucket is not
        told of an object that does not exist.

        Raises:
            StoreError: if the role may not read it.
        """
        return next(
            (
                folder
                for folder in (ARTIFACTS, BUILDS)
                if self._exists(artifact_object_key(folder, digest))
            ),
            "",
        )

    def has_promoted(self, digest: str) -> bool:
        """Return whether an artifact is where a promotion writes it and deployments find it.

        Raises:
            StoreError: if its bytes have another digest, or cannot be read.
        """
        return self.artifact(ARTIFACTS, digest) is not None

    def artifact(self, folder: str, digest: str) -> bytes | None:
        """Return the bytes of an artifact; None if it is not there.

        Args:
            folder: `BUILDS` or `ARTIFACTS`.
            digest: The artifact's SHA-256.

        Raises:
            StoreError: if the bytes have another digest, or cannot be read.
        """
        object_key = artifact_object_key(folder, digest)
        content = self._get(object_key, MAX_ARTIFACT_BYTES)
        if content is None:
            return None
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise StoreError(
                f"artifact {digest} in bucket {self.bucket} is damaged: its bytes have the SHA-256 "
                f"{found}; as administrator delete {object_key} there, and run the command again"
            )
        return content

    def manifest(self, digest: str) -> Manifest | None:
        """Return the manifest of an artifact; None if the bucket does not have it.

        Of the two that there can be, the built one is newer: it is replaced when the sources are
        committed as they are, and the promoted one is written once.

        Raises:
            StoreError: if it is invalid or of another artifact, or cannot be read.
        """
        for folder in (BUILDS, ARTIFACTS):
            object_key = manifest_object_key(folder, digest)
            content = self._get(object_key, MAX_MANIFEST_BYTES)
            if content is not None:
                return self._parsed(object_key, content, digest)
        return None

    def put_artifact(self, digest: str, content: bytes) -> None:
        """Write a promoted artifact once, and read it back.

        Raises:
            StoreError: if it cannot be written, or what is read back is not the same.
        """
        self._put_once(artifact_object_key(ARTIFACTS, digest), content, "application/zip")
        if not self.has_promoted(digest):
            raise StoreError(
                f"artifact {digest} is not in bucket {self.bucket} after its upload; run the "
                "command again"
            )

    def put_manifest(self, manifest: Manifest) -> bool:
        """Write a manifest once beside its promoted artifact.

        Returns:
            Whether the bucket has this manifest now. One that was written before stays: it can be
            of the same artifact before its sources were committed.

        Raises:
            StoreError: if it cannot be written.
        """
        object_key = manifest_object_key(ARTIFACTS, manifest.digest)
        return self._put_once(object_key, manifest.as_json().encode(), "application/json")

    def last_promotion(self, stage: str, digest: str = "") -> Promotion | None:
        """Return the last record of a stage; None if there is none.

        Args:
            stage: The stage.
            digest: Only records of this artifact, which say that it was verified; empty for all.

        Raises:
            StoreError: if a record is invalid, or cannot be read.
        """
        for object_key in sorted(self._list(record_prefix(stage)), reverse=True):
            if not digest:
                return self._promotion(object_key)
            if object_key.endswith(record_suffix(digest)):
                promotion = self._promotion(object_key)
                if promotion.digest == digest and promotion.verified:
                    return promotion
        return None

    def promotions(self, stage: str, limit: int) -> list[Promotion]:
        """Return the last records of a stage, the newest first.

        Args:
            stage: The stage.
            limit: The most that are read.

        Raises:
            StoreError: if a record is invalid, or cannot be read.
        """
        object_keys = sorted(self._list(record_prefix(stage)), reverse=True)
        return [self._promotion(object_key) for object_key in object_keys[:limit]]

    def digests(self, prefix: str) -> list[str]:
        """Return the artifacts that the bucket has, by the first digits of their digests.

        Args:
            prefix: The first digits.

        Raises:
            StoreError: if the role may not list them.
        """
        found = {
            object_key.rpartition("/")[2].removesuffix(_ARTIFACT_SUFFIX)
            for folder in (ARTIFACTS, BUILDS)
            for object_key in self._list(f"{folder}/{prefix}")
            if object_key.endswith(_ARTIFACT_SUFFIX)
        }
        return sorted(found)

    def record_promotion(self, stage: str, promotion: Promotion, time: datetime) -> None:
        """Write the record of a promotion or a rollback, once.

        Args:
            stage: The stage that was deployed.
            promotion: The record.
            time: Its time, exactly enough to be unique.

        Raises:
            StoreError: if it cannot be written, or there is one of the same time.
        """
        object_key = record_object_key(stage, promotion.digest, time)
        content = promotion.as_json().encode()
        if not self._put_once(object_key, content, "application/json"):
            raise StoreError(
                f"{object_key} in bucket {self.bucket} is there already, and a record is written "
                "once; run the command again"
            )

    @property
    def _s3(self) -> S3Client:
        return self.role.session.client("s3", region_name=self.region)

    def _parsed(self, object_key: str, content: bytes, digest: str) -> Manifest:
        try:
            manifest = Manifest.from_json(content.decode())
        except ValueError as error:
            raise StoreError(f"{object_key} in bucket {self.bucket}: {error}") from None
        if manifest.digest != digest:
            raise StoreError(
                f"{object_key} in bucket {self.bucket}: digest: expected {digest}, found "
                f"{manifest.digest}; deploy the stage that built it again: pulumi up"
            )
        return manifest

    def _promotion(self, object_key: str) -> Promotion:
        content = self._get(object_key, MAX_RECORD_BYTES)
        if content is None:
            raise StoreError(f"{object_key} in bucket {self.bucket} was deleted meanwhile")
        try:
            return Promotion.from_json(content.decode())
        except ValueError as error:
            raise StoreError(f"{object_key} in bucket {self.bucket}: {error}") from None

    def _list(self, prefix: str) -> list[str]:
        """Return the keys of all objects below a prefix."""
        pages = self._s3.get_paginator("list_objects_v2")
        try:
            return [
                entry["Key"]
                for page in pages.paginate(Bucket=self.bucket, Prefix=prefix)
                for entry in page.get("Contents", [])
            ]
        except (BotoCoreError, ClientError) as error:
            raise self._error("list", prefix, error) from None

    def _exists(self, object_key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.bucket, Key=object_key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_FOUND:
                return False
            raise self._error("read", object_key, error) from None
        except BotoCoreError as error:
            raise self._error("read", object_key, error) from None
        return True

    def _get(self, object_key: str, max_bytes: int) -> bytes | None:
        """Return an object's bytes; None if there is no such object.

        Raises:
            StoreError: if it has more than `max_bytes`, or cannot be read.
        """
        try:
            answer = self._s3.get_object(Bucket=self.bucket, Key=object_key)
            if answer["ContentLength"] > max_bytes:
                raise StoreError(
                    f"{object_key} in bucket {self.bucket} has {answer['ContentLength']} bytes; "
                    f"expected at most {max_bytes}"
                )
            return answer["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in _NOT_FOUND:
                return None
            raise self._error("read", object_key, error) from None
        except BotoCoreError as error:
            raise self._error("read", object_key, error) from None

    def _put_once(self, object_key: str, content: bytes, content_type: str) -> bool:
        """Write an object unless there is one, and return whether it has this content then."""
        try:
            self._s3.put_object(
                Bucket=self.bucket,
                Key=object_key,
                Body=content,
                ContentType=content_type,
                IfNoneMatch="*",
                ServerSideEncryption="aws:kms",
                SSEKMSKeyId=self.kms_key_arn,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == _EXISTS:
                # It is the same if this command was interrupted, or repeated an unanswered request.
                return self._get(object_key, MAX_ARTIFACT_BYTES) == content
            raise self._error("write", object_key, error) from None
        except BotoCoreError as error:
            raise self._error("write", object_key, error) from None
        return True

    def _error(self, verb: str, object_key: str, error: Exception) -> StoreError:
        return StoreError(
            f"{self.role.identity} cannot {verb} {object_key} in bucket {self.bucket}: {error}"
        )
