"""Resource-based policies of the bucket, queues, topic and KMS keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.config import is_service
from infra.names import (
    PREFIX,
    PROMOTED_FROM,
    ROLE_PATH,
    WRITTEN_ONCE,
    log_group_name,
    queue_name,
    stage_name,
)
from infra.policies.statements import (
    Conditions,
    Document,
    Principals,
    Statement,
    allow,
    deny,
    deny_without_tls,
    document,
    reads,
    under,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import Input

    from infra.config import FunctionConfig
    from infra.names import Location

# In a key policy, "*" is the key that the policy belongs to.
_THIS_KEY: Final = "*"

# Actions that the owning account's IAM policies may grant on a key. Without such a statement, no
# principal could manage the key. https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
_KEY_OWNER_ACTIONS: Final = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:RetireGrant",
    "kms:RevokeGrant",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)

# Actions on the key of a queue or topic that sending to it needs.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
_USE_KEY_ACTIONS: Final = ("kms:Decrypt", "kms:GenerateDataKey")

# Actions on a stage's key that its deployment needs; those that use the key are for the function's
# environment. https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
_DEPLOY_KEY_ACTIONS: Final = (
    "kms:CreateAlias",
    "kms:Decrypt",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:EnableKeyRotation",
    "kms:Encrypt",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)

# Actions on a stage's key, besides, that creating and changing its encrypted table needs.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
_TABLE_KEY_ACTIONS: Final = (
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)

# Actions that take messages off a queue, or hide them from others.
_TAKE_ACTIONS: Final = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage")

# The service that executes the actions of alarms.
_ALARMS: Final[Principals] = {"Service": "cloudwatch.amazonaws.com"}

# Actions on a log group's key that CloudWatch Logs needs.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
_LOG_KEY_ACTIONS: Final = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def bucket_policy(
    bucket_arn: Input[str], kms_key_arn: Input[str], readers: Sequence[str]
) -> Document:
    """Return the artifact bucket's policy: TLS, one KMS key, and the readers of other accounts.

    What is written once cannot be replaced: an upload must say that it expects no object there, and
    S3 then refuses it if there is one. A multipart upload cannot say so, and is refused.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html

    Args:
        bucket_arn: ARN of the bucket.
        kms_key_arn: ARN of the only KMS key that an object may be encrypted with.
        readers: Role ARN patterns of other accounts that may read artifacts.
    """
    objects = under(bucket_arn, "/*")
    return document(
        deny_without_tls(["s3:*"], [bucket_arn, objects]),
        deny(
            "DenyOtherEncryption",
            ["s3:PutObject"],
            resources=[objects],
            conditions={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
        ),
        deny(
            "DenyOtherKeys",
            ["s3:PutObject"],
            resources=[objects],
            conditions={
                "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": kms_key_arn}
            },
        ),
        deny(
            "DenyReplacing",
            ["s3:PutObject"],
            resources=[under(bucket_arn, f"/{folder}/*") for folder in WRITTEN_ONCE],
            conditions={"Null": {"s3:if-none-match": "true"}},
        ),
        *_readers(
            "ReadArtifacts",
            ["s3:GetObject"],
            [under(bucket_arn, f"/{folder}/*") for folder in PROMOTED_FROM],
            readers,
        ),
    )


def log_bucket_policy(
    location: Location, bucket_arn: Input[str], logged_bucket_arn: Input[str]
) -> Document:
    """Return the policy of the bucket that access logs are delivered to: TLS, and S3 itself.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html

    Args:
        location: The account that owns both buckets.
        bucket_arn: ARN of the bucket.
        logged_bucket_arn: ARN of the bucket whose accesses are logged.
    """
    objects = under(bucket_arn, "/*")
    return document(
        deny_without_tls(["s3:*"], [bucket_arn, objects]),
        allow(
            "DeliverLogs",
            ["s3:PutObject"],
            resources=[objects],
            principals={"Service": "logging.s3.amazonaws.com"},
            conditions={
                "ArnLike": {"aws:SourceArn": logged_bucket_arn},
                "StringEquals": {"aws:SourceAccount": location.account},
            },
        ),
    )


def artifact_kms_key_policy(location: Location, readers: Sequence[str]) -> Document:
    """Return the policy of the KMS key that artifacts are encrypted with.

    Args:
        location: The account that owns the key.
        readers: Role ARN patterns of other accounts that may read artifacts.
    """
    return document(
        _owned(location),
        *_readers("DecryptArtifacts", ["kms:Decrypt"], [_THIS_KEY], readers),
    )


def stage_kms_key_policy(config: FunctionConfig) -> Document:
    """Return the policy of a stage's KMS key, which encrypts all that the stage holds.

    It names exactly who uses the stage. The deploy role owns its stages' keys by this policy alone.
    """
    location, stage = config.location, config.stage
    queue_arn = location.arn("sqs", queue_name(stage, fifo=config.fifo))
    log_group_arn = location.arn("logs", f"log-group:{log_group_name(stage)}")
    deploy_role: Principals = {"AWS": location.deploy_role_arn}
    this_queue = {"kms:EncryptionContext:aws:sqs:arn": queue_arn}
    return document(
        _owned(location),
        allow("Deploy", _DEPLOY_KEY_ACTIONS, resources=[_THIS_KEY], principals=deploy_role),
        allow(
            # On behalf of the deploy role, Lambda creates a grant for the function's role, and
            # DynamoDB one for itself, with which it keeps the table's own key.
            "DeployGrants",
            ["kms:CreateGrant"],
            resources=[_THIS_KEY],
            principals=deploy_role,
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
        allow(
            "DeployTable",
            _TABLE_KEY_ACTIONS,
            resources=[_THIS_KEY],
            principals=deploy_role,
            conditions={"StringEquals": {"kms:ViaService": location.via_services("dynamodb")}},
        ),
        allow(
            "Read",
            reads(_DEPLOY_KEY_ACTIONS),
            resources=[_THIS_KEY],
            principals={"AWS": location.read_role_arn},
        ),
        allow(
            "EncryptLog",
            _LOG_KEY_ACTIONS,
            resources=[_THIS_KEY],
            principals={"Service": f"logs.{location.region}.amazonaws.com"},
            conditions={"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": log_group_arn}},
        ),
        allow(
            "Alarms",
            _USE_KEY_ACTIONS,
            resources=[_THIS_KEY],
            principals=_ALARMS,
            conditions=_alarms_of(location, stage),
        ),
        *_senders(
            config.senders,
            _USE_KEY_ACTIONS,
            [_THIS_KEY],
            # SQS names the queue in the encryption context of a message's data key.
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
            principals={
                "StringEquals": {"kms:ViaService": location.via_services("sqs"), **this_queue}
            },
            # EventBridge names no source account when it uses a queue's key. The queue's policy
            # requires one, and the key serves services for this queue alone.
            services={"StringEquals": this_queue},
        ),
    )


def work_queue_policy(
    location: Location,
    queue_arn: Input[str],
    function_role_arn: Input[str],
    senders: Sequence[str],
) -> Document:
    """Return the work queue's policy: TLS, the one role that takes messages, and the senders.

    Lambda polls the queue as the function's role. Whatever the policies of the account's other
    roles say, none of them can take a message: not the function of another stage either.
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html

    Args:
        location: The account and region.
        queue_arn: ARN of the queue.
        function_role_arn: ARN of the role of the stage's function.
        senders: The option `senders`.
    """
    return document(
        deny_without_tls(["sqs:*"], [queue_arn]),
        deny(
            "DenyOtherConsumers",
            _TAKE_ACTIONS,
            resources=[queue_arn],
            conditions={"ArnNotEquals": {"aws:PrincipalArn": function_role_arn}},
        ),
        *_senders(
            senders,
            ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
            [queue_arn],
            # Without it, a service could be made to send on behalf of any account.
            services={"StringEquals": {"aws:SourceAccount": location.account}},
        ),
    )


def dead_letter_queue_policy(location: Location, queue_arn: Input[str]) -> Document:
    """Return the DLQ's policy: TLS, no access from outside the account, and none to functions.

    Operators read and redrive it with their own roles. A stage's function only sends to it.
    """
    return document(
        deny_without_tls(["sqs:*"], [queue_arn]),
        deny(
            "DenyFunctions",
            _TAKE_ACTIONS,
            resources=[queue_arn],
            conditions={
                "ArnLike": {"aws:PrincipalArn": location.iam_arn(f"role{ROLE_PATH}{PREFIX}*")}
            },
        ),
    )


def topic_policy(location: Location, stage: str, topic_arn: Input[str]) -> Document:
    """Return the failure topic's policy: TLS, and the stage's alarms."""
    return document(
        deny_without_tls(["sns:Publish"], [topic_arn]),
        allow(
            "Alarms",
            ["sns:Publish"],
            resources=[topic_arn],
            principals=_ALARMS,
            conditions=_alarms_of(location, stage),
        ),
    )


def _alarms_of(location: Location, stage: str) -> Conditions:
    """Return the conditions that hold for a stage's alarms only.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    alarms = location.arn("cloudwatch", f"alarm:{stage_name(stage)}-*")
    return {
        "ArnLike": {"aws:SourceArn": alarms},
        "StringEquals": {"aws:SourceAccount": location.account},
    }


