"""A bucket as AWS recommends it: private, encrypted, and with an end of what is old."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import s3

from infra.documents import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from infra.policies.statements import Document

# The parts of an upload that broke off cost money and are of no use.
_ABANDONED_UPLOAD_DAYS: Final = 7


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs:
    """Arguments of a private bucket.

    Attributes:
        policy: Returns the bucket's policy for its ARN.
        kms_key_arn: ARN of the KMS key that encrypts objects; None for a key of S3.
        object_days: Days after which an object expires; None for never.
        version_days: Days that an overwritten or deleted object can still be restored; None for a
            bucket without versions.
        protect: Whether Pulumi refuses to delete the bucket. If not, it is deleted with all objects
            in it.
        before: What is created before the bucket, and deleted after it.
    """

    policy: Callable[[Output[str]], Document]
    kms_key_arn: Input[str] | None
    object_days: int | None
    version_days: int | None
    protect: bool
    before: Sequence[pulumi.Resource] = ()


class PrivateBucket(pulumi.ComponentResource):
    """A bucket that is closed to the public and whose owner owns every object.

    Attributes:
        bucket: Name of the bucket.
        arn: ARN of the bucket.
        resource: The bucket itself.
    """

    bucket: Output[str]
    arn: Output[str]
    resource: s3.Bucket

    def __init__(
        self, name: str, args: PrivateBucketArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:PrivateBucket", name, None, opts)
        self.resource = s3.Bucket(
            name,
            force_destroy=None if args.protect else True,
            opts=ResourceOptions(parent=self, protect=args.protect, depends_on=list(args.before)),
        )
        self.bucket = self.resource.bucket
        self.arn = self.resource.arn
        self._close(name, args)
        self._configure(name, args)
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})

    def _options(self, *depends_on: pulumi.Resource) -> ResourceOptions:
        # They go with the bucket, not before it: a bucket that AWS refuses to delete keeps them.
        return ResourceOptions(parent=self, deleted_with=self.resource, depends_on=list(depends_on))

    def _close(self, name: str, args: PrivateBucketArgs) -> None:
        public_access = s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=self.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self._options(),
        )
        s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=self.bucket,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=self._options(),
        )
        s3.BucketPolicy(
            f"{name}-policy",
            bucket=self.bucket,
            policy=to_json(args.policy(self.arn)),
            # S3 rejects two concurrent changes of a bucket's access.
            opts=self._options(public_access),
        )

    def _configure(self, name: str, args: PrivateBucketArgs) -> None:
        before: list[pulumi.Resource] = []
        if args.version_days is not None:
            before.append(
                s3.BucketVersioning(
                    f"{name}-versioning",
                    bucket=self.bucket,
                    versioning_configuration={"status": "Enabled"},
                    opts=self._options(),
                )
            )
        encryption: s3.BucketServerSideEncryptionConfigurationRuleArgsDict = (
            {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}
            if args.kms_key_arn is None
            else {
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms",
                    "kms_master_key_id": args.kms_key_arn,
                },
                # One data key for many objects: fewer KMS calls for the same protection.
                "bucket_key_enabled": True,
            }
        )
        s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption", bucket=self.bucket, rules=[encryption], opts=self._options()
        )
        rule: s3.BucketLifecycleConfigurationRuleArgsDict = {
            "id": "old-versions" if args.version_days is not None else "old-objects",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": _ABANDONED_UPLOAD_DAYS},
        }
        if args.version_days is not None:
            rule["noncurrent_version_expiration"] = {"noncurrent_days": args.version_days}
        if args.object_days is not None:
            rule["expiration"] = {"days": args.object_days}
        s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=self.bucket,
            rules=[rule],
            # Rules on noncurrent versions need versioning to be on.
            opts=self._options(*before),
        )
