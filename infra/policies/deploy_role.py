"""What the deploy role may do: make and change the kit's resources in one account, and no more."""

from collections.abc import Sequence

from pulumi import Input, Output

from infra.names import PREFIX, PROJECT, ROLE_PATH, Place
from infra.policies.statements import Conditions, Document, allow, document

# These actions know no resource; what they may touch is narrowed by a condition where they have
# one. https://docs.aws.amazon.com/service-authorization/latest/reference/
_ANY_RESOURCE = "*"

# The kit's keys carry this tag from the moment they are made, since a key has no name to go by.
_TAG = "application"


def trust_deployers(principals: Sequence[str], external_id: str) -> Document:
    """Return the trust policy of the deploy role: `principals` may assume it.

    Args:
        principals: Account ids, or ARNs of roles or users.
        external_id: The external id that they must present; empty for none.
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
    )


def deploy_policy(
    place: Place, *, boundary: Input[str], artifact_bucket: Input[str], artifact_key: Input[str]
) -> Document:
    """Return the deploy role's policy.

    Args:
        place: The account and region, which the policy does not leave.
        boundary: ARN of the permissions boundary without which no role may be made.
        artifact_bucket: ARN of the artifact bucket.
        artifact_key: ARN of the key that the artifacts are encrypted with.
    """
    roles = place.iam_arn(f"role{ROLE_PATH}{PREFIX}*")
    functions = place.arn("lambda", f"function:{PREFIX}*")
    return document(
        allow(
            "Queues",
            [
                "sqs:CreateQueue",
                "sqs:DeleteQueue",
                "sqs:GetQueueAttributes",
                "sqs:GetQueueUrl",
                "sqs:ListQueueTags",
                "sqs:SetQueueAttributes",
                "sqs:TagQueue",
                "sqs:UntagQueue",
            ],
            resources=[place.arn("sqs", f"{PREFIX}*")],
        ),
        allow(
            "Topics",
            [
                "sns:CreateTopic",
                "sns:DeleteTopic",
                "sns:GetTopicAttributes",
                "sns:ListSubscriptionsByTopic",
                "sns:ListTagsForResource",
                "sns:SetTopicAttributes",
                "sns:Subscribe",
                "sns:TagResource",
                "sns:UntagResource",
            ],
            resources=[place.arn("sns", f"{PREFIX}*")],
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
                place.arn("logs", f"log-group:/aws/lambda/{PREFIX}*"),
                place.arn("logs", f"log-group:/aws/lambda/{PREFIX}*:*"),
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
                "lambda:GetEventSourceMapping",
                "lambda:UpdateEventSourceMapping",
            ],
            resources=[_ANY_RESOURCE],
            conditions={"ArnLike": {"lambda:FunctionArn": [functions, f"{functions}:*"]}},
        ),
        allow(
            "EventSourceMappingTags",
            ["lambda:ListTags", "lambda:TagResource", "lambda:UntagResource"],
            resources=[place.arn("lambda", "event-source-mapping:*")],
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
                "iam:ListRoleTags",
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
            conditions={"StringEquals": {"iam:PermissionsBoundary": boundary}},
        ),
        allow(
            "PassRolesToLambda",
            ["iam:PassRole"],
            resources=[roles],
            conditions={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        ),
        allow(
            "NewKeys",
            ["kms:CreateKey"],
            resources=[_ANY_RESOURCE],
            conditions={"StringEquals": {f"aws:RequestTag/{_TAG}": PROJECT}},
        ),
        allow(
            "Keys",
            [
                "kms:CreateAlias",
                "kms:CreateGrant",
                "kms:Decrypt",
                "kms:DeleteAlias",
                "kms:DescribeKey",
                "kms:EnableKeyRotation",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:GetKeyPolicy",
                "kms:GetKeyRotationStatus",
                "kms:ListResourceTags",
                "kms:PutKeyPolicy",
                "kms:ScheduleKeyDeletion",
                "kms:TagResource",
                "kms:UntagResource",
                "kms:UpdateAlias",
                "kms:UpdateKeyDescription",
            ],
            resources=[place.arn("kms", "key/*")],
            conditions={"StringEquals": {f"aws:ResourceTag/{_TAG}": PROJECT}},
        ),
        allow(
            "KeyAliases",
            ["kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"],
            resources=[place.arn("kms", f"alias/{PREFIX}*")],
        ),
        allow(
            "Look",
            # The provider finds aliases, log groups and mappings by listing them.
            ["kms:ListAliases", "logs:DescribeLogGroups"],
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
            resources=[Output.concat(artifact_bucket, "/*")],
        ),
        allow("ArtifactList", ["s3:ListBucket"], resources=[artifact_bucket]),
        allow(
            "ArtifactKey",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[artifact_key],
        ),
    )
