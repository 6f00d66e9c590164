"""The artifact store of an account: a bucket that keeps every artifact, and the key it uses."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import kms, s3

from infra.limits import KEY_DELETION_WINDOW_DAYS
from infra.names import PREFIX, Location
from infra.policies.resources import artifact_key_policy, bucket_policy

# Parts of an upload that broke off are of no use to anybody.
_ABANDONED_UPLOAD_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class ArtifactStoreArgs:
    """What an artifact store is made of."""

    location: Location
    readers: tuple[str, ...]
    retention_days: int


class ArtifactStore(pulumi.ComponentResource):
    """A versioned, encrypted bucket that only TLS and only its own key can write to."""

    bucket: Output[str]
    bucket_arn: Output[str]
    key_arn: Output[str]

    def __init__(
        self, name: str, args: ArtifactStoreArgs, opts: ResourceOptions | None = None
    ) -> None:
        """Make the store; `name` is the prefix of its children's names."""
        super().__init__("ecs-run-task:index:ArtifactStore", name, None, opts)
        child = ResourceOptions(parent=self)
        key = kms.Key(
            f"{name}-key",
            description=f"{name}: artifacts",
            deletion_window_in_days=KEY_DELETION_WINDOW_DAYS,
            enable_key_rotation=True,
            policy=Output.json_dumps(artifact_key_policy(args.location, args.readers)),
            opts=child,
        )
        kms.Alias(f"{name}-alias", name=f"alias/{name}", target_key_id=key.key_id, opts=child)
        bucket = s3.Bucket(name, opts=child)
        self._guard(name, bucket, key.arn, args, child)
        self.bucket = bucket.bucket
        self.bucket_arn = bucket.arn
        self.key_arn = key.arn
        self.register_outputs(
            {"bucket": self.bucket, "bucketArn": self.bucket_arn, "keyArn": self.key_arn}
        )

    def _guard(
        self,
        name: str,
        bucket: s3.Bucket,
        key: Input[str],
        args: ArtifactStoreArgs,
        child: ResourceOptions,
    ) -> None:
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
                        "kms_master_key_id": key,
                    },
                    # One data key for many objects: fewer calls to KMS, the same protection.
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
            opts=ResourceOptions(parent=self, depends_on=[versioning]),
        )
        s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=Output.json_dumps(bucket_policy(bucket.arn, key, args.readers)),
            # AWS refuses two changes of a bucket's access at once.
            opts=ResourceOptions(parent=self, depends_on=[public_access]),
        )


def artifact_store_name() -> str:
    """Return the prefix of the names of an account's artifact store."""
    return f"{PREFIX}artifacts"
