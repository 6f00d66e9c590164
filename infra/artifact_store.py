"""The artifact store of an account: its bucket, the bucket's KMS key, and the log of accesses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Output, ResourceOptions
from pulumi_aws import kms, s3

from infra.documents import to_json
from infra.limits import KMS_KEY_DELETION_WINDOW_DAYS
from infra.names import access_log_name
from infra.policies.key_policies import artifact_kms_key_policy
from infra.policies.resource_policies import bucket_policy, log_bucket_policy
from infra.private_bucket import PrivateBucket, PrivateBucketArgs

if TYPE_CHECKING:
    from infra.names import Location

# Log files are never overwritten; a deleted one can be restored for a week.
_LOG_VERSION_DAYS: Final = 7


@dataclass(frozen=True, kw_only=True)
class ArtifactStoreArgs:
    """Arguments of an artifact store.

    Attributes:
        location: The account and region.
        readers: Role ARN patterns of other accounts that may read artifacts.
        retention_days: Days that an overwritten or deleted artifact can still be restored.
        access_log_retention_days: Days that the log of accesses is kept.
        protect: Whether Pulumi refuses to delete the buckets and the KMS key. If not, a bucket is
            deleted with everything in it.
    """

    location: Location
    readers: tuple[str, ...]
    retention_days: int
    access_log_retention_days: int
    protect: bool


class ArtifactStore(pulumi.ComponentResource):
    """A bucket that accepts objects over TLS only, encrypted with its own KMS key only.

    A second bucket has the log of its accesses.

    Attributes:
        bucket: Name of the bucket.
        bucket_arn: ARN of the bucket.
        kms_key_arn: ARN of the KMS key.
    """

    bucket: Output[str]
    bucket_arn: Output[str]
    kms_key_arn: Output[str]

    def __init__(
        self, name: str, args: ArtifactStoreArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:ArtifactStore", name, None, opts)
        child = ResourceOptions(parent=self)
        kms_key = kms.Key(
            f"{name}-key",
            description="Encrypts the artifacts of ecs-run-task",
            deletion_window_in_days=KMS_KEY_DELETION_WINDOW_DAYS,
            enable_key_rotation=True,
            policy=to_json(artifact_kms_key_policy(args.location, args.readers)),
            opts=ResourceOptions(parent=self, protect=args.protect),
        )
        kms.Alias(f"{name}-alias", name=f"alias/{name}", target_key_id=kms_key.key_id, opts=child)
        artifacts = PrivateBucket(
            name,
            PrivateBucketArgs(
                policy=lambda arn: bucket_policy(arn, kms_key.arn, args.readers),
                kms_key_arn=kms_key.arn,
                object_days=None,
                version_days=args.retention_days,
                protect=args.protect,
                # The key goes last: without it, a bucket that could not be deleted is lost.
                before=[kms_key],
            ),
            child,
        )
        self._log_accesses(name, artifacts, args)
        self.bucket = artifacts.bucket
        self.bucket_arn = artifacts.arn
        self.kms_key_arn = kms_key.arn
        self.register_outputs(
            {
                "bucket": self.bucket,
                "bucketArn": self.bucket_arn,
                "kmsKeyArn": self.kms_key_arn,
            }
        )

    def _log_accesses(self, name: str, artifacts: PrivateBucket, args: ArtifactStoreArgs) -> None:
        logs = PrivateBucket(
            access_log_name(),
            PrivateBucketArgs(
                policy=lambda arn: log_bucket_policy(args.location, arn, artifacts.arn),
                # S3 delivers logs to no bucket whose default encryption is a KMS key.
                # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
                kms_key_arn=None,
                object_days=args.access_log_retention_days,
                version_days=_LOG_VERSION_DAYS,
                protect=args.protect,
            ),
            ResourceOptions(parent=self),
        )
        s3.BucketLogging(
            f"{name}-logging",
            bucket=artifacts.bucket,
            target_bucket=logs.bucket,
            target_prefix="",
            target_object_key_format={"partitioned_prefix": {"partition_date_source": "EventTime"}},
            # S3 delivers nothing until the log bucket's policy lets it.
            opts=ResourceOptions(parent=self, deleted_with=artifacts.resource, depends_on=[logs]),
        )
