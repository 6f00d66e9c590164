"""The calls that the AWS provider makes for each resource type, as the IAM actions they ask for.

Two sources: the source of terraform-provider-aws, version 6 (which pulumi-aws 7 wraps), folder
`internal/service`; and a run of all four stacks through the Pulumi CLI against the embedded AWS
with the provider's own code, in which every call was recorded.

The provider reads after it creates and after it updates a resource, and on `pulumi refresh`. A
second `pulumi up` without changes reads nothing. Deleting a resource reads as well: until it is
gone, or to find what it depends on.

An action is not always named like the API call; `API_NAMES` lists the differences. Some actions are
no call of their own: tags set by a call that creates ask for the tagging action, a role that is
handed over for `iam:PassRole`, and a function's KMS key for `kms:CreateGrant` and `kms:Encrypt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The API call behind an action that is named otherwise.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
API_NAMES: Final[Mapping[str, str]] = {
    "s3:GetAccelerateConfiguration": "GetBucketAccelerateConfiguration",
    "s3:GetBucketCORS": "GetBucketCors",
    "s3:GetBucketObjectLockConfiguration": "GetObjectLockConfiguration",
    "s3:GetBucketPublicAccessBlock": "GetPublicAccessBlock",
    "s3:GetEncryptionConfiguration": "GetBucketEncryption",
    "s3:GetLifecycleConfiguration": "GetBucketLifecycleConfiguration",
    "s3:GetObject": "HeadObject",
    "s3:GetReplicationConfiguration": "GetBucketReplication",
    "s3:ListBucket": "HeadBucket",
    "s3:PutBucketPublicAccessBlock": "PutPublicAccessBlock",
    "s3:PutEncryptionConfiguration": "PutBucketEncryption",
    "s3:PutLifecycleConfiguration": "PutBucketLifecycleConfiguration",
}


@dataclass(frozen=True, kw_only=True)
class ProviderCalls:
    """The IAM actions of one resource type.

    Attributes:
        create: To create it, besides the reads that follow.
        read: After creating and updating, and on refresh.
        update: To change it, besides the reads that follow; also to tag and untag it.
        delete: To delete it, reads included.
    """

    create: tuple[str, ...]
    read: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()

    @property
    def actions(self) -> frozenset[str]:
        """All actions that a role needs that creates, changes and deletes such resources."""
        return frozenset((*self.create, *self.read, *self.update, *self.delete))


# What the provider does before anything else: assume the roles, then compare the account.
PROVIDER_ACTIONS: Final = ("sts:AssumeRole", "sts:GetCallerIdentity")

PROVIDER_CALLS: Final[Mapping[str, ProviderCalls]] = {
    "aws:cloudwatch/dashboard:Dashboard": ProviderCalls(
        create=("cloudwatch:PutDashboard",),
        read=("cloudwatch:GetDashboard",),
        update=("cloudwatch:PutDashboard",),
        delete=("cloudwatch:DeleteDashboards",),
    ),
    "aws:cloudwatch/eventBus:EventBus": ProviderCalls(
        create=("events:CreateEventBus", "events:TagResource"),
        read=("events:DescribeEventBus", "events:ListTagsForResource"),
        update=("events:TagResource", "events:UntagResource", "events:UpdateEventBus"),
        delete=("events:DeleteEventBus",),
    ),
    "aws:cloudwatch/eventRule:EventRule": ProviderCalls(
        create=("events:PutRule", "events:TagResource"),
        read=("events:DescribeRule", "events:ListTagsForResource"),
        update=("events:PutRule", "events:TagResource", "events:UntagResource"),
        delete=("events:DeleteRule",),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": ProviderCalls(
        create=("events:PutTargets",),
        read=("events:ListTargetsByRule",),
        update=("events:PutTargets",),
        delete=("events:RemoveTargets",),
    ),
    "aws:cloudwatch/logGroup:LogGroup": ProviderCalls(
        create=("logs:CreateLogGroup", "logs:TagResource", "logs:PutRetentionPolicy"),
        read=("logs:DescribeLogGroups", "logs:ListTagsForResource"),
        update=(
            "logs:AssociateKmsKey",
            "logs:DeleteRetentionPolicy",
            "logs:DisassociateKmsKey",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
            "logs:UntagResource",
        ),
        delete=("logs:DeleteLogGroup",),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ProviderCalls(
        create=("cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"),
        read=("cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"),
        update=(
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
        ),
        delete=("cloudwatch:DeleteAlarms",),
    ),
    "aws:dynamodb/table:Table": ProviderCalls(
        create=(
            "dynamodb:CreateTable",
            "dynamodb:TagResource",
            "dynamodb:UpdateContinuousBackups",
            "dynamodb:UpdateTimeToLive",
        ),
        read=(
            "dynamodb:DescribeContinuousBackups",
            "dynamodb:DescribeTable",
            "dynamodb:DescribeTimeToLive",
            "dynamodb:ListTagsOfResource",
        ),
        update=(
            "dynamodb:TagResource",
            "dynamodb:UntagResource",
            "dynamodb:UpdateContinuousBackups",
            "dynamodb:UpdateTable",
            "dynamodb:UpdateTimeToLive",
        ),
        delete=("dynamodb:DeleteTable", "dynamodb:DescribeTable"),
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ProviderCalls(
        create=("iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"),
        read=("iam:GetOpenIDConnectProvider",),
        update=(
            "iam:AddClientIDToOpenIDConnectProvider",
            "iam:RemoveClientIDFromOpenIDConnectProvider",
            "iam:TagOpenIDConnectProvider",
            "iam:UntagOpenIDConnectProvider",
            "iam:UpdateOpenIDConnectProviderThumbprint",
        ),
        delete=("iam:DeleteOpenIDConnectProvider",),
    ),
    "aws:iam/policy:Policy": ProviderCalls(
        create=("iam:CreatePolicy", "iam:TagPolicy"),
        read=("iam:GetPolicy", "iam:GetPolicyVersion"),
        update=(
            "iam:CreatePolicyVersion",
            "iam:DeletePolicyVersion",
            "iam:ListPolicyVersions",
            "iam:TagPolicy",
            "iam:UntagPolicy",
        ),
        delete=("iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:ListPolicyVersions"),
    ),
    "aws:iam/role:Role": ProviderCalls(
        create=("iam:CreateRole", "iam:TagRole"),
        read=(
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
        ),
        update=(
            "iam:PutRolePermissionsBoundary",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRole",
            "iam:UpdateRoleDescription",
        ),
        delete=("iam:DeleteRole", "iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"),
    ),
    "aws:iam/rolePolicy:RolePolicy": ProviderCalls(
        create=("iam:PutRolePolicy",),
        read=("iam:GetRolePolicy",),
        update=("iam:PutRolePolicy",),
        delete=("iam:DeleteRolePolicy",),
    ),
    # An alias is authorised on itself and on its key.
    "aws:kms/alias:Alias": ProviderCalls(
        create=("kms:CreateAlias",),
        read=("kms:ListAliases",),
        update=("kms:UpdateAlias",),
        delete=("kms:DeleteAlias",),
    ),
    "aws:kms/key:Key": ProviderCalls(
        create=("kms:CreateKey", "kms:TagResource", "kms:EnableKeyRotation"),
        read=(
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListResourceTags",
        ),
        update=(
            "kms:EnableKeyRotation",
            "kms:PutKeyPolicy",
            "kms:TagResource",
            "kms:UntagResource",
            "kms:UpdateKeyDescription",
        ),
        delete=("kms:DescribeKey", "kms:ScheduleKeyDeletion"),
    ),
    "aws:lambda/alias:Alias": ProviderCalls(
        create=("lambda:CreateAlias",),
        read=("lambda:GetAlias",),
        update=("lambda:UpdateAlias",),
        delete=("lambda:DeleteAlias",),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": ProviderCalls(
        create=("lambda:CreateEventSourceMapping", "lambda:TagResource"),
        read=("lambda:GetEventSourceMapping", "lambda:ListTags"),
        update=(
            "lambda:TagResource",
            "lambda:UntagResource",
            "lambda:UpdateEventSourceMapping",
        ),
        # Until it is not found: then no condition on `lambda:FunctionArn` holds.
        delete=("lambda:DeleteEventSourceMapping", "lambda:GetEventSourceMapping"),
    ),
    "aws:lambda/function:Function": ProviderCalls(
        create=(
            "lambda:CreateFunction",
            "lambda:TagResource",
            "iam:PassRole",
            "kms:CreateGrant",
            "kms:Encrypt",
            "s3:GetObject",
        ),
        read=(
            "lambda:GetFunction",
            "lambda:GetFunctionCodeSigningConfig",
            "lambda:ListVersionsByFunction",
        ),
        update=(
            "lambda:GetFunctionConfiguration",
            "lambda:PublishVersion",
            "lambda:TagResource",
            "lambda:UntagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "iam:PassRole",
            "kms:CreateGrant",
            "kms:Encrypt",
            "s3:GetObject",
        ),
        delete=("lambda:DeleteFunction",),
    ),
    "aws:s3/bucket:Bucket": ProviderCalls(
        create=("s3:CreateBucket", "s3:PutBucketTagging"),
        read=(
            "s3:GetAccelerateConfiguration",
            "s3:GetBucketAcl",
            "s3:GetBucketCORS",
            "s3:GetBucketLogging",
            "s3:GetBucketObjectLockConfiguration",
            "s3:GetBucketPolicy",
            "s3:GetBucketRequestPayment",
            "s3:GetBucketTagging",
            "s3:GetBucketVersioning",
            "s3:GetBucketWebsite",
            "s3:GetEncryptionConfiguration",
            "s3:GetLifecycleConfiguration",
            "s3:GetReplicationConfiguration",
            "s3:ListBucket",
            # Since 6.23 tags are read and written through S3 Control.
            "s3:ListTagsForResource",
        ),
        update=("s3:PutBucketTagging", "s3:TagResource", "s3:UntagResource"),
        # The last three only with the input `forceDestroy`.
        delete=(
            "s3:DeleteBucket",
            "s3:ListBucket",
            "s3:DeleteObject",
            "s3:DeleteObjectVersion",
            "s3:ListBucketVersions",
        ),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ProviderCalls(
        create=("s3:PutLifecycleConfiguration",),
        read=("s3:GetLifecycleConfiguration",),
        update=("s3:PutLifecycleConfiguration",),
        # IAM has no action of its own for DeleteBucketLifecycle.
        delete=("s3:PutLifecycleConfiguration",),
    ),
    "aws:s3/bucketLogging:BucketLogging": ProviderCalls(
        create=("s3:PutBucketLogging",),
        read=("s3:GetBucketLogging",),
        update=("s3:PutBucketLogging",),
        delete=("s3:PutBucketLogging",),
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": ProviderCalls(
        create=("s3:PutObject", "s3:PutObjectTagging"),
        read=("s3:GetObject", "s3:GetObjectTagging"),
        update=("s3:PutObject", "s3:PutObjectTagging"),
        # Those of the program are retained.
        delete=(),
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ProviderCalls(
        create=("s3:PutBucketOwnershipControls",),
        read=("s3:GetBucketOwnershipControls",),
        update=("s3:PutBucketOwnershipControls",),
        delete=("s3:PutBucketOwnershipControls",),
    ),
    "aws:s3/bucketPolicy:BucketPolicy": ProviderCalls(
        create=("s3:PutBucketPolicy",),
        read=("s3:GetBucketPolicy",),
        update=("s3:PutBucketPolicy",),
        delete=("s3:DeleteBucketPolicy",),
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ProviderCalls(
        create=("s3:PutBucketPublicAccessBlock",),
        read=("s3:GetBucketPublicAccessBlock",),
        update=("s3:PutBucketPublicAccessBlock",),
        delete=("s3:PutBucketPublicAccessBlock",),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        ProviderCalls(
            create=("s3:PutEncryptionConfiguration",),
            read=("s3:GetEncryptionConfiguration",),
            update=("s3:PutEncryptionConfiguration",),
            delete=("s3:PutEncryptionConfiguration",),
        )
    ),
    "aws:s3/bucketVersioning:BucketVersioning": ProviderCalls(
        create=("s3:PutBucketVersioning",),
        read=("s3:GetBucketVersioning",),
        update=("s3:PutBucketVersioning",),
        delete=("s3:PutBucketVersioning",),
    ),
    "aws:sns/topic:Topic": ProviderCalls(
        create=("sns:CreateTopic", "sns:TagResource", "sns:SetTopicAttributes"),
        read=("sns:GetTopicAttributes", "sns:ListTagsForResource"),
        update=("sns:SetTopicAttributes", "sns:TagResource", "sns:UntagResource"),
        delete=("sns:DeleteTopic",),
    ),
    # Deleting one puts the default policy back.
    "aws:sns/topicPolicy:TopicPolicy": ProviderCalls(
        create=("sns:SetTopicAttributes",),
        read=("sns:GetTopicAttributes",),
        update=("sns:SetTopicAttributes",),
        delete=("sns:SetTopicAttributes",),
    ),
    "aws:sns/topicSubscription:TopicSubscription": ProviderCalls(
        create=("sns:Subscribe",),
        read=("sns:GetSubscriptionAttributes",),
        update=("sns:SetSubscriptionAttributes",),
        delete=("sns:GetSubscriptionAttributes", "sns:Unsubscribe"),
    ),
    "aws:sqs/queue:Queue": ProviderCalls(
        create=("sqs:CreateQueue", "sqs:TagQueue"),
        read=("sqs:GetQueueAttributes", "sqs:ListQueueTags"),
        update=("sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"),
        delete=("sqs:DeleteQueue", "sqs:GetQueueAttributes"),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": ProviderCalls(
        create=("sqs:SetQueueAttributes",),
        read=("sqs:GetQueueAttributes",),
        update=("sqs:SetQueueAttributes",),
        delete=("sqs:GetQueueAttributes", "sqs:SetQueueAttributes"),
    ),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": ProviderCalls(
        create=("sqs:SetQueueAttributes",),
        read=("sqs:GetQueueAttributes",),
        update=("sqs:SetQueueAttributes",),
        delete=("sqs:GetQueueAttributes", "sqs:SetQueueAttributes"),
    ),
}
