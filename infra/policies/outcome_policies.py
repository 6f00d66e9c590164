"""Resource-based policies of what follows a launch: events queue, results queue, payload bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.policies.function_actions import PAYLOADS
from infra.policies.principals import EVENTS_SERVICE, payload_readers_of
from infra.policies.resource_policies import (
    TAKE_ACTIONS,
    not_taken_by_functions,
    taken_by_alone,
)
from infra.policies.statements import (
    Document,
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

# What an upload asks for. It need not ask, so the conditions hold only for one that does: the
# operator `StringNotEqualsIfExists` would hold for one that does not, too.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_KEY_HEADER: Final = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_ENCRYPTION_HEADER: Final = "s3:x-amz-server-side-encryption"


def events_queue_policy(
    location: Location,
    queue_arn: Input[str],
    function_role_arn: Input[str],
    rule_arns: Sequence[Input[str]],
) -> Document:
    """Return the events queue's policy: TLS, the stage's rules, and its function.

    What is in the queue decides whether a task is started again. So nobody else sends to it,
    whatever the policies of the account's roles say, and nobody else receives.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html

    Args:
        location: The account and region.
        queue_arn: ARN of the queue.
        function_role_arn: ARN of the role of the stage's function.
        rule_arns: ARNs of the rules whose target the queue is.
    """
    return document(
        deny_without_tls(["sqs:*"], [queue_arn]),
        taken_by_alone(function_role_arn, queue_arn),
        deny(
            "DenyOtherSenders",
            ["sqs:SendMessage"],
            resources=[queue_arn],
            conditions={
                "ArnNotEquals": {
                    "aws:PrincipalArn": function_role_arn,
                    "aws:SourceArn": rule_arns,
                }
            },
        ),
        allow(
            "Rules",
            ["sqs:SendMessage"],
            resources=[queue_arn],
            principals=EVENTS_SERVICE,
            conditions={
                "ArnEquals": {"aws:SourceArn": rule_arns},
                "StringEquals": {"aws:SourceAccount": location.account},
            },
        ),
    )


def results_queue_policy(
    location: Location,
    queue_arn: Input[str],
    function_role_arn: Input[str],
    readers: Sequence[str],
) -> Document:
    """Return the results queue's policy: TLS, the function that sends, and the readers.

    Args:
        location: The account and region.
        queue_arn: ARN of the queue.
        function_role_arn: ARN of the role of the stage's function.
        readers: The option `resultReaders`.
    """
    return document(
        deny_without_tls(["sqs:*"], [queue_arn]),
        deny(
            "DenyOtherSenders",
            ["sqs:SendMessage"],
            resources=[queue_arn],
            conditions={"ArnNotEquals": {"aws:PrincipalArn": function_role_arn}},
        ),
        not_taken_by_functions(location, queue_arn),
        allow(
            "Readers",
            sorted((*TAKE_ACTIONS, "sqs:GetQueueAttributes", "sqs:GetQueueUrl")),
            resources=[queue_arn],
            principals={"AWS": sorted(readers)},
        )
        if readers
        else None,
    )


def payload_bucket_policy(
    bucket_arn: Input[str],
    kms_key_arn: Input[str],
    function_role_arn: Input[str],
    readers: Sequence[str],
) -> Document:
    """Return the payload bucket's policy: TLS, the function that writes, the roles that read.

    An object is encrypted with the stage's key because the bucket says so; an upload that asks for
    something else is refused.

    Args:
        bucket_arn: ARN of the bucket.
        kms_key_arn: ARN of the stage's KMS key.
        function_role_arn: ARN of the role of the stage's function.
        readers: The option `taskRoles`: role ARNs or patterns.
    """
    objects = under(bucket_arn, "/*")
    return document(
        deny_without_tls(["s3:*"], [bucket_arn, objects]),
        deny(
            "DenyOtherWriters",
            ["s3:PutObject"],
            resources=[objects],
            conditions={"ArnNotEquals": {"aws:PrincipalArn": function_role_arn}},
        ),
        deny(
            "DenyOtherReaders",
            ["s3:GetObject", "s3:GetObjectVersion"],
            resources=[objects],
            conditions={"ArnNotLike": {"aws:PrincipalArn": sorted(readers)}},
        ),
        deny(
            "DenyOtherKeys",
            ["s3:PutObject"],
            resources=[objects],
            conditions={
                "StringNotEquals": {_KEY_HEADER: kms_key_arn},
                "Null": {_KEY_HEADER: "false"},
            },
        ),
        deny(
            "DenyOtherEncryption",
            ["s3:PutObject"],
            resources=[objects],
            conditions={
                "StringNotEquals": {_ENCRYPTION_HEADER: "aws:kms"},
                "Null": {_ENCRYPTION_HEADER: "false"},
            },
        ),
        *payload_readers_of(
            ["s3:GetObject"], [under(bucket_arn, f"/{PAYLOADS}/*")], readers, conditions={}
        ),
    )
