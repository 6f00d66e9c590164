"""The artifact store of an account: the bucket that keeps every artifact, and its KMS key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import kms, s3

from infra.documents import to_json
from infra.limits import KMS_KEY_DELETION_WINDOW_DAYS
from infra.policies.resource_policies import artifact_kms_key_policy, bucket_policy

if TYPE_CHECKING:
    from infra.names import Location

# The parts of an upload that broke off cost money and are of no use.
_ABANDONED_UPLOAD_DAYS: Final = 7


@dataclass(frozen=True, kw_only=True)
class ArtifactStoreArgs:
    """Arguments of an artifact store.

    Attributes:
        location: The account and region.
        readers: Role ARN patterns of other accounts that may read artifacts.
        retention_days: Days that an overwritten or deleted artifact can still be restored.
        protect: Whether Pulumi refuses to delete bucket and KMS key. If not, a bucket is deleted
            with all artifacts in it.
    """

    location: Location
    readers: tuple[str, ...]
    retention_days: int
    protect: bool


class ArtifactStore(pulumi.ComponentResource):
    """A versioned bucket that accepts objects over TLS only, encrypted with its own KMS key only.

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
        protected = ResourceOptions(parent=self, protect=args.protect)
        kms_key = kms.Key(
            f"{name}-key",
            description="Encrypts the artifacts of ecs-run-task",
            deletion_window_in_days=KMS_KEY_DELETION_WINDOW_DAYS,
            enable_key_rotation=True,
            policy=to_json(artifact_kms_key_policy(args.location, args.readers)),
            opts=protected,
        )
        kms.Alias(f"{name}-alias", name=f"alias/{name}", target_key_id=kms_key.key_id, opts=child)
        bucket = s3.Bucket(
            name,
            force_destroy=None if args.protect else True,
            # The key goes last: without it, a bucket that could not be deleted is lost.
            opts=ResourceOptions.merge(protected, ResourceOptions(depends_on=[kms_key])),
        )
        self._secure(name, bucket, kms_key.arn, args)
        self.bucket = bucket.bucket
        self.bucket_arn = bucket.arn
        self.kms_key_arn = kms_key.arn
        self.register_outputs(
            {
                "bucket": self.bucket,
                "bucketArn": self.bucket_arn,
                "kmsKeyArn": self.kms_key_arn,
            }
        )

    def _secure(
        self, name: str, bucket: s3.Bucket, kms_key_arn: Input[str], args: ArtifactStoreArgs
    ) -> None:
        # They go with the bucket, not before it: a bucket that AWS refuses to delete keeps them.
        child = ResourceOptions(parent=self, deleted_with=bucket)
        public_access = s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.bucket,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=child,
        )
        versioning = s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.bucket,
            versioning_configuration={"status": "Enabled"},
            opts=child,
        )
        s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": kms_key_arn,
                    },
                    # One data key for many objects: fewer KMS calls for the same protection.
                    "bucket_key_enabled": True,
                }
            ],
            opts=child,
        )
        s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=[
                {
                    "id": "old-versions",
                    "status": "Enabled",
                    "filter": {"prefix": ""},
                    "noncurrent_version_expiration": {"noncurrent_days": args.retention_days},
                    "abort_incomplete_multipart_upload": {
                        "days_after_initiation": _ABANDONED_UPLOAD_DAYS
                    },
                }
            ],
            # Rules on noncurrent versions need versioning to be on.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[versioning])),
        )
        s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=to_json(bucket_policy(bucket.arn, kms_key_arn, args.readers)),
            # S3 rejects two concurrent changes of a bucket's access.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[public_access])),
        )
