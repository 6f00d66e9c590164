"""The deploy role's policies: who may assume it, and what it may do in one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.names import KMS_KEY_TAGS, PREFIX, ROLE_PATH, Location, artifact_store_name
from infra.policies.statements import Conditions, Document, Statement, allow, document, under

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import Input

# For actions that cannot be limited to a resource; a condition limits them where they have one.
# https://docs.aws.amazon.com/service-authorization/latest/reference/
_ANY_RESOURCE: Final = "*"

# Host of the OIDC provider of GitHub Actions.
GITHUB_ISSUER: Final = "token.actions.githubusercontent.com"


@dataclass(frozen=True, kw_only=True)
class WorkflowTrust:
    """The GitHub workflows that may assume the deploy role.

    A workflow runs as the deploy role already when the AWS provider assumes that role as
    `aws:assumeRoles` says. So the role must be able to assume itself.

    Attributes:
        provider_arn: ARN of the account's OIDC provider for GitHub.
        repositories: Repositories, `owner/name` or `owner@id/name@id`.
        subjects: Branches, tags or environments, such as `environment:prod`.
        role_arn: ARN of the deploy role itself.
    """

    provider_arn: Input[str]
    repositories: Sequence[str]
    subjects: Sequence[str]
    role_arn: str


def trust_deployers(
    principals: Sequence[str], external_id: str, workflows: WorkflowTrust | None = None
) -> Document:
    """Return the deploy role's trust policy, which lets `principals` and `workflows` assume it.

    Args:
        principals: Account ids, or ARNs of roles or users.
        external_id: The external id that they must present; empty for none.
        workflows: The workflows of a GitHub repository, if any.
    """
    conditions: Conditions | None = (
        {"StringEquals": {"sts:ExternalId": external_id}} if external_id else None
    )
    return document(
        allow(
            "Deployers",
            ["sts:AssumeRole"],
            principals={"AWS": sorted(principals)},
            conditions=conditions,
        )
        if principals
        else None,
        *(_trust_workflows(workflows) if workflows else ()),
    )


def _trust_workflows(workflows: WorkflowTrust) -> tuple[Statement, Statement]:
    """Return the trust statements for GitHub Actions, by repository and branch or environment.

    https://docs.github.com/en/actions/reference/security/oidc
    """
    subjects = [
        f"repo:{repository}:{subject}"
        for repository in sorted(workflows.repositories)
        for subject in sorted(workflows.subjects)
    ]
    return (
        allow(
            "Workflows",
            ["sts:AssumeRoleWithWebIdentity"],
            principals={"Federated": [workflows.provider_arn]},
            conditions={
                "StringEquals": {
                    f"{GITHUB_ISSUER}:aud": "sts.amazonaws.com",
                    f"{GITHUB_ISSUER}:sub": subjects,
                }
            },
        ),
        allow(
            "AssumeItself",
            ["sts:AssumeRole"],
            # As a condition, because IAM rejects a principal that does not exist yet.
            principals={"AWS": workflows.role_arn.split(":")[4]},
            conditions={"ArnEquals": {"aws:PrincipalArn": workflows.role_arn}},
        ),
    )


@dataclass(frozen=True, kw_only=True)
class DeployGrants:
    """The resources that a deploy role may use.

    Attributes:
        location: The account and region that the role is limited to.
        boundary_arn: ARN of the permissions boundary that every role it creates must have.
        artifact_bucket_arn: ARN of the artifact bucket.
        artifact_kms_key_arn: ARN of the KMS key that artifacts are encrypted with.
        artifact_sources: Ids of other accounts whose artifacts may be read, to promote them.
        own_arn: ARN of the deploy role, if it must be able to assume itself; else empty.
    """

    location: Location
    boundary_arn: Input[str]
    artifact_bucket_arn: Input[str]
    artifact_kms_key_arn: Input[str]
    artifact_sources: Sequence[str] = ()
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
                "sns:Subscribe",
                "sns:TagResource",
                "sns:UntagResource",
            ],
            resources=[location.arn("sns", f"{PREFIX}*")],
        ),
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
                "iam:UpdateAssumeRolePolicy",
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
            [
                "cloudwatch:DescribeAlarms",
                "kms:ListAliases",
                "logs:DescribeLogGroups",
                "sns:GetSubscriptionAttributes",
                "sns:Unsubscribe",
            ],
            resources=[_ANY_RESOURCE],
        ),
        allow(
            "Artifacts",
            [
                "s3:GetObject",
                "s3:GetObjectTagging",
                "s3:GetObjectVersion",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            resources=[under(grants.artifact_bucket_arn, "/*")],
        ),
        allow("ArtifactList", ["s3:ListBucket"], resources=[grants.artifact_bucket_arn]),
        allow(
            "ArtifactKmsKey",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[grants.artifact_kms_key_arn],
        ),
        allow(
            "PromotedArtifacts",
            ["s3:GetObject"],
            resources=[f"arn:{location.partition}:s3:::{artifact_store_name()}-*/artifacts/*"],
            conditions={"StringEquals": {"aws:ResourceAccount": sorted(grants.artifact_sources)}},
        )
        if grants.artifact_sources
        else None,
        allow(
            "PromotedArtifactKmsKeys",
            ["kms:Decrypt"],
            resources=[
                f"arn:{location.partition}:kms:*:{account}:key/*"
                for account in sorted(grants.artifact_sources)
            ],
            conditions={"StringLike": {"kms:ViaService": location.via_services("s3", region="*")}},
        )
        if grants.artifact_sources
        else None,
        allow("AssumeItself", ["sts:AssumeRole"], resources=[grants.own_arn])
        if grants.own_arn
        else None,
    )


def _requested_tags() -> dict[str, str]:
    return {f"aws:RequestTag/{name}": value for name, value in KMS_KEY_TAGS.items()}
