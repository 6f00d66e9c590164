"""What a sender lacks when SQS may not use the queue's KMS key on its behalf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.names import PREFIX, PROJECT

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

    from runtask.account import AccountSession

# Error codes of SendMessage for a key that the sender may not use: by the query protocol, whose
# codes SQS still sends along, and by the JSON protocol.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_KEY_REFUSALS: Final = ("KMS.AccessDeniedException", "KmsAccessDenied")

# Codes that can mean the queue or its key; the text tells which.
_REFUSALS: Final = ("AccessDenied", "AccessDeniedException")


def is_key_refusal(error: ClientError) -> bool:
    """Return whether SendMessage was refused because of the queue's key."""
    code = error.response["Error"]["Code"]
    text = error.response["Error"].get("Message", "")
    return code in _KEY_REFUSALS or (code in _REFUSALS and "kms" in text.lower())


def missing_key_access(account: AccountSession, sqs: SQSClient, queue_url: str) -> str:
    """Return which access to the key is missing, and how to get it.

    Args:
        account: The sender's session.
        sqs: A client of that session.
        queue_url: The stage's work queue.
    """
    stage = account.config.stage
    return (
        f"the queue of stage {stage} is encrypted with {_key(account, sqs, queue_url)}, so a "
        "sender needs kms:GenerateDataKey and kms:Decrypt on that key: name the sender in "
        f"{PROJECT}:senders of Pulumi.{stage}.yaml and run: pulumi up -s {stage}; in account "
        f"{account.location.account}, the sender's own IAM policy can allow it instead"
    )


def _key(account: AccountSession, sqs: SQSClient, queue_url: str) -> str:
    """Return the key's ARN if the sender may read it, or else its alias."""
    try:
        answer = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["KmsMasterKeyId"])
    except (BotoCoreError, ClientError):
        alias = account.location.arn("kms", f"alias/{PREFIX}{account.config.stage}")
        return f"the key of alias {alias}"
    return f"the key {answer['Attributes']['KmsMasterKeyId']}"
