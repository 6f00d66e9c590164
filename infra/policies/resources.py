"""The policies that hang on a resource: who may reach a bucket, a queue, a topic, a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

# A key policy speaks of the key that it hangs on.
_THIS_KEY = "*"

# What the owner's IAM policies may grant on a key. Without such a statement nobody could ever
# change the key again. https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
_KEY_OWNER_ACTIONS = (
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

# What sending to an encrypted queue takes.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
_SEND_KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
_LOG_KEY_ACTIONS = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


def bucket_policy(bucket: Input[str], key: Input[str], readers: Sequence[str]) -> Document:
    """Return the artifact bucket's policy: TLS, one key, and the accounts that promote from it.

    Args:
        bucket: The bucket's ARN.
        key: ARN of the only key that an object may be encrypted with.
        readers: Role ARN patterns of other accounts that may read artifacts.
    """
    objects = under(bucket, "/*")
    return document(
        deny_without_tls(["s3:*"], [bucket, objects]),
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
            conditions={"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}},
        ),
        *_readers("ReadArtifacts", ["s3:GetObject"], [objects], readers),
    )


def artifact_key_policy(location: Location, readers: Sequence[str]) -> Document:
    """Return the policy of the key that artifacts are encrypted with."""
    return document(
        _owned(location),
        *_readers("DecryptArtifacts", ["kms:Decrypt"], [_THIS_KEY], readers),
    )


def function_key_policy(location: Location, *, log_group: str, senders: Sequence[str]) -> Document:
    """Return the policy of a stage's key, which encrypts queues, topic, log and environment.

    Args:
        location: The account that owns the key.
        log_group: ARN of the only log group that CloudWatch Logs may encrypt with it.
        senders: Who may send to the work queue: account ids, ARNs, or AWS services.
    """
    logs: Principals = {"Service": f"logs.{location.region}.amazonaws.com"}
    return document(
        _owned(location),
        allow(
            "EncryptLog",
            _LOG_KEY_ACTIONS,
            resources=[_THIS_KEY],
            principals=logs,
            conditions={"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": log_group}},
        ),
        *_senders("Senders", _SEND_KEY_ACTIONS, [_THIS_KEY], location, senders),
    )


def work_queue_policy(location: Location, queue: Input[str], senders: Sequence[str]) -> Document:
    """Return the work queue's policy: TLS, and the senders of the configuration."""
    return document(
        deny_without_tls(["sqs:*"], [queue]),
        *_senders(
            "Senders",
            ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
            [queue],
            location,
            senders,
        ),
    )


def dead_letter_queue_policy(queue: Input[str]) -> Document:
    """Return the DLQ's policy: TLS; nobody from outside the account reaches it."""
    return document(deny_without_tls(["sqs:*"], [queue]))


def topic_policy(topic: Input[str]) -> Document:
    """Return the failure topic's policy: TLS; nobody from outside the account publishes to it."""
    return document(deny_without_tls(["sns:Publish"], [topic]))


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
    """Grant by account and role name pattern.

    A role that is named as the principal would be stored by its id, and a role that is deleted and
    made again would be locked out; so the account is the principal and the role a condition.
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
    """Grant to accounts, roles and users as they are, and to services for this account alone."""
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
