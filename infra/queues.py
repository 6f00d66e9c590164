"""The work queue and its dead-letter queue (DLQ)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import sqs

from function.limits import MAX_MESSAGE_BYTES
from infra import dead_letters as dead_letters_of
from infra.documents import to_json
from infra.limits import DAY_SECONDS, MAX_RECEIVE_COUNT
from infra.names import queue_name
from infra.policies.resource_policies import work_queue_policy

if TYPE_CHECKING:
    from infra.config import FunctionConfig


@dataclass(frozen=True, kw_only=True)
class WorkQueueArgs:
    """Arguments of a work queue.

    Attributes:
        config: The stage's configuration.
        kms_key_arn: ARN of the KMS key that messages are encrypted with.
        function_role_arn: ARN of the function's role, which alone takes messages.
    """

    config: FunctionConfig
    kms_key_arn: Input[str]
    function_role_arn: Input[str]


class WorkQueue(pulumi.ComponentResource):
    """The queue that messages are sent to, and the queue of the rejected ones.

    Attributes:
        url: URL of the work queue.
        arn: ARN of the work queue.
        name: Name of the work queue.
        dead_letter_url: URL of the DLQ.
        dead_letter_arn: ARN of the DLQ.
        dead_letter_name: Name of the DLQ.
    """

    url: Output[str]
    arn: Output[str]
    name: Output[str]
    dead_letter_url: Output[str]
    dead_letter_arn: Output[str]
    dead_letter_name: Output[str]

    def __init__(self, name: str, args: WorkQueueArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("ecs-run-task:index:WorkQueue", name, None, opts)
        config = args.config
        child = ResourceOptions(parent=self)
        protected = ResourceOptions(parent=self, protect=config.protect)
        # A queue that is not FIFO must not have the attribute at all.
        fifo = True if config.fifo else None
        dead_letters = sqs.Queue(
            f"{name}-dlq",
            fifo_queue=fifo,
            kms_master_key_id=args.kms_key_arn,
            # The provider's default is less. A dead letter is its message and more attributes.
            max_message_size=MAX_MESSAGE_BYTES,
            message_retention_seconds=config.dead_letter_retention_days * DAY_SECONDS,
            opts=protected,
        )
        queue = sqs.Queue(
            name,
            name=queue_name(config.stage, fifo=config.fifo),
            fifo_queue=fifo,
            # SQS refuses a message to a FIFO queue that has neither this nor a deduplication id.
            content_based_deduplication=fifo,
            kms_master_key_id=args.kms_key_arn,
            max_message_size=MAX_MESSAGE_BYTES,
            visibility_timeout_seconds=config.visibility_timeout_seconds,
            message_retention_seconds=config.queue_retention_days * DAY_SECONDS,
            # A throttled message is received many times without being at fault. The handler rejects
            # what cannot succeed; this is only the backstop for a handler that crashes.
            redrive_policy=to_json(
                {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": MAX_RECEIVE_COUNT}
            ),
            opts=protected,
        )
        dead_letters_of.join(name, config.location, queue, dead_letters, child)
        sqs.QueuePolicy(
            f"{name}-policy",
            queue_url=queue.url,
            policy=to_json(
                work_queue_policy(
                    config.location, queue.arn, args.function_role_arn, config.senders
                )
            ),
            opts=child,
        )
        self.url = queue.url
        self.arn = queue.arn
        self.name = queue.name
        self.dead_letter_name = dead_letters.name
        self.dead_letter_url = dead_letters.url
        self.dead_letter_arn = dead_letters.arn
        self.register_outputs(
            {
                "url": self.url,
                "arn": self.arn,
                "deadLetterUrl": self.dead_letter_url,
                "deadLetterArn": self.dead_letter_arn,
            }
        )
