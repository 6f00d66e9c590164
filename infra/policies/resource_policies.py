"""Resource-based policies of the buckets, queues and topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.names import PREFIX, PROMOTED_FROM, ROLE_PATH, WRITTEN_ONCE
from infra.policies.principals import ALARMS, alarms_of, readers_of, senders_of
from infra.policies.statements import (
    Document,
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

# Actions that take messages off a queue, or hide them from others.
TAKE_ACTIONS: Final = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage")


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
        *readers_of(
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
        taken_by_alone(function_role_arn, queue_arn),
        *senders_of(
            senders,
            ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"],
            [queue_arn],
            # Without it, a service could be made to send on behalf of any account.
            services={"StringEquals": {"aws:SourceAccount": location.account}},
        ),
    )


def taken_by_alone(role_arn: Input[str], queue_arn: Input[str]) -> Statement:
    """Return a statement: nobody but a role takes messages of a queue, whatever others may do."""
    return deny(
        "DenyOtherConsumers",
        TAKE_ACTIONS,
        resources=[queue_arn],
        conditions={"ArnNotEquals": {"aws:PrincipalArn": role_arn}},
    )


def not_taken_by_functions(location: Location, queue_arn: Input[str]) -> Statement:
    """Return a statement: no function of a stage takes messages of a queue."""
    functions = location.iam_arn(f"role{ROLE_PATH}{PREFIX}*")
    return deny(
        "DenyFunctions",
        TAKE_ACTIONS,
        resources=[queue_arn],
        conditions={"ArnLike": {"aws:PrincipalArn": functions}},
    )


def dead_letter_queue_policy(location: Location, queue_arn: Input[str]) -> Document:
    """Return the DLQ's policy: TLS, no access from outside the account, and none to functions.

    Operators read and redrive it with their own roles. A stage's function only sends to it.
    """
    return document(
        deny_without_tls(["sqs:*"], [queue_arn]),
        not_taken_by_functions(location, queue_arn),
    )


def topic_policy(location: Location, stage: str, topic_arn: Input[str]) -> Document:
    """Return the failure topic's policy: TLS, and the stage's alarms."""
    return document(
        deny_without_tls(["sns:Publish"], [topic_arn]),
        allow(
            "Alarms",
            ["sns:Publish"],
            resources=[topic_arn],
            principals=ALARMS,
            conditions=alarms_of(location, stage),
        ),
    )
