"""What the deploy role may do to the resources for what follows a launch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.names import PREFIX, payload_buckets
from infra.policies.statements import Statement, allow

if TYPE_CHECKING:
    from infra.names import Location


def outcome_resources(location: Location) -> tuple[Statement, ...]:
    """Return the statements on rules, event buses, dashboards and payload buckets.

    The events of a whole account pass its default bus. A rule sends them to a queue of the kit and
    nowhere else.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html
    """
    rules = location.arn("events", f"rule/{PREFIX}*")
    return (
        allow(
            "Events",
            [
                "events:CreateEventBus",
                "events:DeleteEventBus",
                "events:DeleteRule",
                "events:DescribeEventBus",
                "events:DescribeRule",
                "events:ListTagsForResource",
                "events:ListTargetsByRule",
                "events:PutRule",
                "events:RemoveTargets",
                "events:TagResource",
                "events:UntagResource",
                "events:UpdateEventBus",
            ],
            resources=[location.arn("events", f"event-bus/{PREFIX}*"), rules],
        ),
        allow(
            "Targets",
            ["events:PutTargets"],
            resources=[rules],
            conditions={
                "ForAllValues:ArnLike": {"events:TargetArn": location.arn("sqs", f"{PREFIX}*")},
                "Null": {"events:TargetArn": "false"},
            },
        ),
        allow(
            "Dashboards",
            ["cloudwatch:DeleteDashboards", "cloudwatch:GetDashboard", "cloudwatch:PutDashboard"],
            resources=[
                f"arn:{location.partition}:cloudwatch::{location.account}:dashboard/{PREFIX}*"
            ],
        ),
        allow(
            "PayloadBuckets",
            [
                "s3:CreateBucket",
                "s3:DeleteBucket",
                "s3:DeleteBucketPolicy",
                "s3:GetAccelerateConfiguration",
                "s3:GetBucketAcl",
                "s3:GetBucketCORS",
                "s3:GetBucketLogging",
                "s3:GetBucketObjectLockConfiguration",
                "s3:GetBucketOwnershipControls",
                "s3:GetBucketPolicy",
                "s3:GetBucketPublicAccessBlock",
                *("s3:GetBucketRequestPayment", "s3:GetBucketTagging"),
                *("s3:GetBucketVersioning", "s3:GetBucketWebsite"),
                *("s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration"),
                *("s3:GetReplicationConfiguration", "s3:ListBucket"),
                "s3:ListBucketVersions",
                "s3:ListTagsForResource",
                "s3:PutBucketOwnershipControls",
                "s3:PutBucketPolicy",
                "s3:PutBucketPublicAccessBlock",
                "s3:PutBucketTagging",
                "s3:PutEncryptionConfiguration",
                "s3:PutLifecycleConfiguration",
                "s3:TagResource",
                "s3:UntagResource",
            ],
            resources=[payload_buckets(location)],
        ),
        allow(
            # A bucket that is no longer protected is emptied before it is deleted.
            "EmptyPayloadBuckets",
            ["s3:DeleteObject", "s3:DeleteObjectVersion"],
            resources=[f"{payload_buckets(location)}/*"],
        ),
    )
