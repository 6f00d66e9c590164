"""Resource-based policies of the bucket, queues, topic and KMS keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.config import is_service
from infra.policies.statements import (
    Document,
    Principals,
    Statement,
    allow,
    deny,
    deny_without_tls,
    document,
    under,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import Input

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

# Actions on a queue's key that sending to the queue needs.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
_SEND_KEY_ACTIONS: Final = ("kms:Decrypt", "kms:GenerateDataKey")

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
        *_readers("ReadArtifacts", ["s3:GetObject"], [objects], readers),
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


def stage_kms_key_policy(
    location: Location, *, log_group_arn: str, senders: Sequence[str]
) -> Document:
    """Return the policy of a stage's KMS key, which encrypts queues, topic, log and environment.

    Args:
        location: The account that owns the key.
        log_group_arn: ARN of the only log group that CloudWatch Logs may encrypt with it.
        senders: Principals that may send to the work queue: account ids, ARNs, or AWS services.
    """
    logs: Principals = {"Service": f"logs.{location.region}.amazonaws.com"}
    return document(
        _owned(location),
        allow(
            "EncryptLog",
            _LOG_KEY_ACTIONS,
            resources=[_THIS_KEY],
            principals=logs,
            conditions={"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": log_group_arn}},
        ),
        *_senders("Senders", _SEND_KEY_ACTIONS, [_THIS_KEY], location, senders),
    )


def work_queue_policy(
    location: Location, queue_arn: Input[str], senders: Sequence[str]
) -> Document:
    """Return the work queue's policy: TLS, and the configured senders."""
    return document(
        deny_without_tls(["sqs:*"], [queue_arn]),
        *_senders(
            "Senders",
            ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
            [queue_arn],
            location,
            senders,
        ),
    )


def dead_letter_queue_policy(queue_arn: Input[str]) -> Document:
    """Return the DLQ's policy: TLS, and no access from outside the account."""
    return document(deny_without_tls(["sqs:*"], [queue_arn]))


def topic_policy(topic_arn: Input[str]) -> Document:
    """Return the failure topic's policy: TLS, and no access from outside the account."""
    return document(deny_without_tls(["sns:Publish"], [topic_arn]))


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
    sid: str,
    actions: Sequence[str],
    resources: Sequence[Input[str]],
    location: Location,
    senders: Sequence[str],
) -> list[Statement]:
    """Return statements that grant access to senders, and to services for this account only."""
    services = sorted(sender for sender in senders if is_service(sender))
    others = sorted(set(senders) - set(services))
    statements = []
    if others:
        statements.append(allow(sid, actions, resources=resources, principals={"AWS": others}))
    if services:
        statements.append(
            allow(
                f"{sid}Services",
                actions,
                resources=resources,
                principals={"Service": services},
                conditions={"StringEquals": {"aws:SourceAccount": location.account}},
            )
        )
    return statements
