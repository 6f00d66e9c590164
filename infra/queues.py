"""The work queue and its dead-letter queue."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import sqs

from infra.limits import DAY_SECONDS, QUEUE_MAX_RECEIVE_COUNT
from infra.names import Location, queue_name
from infra.policies.resources import dead_letter_queue_policy, work_queue_policy


@dataclass(frozen=True, kw_only=True)
class WorkQueueArgs:
    """What a work queue is made of."""

    stage: str
    location: Location
    key: Input[str]
    senders: tuple[str, ...]
    fifo: bool
    visibility_timeout_seconds: int
    retention_days: int
    dead_letter_retention_days: int


class WorkQueue(pulumi.ComponentResource):
    """The queue that messages are sent to, and the one that holds what can never succeed."""

    url: Output[str]
    arn: Output[str]
    dead_letter_url: Output[str]
    dead_letter_arn: Output[str]

    def __init__(self, name: str, args: WorkQueueArgs, opts: ResourceOptions | None = None) -> None:
        """Make both queues; `name` is the prefix of their names."""
        super().__init__("ecs-run-task:index:WorkQueue", name, None, opts)
        child = ResourceOptions(parent=self)
        fifo = True if args.fifo else None
        dead_letters = sqs.Queue(
            f"{name}-dlq",
            fifo_queue=fifo,
            kms_master_key_id=args.key,
            message_retention_seconds=args.dead_letter_retention_days * DAY_SECONDS,
            opts=child,
        )
        queue = sqs.Queue(
            name,
            name=queue_name(args.stage, fifo=args.fifo),
            fifo_queue=fifo,
            # A sender that sets no deduplication id means the body, or SQS would refuse it.
            content_based_deduplication=fifo,
            kms_master_key_id=args.key,
            visibility_timeout_seconds=args.visibility_timeout_seconds,
            message_retention_seconds=args.retention_days * DAY_SECONDS,
            # Throttling is received again and again and is no fault of the message: the handler
            # rejects what cannot succeed, and this is a backstop for a handler that crashes.
            redrive_policy=Output.json_dumps(
                {
                    "deadLetterTargetArn": dead_letters.arn,
                    "maxReceiveCount": QUEUE_MAX_RECEIVE_COUNT,
                }
            ),
            opts=child,
        )
        sqs.RedriveAllowPolicy(
            f"{name}-dlq-redrive",
            queue_url=dead_letters.url,
            redrive_allow_policy=Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
            ),
            opts=child,
        )
        sqs.QueuePolicy(
            f"{name}-policy",
            queue_url=queue.url,
            policy=Output.json_dumps(work_queue_policy(args.location, queue.arn, args.senders)),
            opts=child,
        )
        sqs.QueuePolicy(
            f"{name}-dlq-policy",
            queue_url=dead_letters.url,
            policy=Output.json_dumps(dead_letter_queue_policy(dead_letters.arn)),
            opts=child,
        )
        self.url = queue.url
        self.arn = queue.arn
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