def _owned(location: Location) -> Statement:
    return allow(
        "Owner",
        _KEY_OWNER_ACTIONS,
        resources=[_THIS_KEY],
        principals={"AWS": location.iam_arn("root")},
    )


def _readers(
    sid: str, actions: Sequence[str], resources: Sequence[Input[str]], readers: Sequence[str]
) -> list[Statement]:
    """Return statements that grant access to roles of other accounts.

    The principal is the account and the role is a condition. IAM would store a role that is the
    principal by its id, and lock out a role of the same name that replaces it.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if not readers:
        return []
    accounts = sorted({reader.split(":")[4] for reader in readers})
    return [
        allow(
            sid,
            actions,
            resources=resources,
            principals={"AWS": accounts},
            conditions={"ArnLike": {"aws:PrincipalArn": sorted(readers)}},
        )
    ]


def _senders(
    senders: Sequence[str],
    actions: Sequence[str],
    resources: Sequence[Input[str]],
    *,
    services: Conditions,
    principals: Conditions | None = None,
) -> list[Statement]:
    """Return statements that grant access to senders.

    Args:
        senders: Account ids, ARNs of roles or users of this or other accounts, and AWS services.
        actions: What they may do.
        resources: The queue or the key.
        services: Conditions for AWS services.
        principals: Conditions for all others.
    """
    named = sorted(sender for sender in senders if is_service(sender))
    others = sorted(set(senders) - set(named))
    statements = []
    if others:
        statements.append(
            allow(
                "Senders",
                actions,
                resources=resources,
                principals={"AWS": others},
                conditions=principals,
            )
        )
    if named:
        statements.append(
            allow(
                "SendersServices",
                actions,
                resources=resources,
                principals={"Service": named},
                conditions=services,
            )
        )
    return statements
