"""The bucket that payloads are passed to tasks by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import Input, Output, ResourceOptions

from infra.names import payload_bucket_name
from infra.policies.outcome_policies import payload_bucket_policy
from infra.private_bucket import PrivateBucket, PrivateBucketArgs

if TYPE_CHECKING:
    from infra.config import FunctionConfig


@dataclass(frozen=True, kw_only=True)
class PayloadBucketArgs:
    """Arguments of a payload bucket.

    Attributes:
        config: The stage's configuration.
        kms_key: The KMS key that encrypts payloads.
        kms_key_arn: Its ARN.
        function_role_arn: ARN of the function's role, which alone writes payloads.
    """

    config: FunctionConfig
    kms_key: pulumi.Resource
    kms_key_arn: Input[str]
    function_role_arn: Input[str]


class PayloadBucket(pulumi.ComponentResource):
    """A private bucket whose objects expire. It has no versions, so what expired is gone.

    Nothing is lost with an old version: an object's name has the hash of its content.

    Attributes:
        bucket: Name of the bucket.
        arn: ARN of the bucket.
    """

    bucket: Output[str]
    arn: Output[str]

    def __init__(
        self, name: str, args: PayloadBucketArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:PayloadBucket", name, None, opts)
        config = args.config
        payloads = PrivateBucket(
            payload_bucket_name(config.stage),
            PrivateBucketArgs(
                policy=lambda arn: payload_bucket_policy(
                    arn, args.kms_key_arn, args.function_role_arn, config.task_roles
                ),
                kms_key_arn=args.kms_key_arn,
                object_days=config.payload_retention_days,
                version_days=None,
                protect=config.protect,
                before=[args.kms_key],
            ),
            ResourceOptions(parent=self),
        )
        self.bucket = payloads.bucket
        self.arn = payloads.arn
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})
