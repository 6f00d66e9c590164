"""The permissions that SQS and SNS ask for: on a queue or topic, and on the key that encrypts it.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.permission_check import PermissionCheck

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.emulator.request import Request

# The encryption context names the queue or topic.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
# https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
_ENCRYPTION_CONTEXT: Final = {"sns": "aws:sns:topicArn", "sqs": "aws:sqs:arn"}


def send(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the sending of a message: SQS and SNS make a data key and decrypt it."""
    yield asked
    yield from use_key(asked.resource, request.service, request.region, "GenerateDataKey")
    yield from use_key(asked.resource, request.service, request.region, "Decrypt")


def receive(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the receiving of messages, and the key that decrypts them."""
    yield asked
    yield from use_key(asked.resource, request.service, request.region, "Decrypt")


def send_batch(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check a batch as the sending of one message; see `one_by_one`."""
    yield from send(request, PermissionCheck("sqs:SendMessage", asked.resource, asked.context))


def one_by_one(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the single action: IAM has none for a batch.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    """
    yield PermissionCheck(
        f"sqs:{request.action.removesuffix('Batch')}", asked.resource, asked.context
    )


def use_key(resource: str, service: str, region: str, action: str) -> Iterator[PermissionCheck]:
    """Check the key of a queue or topic, if it has one, as the service asks KMS for the caller."""
    if key := key_arn(resource, service):
        context = {
            "kms:ViaService": f"{service}.{region}.amazonaws.com",
            f"kms:EncryptionContext:{_ENCRYPTION_CONTEXT[service]}": resource,
        }
        yield PermissionCheck(f"kms:{action}", key, context)


def key_arn(resource: str, service: str) -> str:
    """Return the ARN of the customer managed key that encrypts a queue or topic, or empty."""
    if service == "sns":
        attributes = (ministack_internals.topics.get(resource) or {}).get("attributes", {})
    else:
        found = (q["attributes"] for q in ministack_internals.queues.values())
        attributes = next((a for a in found if a.get("QueueArn") == resource), {})
    name = attributes.get("KmsMasterKeyId", "")
    # AWS's own key has a policy that lets the account's principals use it.
    key = None if name.startswith("alias/aws/") else ministack_internals.find_key(name)
    return str(key["Arn"]) if key else ""
