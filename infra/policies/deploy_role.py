"""The deploy role's permissions: what it may do in one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.artifact_keys import ARTIFACTS, BUILDS, PROMOTIONS
from infra.names import (
    KMS_KEY_TAGS,
    PREFIX,
    PROMOTED_FROM,
    ROLE_PATH,
    WRITTEN_ONCE,
    Location,
    artifact_store_name,
)
from infra.policies.deploy_outcomes import outcome_resources
from infra.policies.statements import Document, Statement, allow, document, under

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import Input

# For actions that cannot be limited to a resource; a condition limits them where they have one.
# https://docs.aws.amazon.com/service-authorization/latest/reference/
_ANY_RESOURCE: Final = "*"


@dataclass(frozen=True, kw_only=True)
class DeployGrants:
    """The resources that a deploy role may use.

    Attributes:
        location: The account and region that the role is limited to.
        boundary_arn: ARN of the permissions boundary that every role it creates must have.
        artifact_bucket_arn: ARN of the artifact bucket.
        artifact_kms_key_arn: ARN of the KMS key that artifacts are encrypted with.
        artifact_sources: Accounts and regions whose artifacts may be read, to promote them.
        email_subscribers: Whether failure topics may have email subscribers.
        own_arn: ARN of the deploy role, if it must be able to assume itself; else empty.
    """

    location: Location
    boundary_arn: Input[str]
    artifact_bucket_arn: Input[str]
    artifact_kms_key_arn: Input[str]
    artifact_sources: Sequence[Location] = ()
    email_subscribers: bool = False
    own_arn: str = ""


def deploy_policy(grants: DeployGrants) -> Document:
    """Return the deploy role's permissions: to manage the kit's resources, and nothing else."""
    location = grants.location
    roles = location.iam_arn(f"role{ROLE_PATH}{PREFIX}*")
    functions = location.arn("lambda", f"function:{PREFIX}*")
    return document(
        allow(
            "Queues",
            [
                "sqs:CreateQueue",
                "sqs:DeleteQueue",
                "sqs:GetQueueAttributes",
                "sqs:ListQueueTags",
                "sqs:SetQueueAttributes",
                "sqs:TagQueue",
                "sqs:UntagQueue",
            ],
            resources=[location.arn("sqs", f"{PREFIX}*")],
        ),
        allow(
            "Topics",
            [
                "sns:CreateTopic",
                "sns:DeleteTopic",
                "sns:GetTopicAttributes",
                "sns:ListTagsForResource",
                "sns:SetTopicAttributes",
                "sns:TagResource",
                "sns:UntagResource",
            ],
            resources=[location.arn("sns", f"{PREFIX}*")],
        ),
        *(_email_subscribers(location) if grants.email_subscribers else ()),
        allow(
            "Tables",
            [
                "dynamodb:CreateTable",
                "dynamodb:DeleteTable",
                "dynamodb:DescribeContinuousBackups",
                "dynamodb:DescribeTable",
                "dynamodb:DescribeTimeToLive",
                "dynamodb:ListTagsOfResource",
                "dynamodb:TagResource",
                "dynamodb:UntagResource",
                "dynamodb:UpdateContinuousBackups",
                "dynamodb:UpdateTable",
                "dynamodb:UpdateTimeToLive",
            ],
            resources=[location.arn("dynamodb", f"table/{PREFIX}*")],
        ),
        allow(
            "Alarms",
            [
                "cloudwatch:DeleteAlarms",
                "cloudwatch:ListTagsForResource",
                "cloudwatch:PutMetricAlarm",
                "cloudwatch:TagResource",
                "cloudwatch:UntagResource",
            ],
            resources=[location.arn("cloudwatch", f"alarm:{PREFIX}*")],
        ),
        *outcome_resources(location),
        allow(
            "LogGroups",
            [
                "logs:AssociateKmsKey",
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DeleteRetentionPolicy",
                "logs:DisassociateKmsKey",
                "logs:ListTagsForResource",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
                "logs:UntagResource",
            ],
            resources=[
                location.arn("logs", f"log-group:/aws/lambda/{PREFIX}*"),
                location.arn("logs", f"log-group:/aws/lambda/{PREFIX}*:*"),
            ],
        ),
        allow(
            "Functions",
            [
                "lambda:CreateAlias",
                "lambda:CreateFunction",
                "lambda:DeleteAlias",
                "lambda:DeleteFunction",
                "lambda:GetAlias",
                "lambda:GetFunction",
                "lambda:GetFunctionCodeSigningConfig",
                "lambda:GetFunctionConfiguration",
                "lambda:ListTags",
                "lambda:ListVersionsByFunction",
                "lambda:PublishVersion",
                "lambda:TagResource",
                "lambda:UntagResource",
                "lambda:UpdateAlias",
                "lambda:UpdateFunctionCode",
                "lambda:UpdateFunctionConfiguration",
            ],
            resources=[functions, f"{functions}:*"],
        ),
        allow(
            "EventSourceMappings",
            [
                "lambda:CreateEventSourceMapping",
                "lambda:DeleteEventSourceMapping",
                "lambda:UpdateEventSourceMapping",
            ],
            resources=[_ANY_RESOURCE],
            conditions={"ArnLike": {"lambda:FunctionArn": [functions, f"{functions}:*"]}},
        ),
        allow(
            # The AWS provider reads a deleted mapping until it is not found. It has no function
            # then, so a condition on the function would fail.
            "EventSourceMappingReads",
            ["lambda:GetEventSourceMapping"],
            resources=[location.arn("lambda", "event-source-mapping:*")],
        ),
        allow(
            "EventSourceMappingTags",
            ["lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"],
            resources=[location.arn("lambda", "event-source-mapping:*")],
        ),
        allow(
            "Roles",
            [
                "iam:DeleteRole",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:ListAttachedRolePolicies",
                "iam:ListInstanceProfilesForRole",
                "iam:ListRolePolicies",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            resources=[roles],
        ),
        allow(
            "RolesWithinBoundary",
            [
                "iam:CreateRole",
                "iam:DeleteRolePolicy",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
            ],
            resources=[roles],
            conditions={"StringEquals": {"iam:PermissionsBoundary": grants.boundary_arn}},
        ),
        allow(
            "PassRolesToLambda",
            ["iam:PassRole"],
            resources=[roles],
            conditions={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        ),
        allow(
            "CreateKmsKeys",
            ["kms:CreateKey"],
            resources=[_ANY_RESOURCE],
            conditions={"StringEquals": _requested_tags()},
        ),
        allow(
            # Part of CreateKey. It gives no power over a key, because no right depends on a tag:
            # what the role may do to a key is in the key's own policy, see `stage_kms_key_policy`.
            "TagKmsKeys",
            ["kms:TagResource"],
            resources=[location.arn("kms", "key/*")],
            conditions={"StringEquals": _requested_tags()},
        ),
        allow(
            "KmsAliases",
            ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            resources=[location.arn("kms", f"alias/{PREFIX}*")],
        ),
        allow(
            # The AWS provider finds aliases and log groups by listing all of them. To describe an
            # alarm needs the action on all: the name could be that of a composite alarm.
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
            "ActionsWithoutResource",
            ["cloudwatch:DescribeAlarms", "kms:ListAliases", "logs:DescribeLogGroups"],
            resources=[_ANY_RESOURCE],
        ),
        *_artifacts(grants),
        *_promoted_artifacts(location, grants.artifact_sources),
        allow("AssumeItself", ["sts:AssumeRole"], resources=[grants.own_arn])
        if grants.own_arn
        else None,
    )


def _artifacts(grants: DeployGrants) -> tuple[Statement, ...]:
    """Return the statements on the account's own artifacts.

    Nothing is deleted, and the bucket's policy lets artifacts and the records of promotions be
    written once. The AWS provider, which writes what a stage builds, cannot write so.
    """
    bucket_arn = grants.artifact_bucket_arn
    return (
        allow(
            "ReadArtifacts",
            ["s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion"],
            resources=[
                under(bucket_arn, f"/{folder}/*") for folder in (ARTIFACTS, BUILDS, PROMOTIONS)
            ],
        ),
        allow(
            "WriteBuilds",
            ["s3:PutObject", "s3:PutObjectTagging"],
            resources=[under(bucket_arn, f"/{BUILDS}/*")],
        ),
        allow(
            "WritePromotions",
            ["s3:PutObject"],
            resources=[under(bucket_arn, f"/{folder}/*") for folder in WRITTEN_ONCE],
        ),
        allow("ArtifactList", ["s3:ListBucket"], resources=[bucket_arn]),
        allow(
            "ArtifactKmsKey",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[grants.artifact_kms_key_arn],
        ),
    )


def _promoted_artifacts(location: Location, sources: Sequence[Location]) -> tuple[Statement, ...]:
    """Return the statements that let artifacts of other accounts be read."""
    if not sources:
        return ()
    bucket = f"arn:{location.partition}:s3:::{artifact_store_name()}-*"
    return (
        allow(
            "PromotedArtifacts",
            ["s3:GetObject"],
            resources=[f"{bucket}/{folder}/*" for folder in PROMOTED_FROM],
            conditions={
                "StringEquals": {
                    "aws:ResourceAccount": sorted({source.account for source in sources})
                }
            },
        ),
        allow(
            "PromotedArtifactKmsKeys",
            ["kms:Decrypt"],
            resources=sorted(source.arn("kms", "key/*") for source in sources),
            conditions={
                "StringEquals": {
                    "kms:ViaService": sorted(
                        {host for source in sources for host in source.via_services("s3")}
                    )
                }
            },
        ),
    )


def _email_subscribers(location: Location) -> tuple[Statement, Statement]:
    """Return the statements that let topics have email subscribers.

    IAM cannot limit the second one to a topic, so it reaches every subscription of the account.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
    """
    return (
        allow("Subscribe", ["sns:Subscribe"], resources=[location.arn("sns", f"{PREFIX}*")]),
        allow(
            "Subscriptions",
            ["sns:GetSubscriptionAttributes", "sns:Unsubscribe"],
            resources=[_ANY_RESOURCE],
        ),
    )


def _requested_tags() -> dict[str, str]:
    return {f"aws:RequestTag/{name}": value for name, value in KMS_KEY_TAGS.items()}
