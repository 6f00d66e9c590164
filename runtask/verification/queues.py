"""What the probes send to the stage's work queue, and take out of its dead-letter queue."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.message.idempotency import KEY_ATTRIBUTE
from runtask import sending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
_MAX_RECEIVE: Final = 10

# How long a dead letter of somebody else stays hidden if this process is killed meanwhile.
_HIDE_SECONDS: Final = 30

# One pass over a dead-letter queue looks at this many receives of ten messages.
_MAX_RECEIVES: Final = 100

# A short poll asks only some of the servers, and can miss a message that is there.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
_LONG_POLL_SECONDS: Final = 1


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message of ours that was rejected.

    Attributes:
        message_id: What SQS called the message when it was sent; empty if SQS moved it.
        reason: Why it was rejected; empty if SQS moved it.
    """

    message_id: str
    reason: str


def send(sqs: SQSClient, url: str, *, body: str, key: str, copy: int = 0) -> str:
    """Send a message to a work queue, and return what SQS calls it.

    Args:
        sqs: As the operator.
        url: The URL of the queue; a FIFO queue gets a group of the message's own.
        body: The message, valid or not.
        key: The idempotency key.
        copy: Tells the copies of one message apart for the deduplication of a FIFO queue.

    Raises:
        ClientError: if SQS rejects the message.
        BotoCoreError: if it cannot be sent.
    """
    parameters = sending.message_parameters(
        url, body, key, fifo=url.endswith(".fifo"), group=key, deduplication_id=f"{key}-{copy}"
    )
    return sqs.send_message(**parameters)["MessageId"]


def take_dead_letters(sqs: SQSClient, url: str, key: str, expected: int = 1) -> list[DeadLetter]:
    """Take our messages out of a dead-letter queue, and leave everything else in it.

    Others are hidden while we look through the queue, and shown again at once.

    Args:
        sqs: As the operator.
        url: The URL of the dead-letter queue.
        key: The key of our messages, which no other message has.
        expected: How many of them there can be; the search ends when all are found.

    Raises:
        ClientError: if SQS rejects a request.
        BotoCoreError: if it cannot be sent.
    """
    ours: list[DeadLetter] = []
    others: list[MessageTypeDef] = []
    try:
        for _ in range(_MAX_RECEIVES):
            messages = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=_MAX_RECEIVE,
                MessageAttributeNames=["All"],
                VisibilityTimeout=_HIDE_SECONDS,
                WaitTimeSeconds=_LONG_POLL_SECONDS,
            ).get("Messages", [])
            # Everything is registered before a deletion can fail.
            others += [one for one in messages if _attribute(one, KEY_ATTRIBUTE) != key]
            for one in messages:
                if _attribute(one, KEY_ATTRIBUTE) == key:
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
                    ours.append(
                        DeadLetter(
                            message_id=_attribute(one, "messageId"),
                            reason=_attribute(one, "reason"),
                        )
                    )
            if not messages or len(ours) >= expected:
                break
    finally:
        _show_again(sqs, url, others)
    return ours


def _attribute(message: MessageTypeDef, name: str) -> str:
    attributes = message.get("MessageAttributes", {})
    return attributes[name].get("StringValue", "") if name in attributes else ""


def _show_again(sqs: SQSClient, url: str, messages: Sequence[MessageTypeDef]) -> None:
    for message in messages:
        # If it fails, the message shows up by itself when its visibility timeout ends.
        with contextlib.suppress(ClientError, BotoCoreError):
            sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
