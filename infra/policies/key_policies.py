"""The policies of the KMS keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.names import (
    events_queue_name,
    log_group_name,
    payload_bucket_name,
    queue_name,
    results_name,
)
from infra.outcome_options import RESULTS_BUS
from infra.policies.principals import (
    ALARMS,
    EVENTS_SERVICE,
    alarms_of,
    payload_readers_of,
    readers_of,
    senders_of,
)
from infra.policies.statements import Document, Principals, Statement, allow, document, reads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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


def artifact_kms_key_policy(location: Location, readers: Sequence[str]) -> Document:
    """Return the policy of the KMS key that artifacts are encrypted with.

    Args:
        location: The account that owns the key.
        readers: Role ARN patterns of other accounts that may read artifacts.
    """
    return document(
        _owned(location),
        *readers_of("DecryptArtifacts", ["kms:Decrypt"], [_THIS_KEY], readers),
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
            principals=ALARMS,
            conditions=alarms_of(location, stage),
        ),
        *senders_of(
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
        *_outcomes(config),
    )


def _outcomes(config: FunctionConfig) -> Iterator[Statement]:
    """Yield the statements about what follows a launch.

    EventBridge names no source ARN or account when it uses a queue's key, so the queue in the
    encryption context is the condition; the queue's policy names the rules.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    """
    location, stage = config.location, config.stage
    results = location.arn("sqs", results_name(stage))
    if config.outcomes:
        events = location.arn("sqs", events_queue_name(stage))
        yield allow(
            "Events",
            _USE_KEY_ACTIONS,
            resources=[_THIS_KEY],
            principals=EVENTS_SERVICE,
            conditions={"StringEquals": {"kms:EncryptionContext:aws:sqs:arn": events}},
        )
    if config.results == RESULTS_BUS:
        yield from _results_bus(config)
    if config.result_readers:
        yield allow(
            "ResultReaders",
            ["kms:Decrypt"],
            resources=[_THIS_KEY],
            principals={"AWS": sorted(config.result_readers)},
            conditions={
                "StringEquals": {
                    "kms:EncryptionContext:aws:sqs:arn": results,
                    "kms:ViaService": location.via_services("sqs"),
                }
            },
        )
    if config.payloads:
        # With a bucket key, S3 names the bucket in the encryption context, otherwise the object.
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
        bucket = f"arn:{location.partition}:s3:::{payload_bucket_name(stage)}-*"
        yield from payload_readers_of(
            ["kms:Decrypt"],
            [_THIS_KEY],
            config.task_roles,
            conditions={
                "StringEquals": {"kms:ViaService": location.via_services("s3")},
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": bucket},
            },
        )


def _results_bus(config: FunctionConfig) -> Iterator[Statement]:
    """Yield the statements that let EventBridge encrypt the events of the results bus.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-key-policy.html
    """
    location = config.location
    bus = location.arn("events", f"event-bus/{results_name(config.stage)}")
    yield allow(
        "ResultsBus",
        _USE_KEY_ACTIONS,
        resources=[_THIS_KEY],
        principals=EVENTS_SERVICE,
        conditions={"StringEquals": {"kms:EncryptionContext:aws:events:event-bus:arn": bus}},
    )
    yield allow(
        # It has no encryption context.
        "ResultsBusKey",
        ["kms:DescribeKey"],
        resources=[_THIS_KEY],
        principals=EVENTS_SERVICE,
        conditions={"StringEquals": {"aws:SourceAccount": location.account}},
    )


def _owned(location: Location) -> Statement:
    return allow(
        "Owner",
        _KEY_OWNER_ACTIONS,
        resources=[_THIS_KEY],
        principals={"AWS": location.iam_arn("root")},
    )
