"""The events queue, which tells the function what became of its tasks, and its DLQ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import sqs

from function.limits import MAX_MESSAGE_BYTES, VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT
from infra import dead_letters as dead_letters_of
from infra.documents import to_json
from infra.event_rules import rule_arns
from infra.limits import DAY_SECONDS, MAX_EVENT_RECEIVES
from infra.names import events_queue_name
from infra.policies.outcome_policies import events_queue_policy

if TYPE_CHECKING:
    from infra.config import FunctionConfig


@dataclass(frozen=True, kw_only=True)
class EventsQueueArgs:
    """Arguments of an events queue.

    Attributes:
        config: The stage's configuration.
        kms_key_arn: ARN of the KMS key that messages are encrypted with.
        function_role_arn: ARN of the function's role, which sends reports and receives.
    """

    config: FunctionConfig
    kms_key_arn: Input[str]
    function_role_arn: Input[str]


class EventsQueue(pulumi.ComponentResource):
    """The queue of events, reports and sweeps, and the queue of those that fail again and again.

    It is a standard queue in every stage: the order of events does not matter. Neither queue is
    protected, so that the option can be turned off: what is in them, the sweep finds out as well.

    Attributes:
        url: URL of the events queue.
        arn: ARN of the events queue.
        name: Name of the events queue.
        dead_letter_url: URL of the DLQ.
        dead_letter_name: Name of the DLQ.
        policy: The events queue's policy, without which nothing is delivered.
    """

    url: Output[str]
    arn: Output[str]
    name: Output[str]
    dead_letter_url: Output[str]
    dead_letter_name: Output[str]
    policy: sqs.QueuePolicy

    def __init__(
        self, name: str, args: EventsQueueArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:EventsQueue", name, None, opts)
        config = args.config
        child = ResourceOptions(parent=self)
        dead_letters = sqs.Queue(
            f"{name}-dlq",
            kms_master_key_id=args.kms_key_arn,
            max_message_size=MAX_MESSAGE_BYTES,
            message_retention_seconds=config.dead_letter_retention_days * DAY_SECONDS,
            opts=child,
        )
        queue = sqs.Queue(
            name,
            # A fixed name, because the key's policy has it, which is there before the queue.
            name=events_queue_name(config.stage),
            kms_master_key_id=args.kms_key_arn,
            max_message_size=MAX_MESSAGE_BYTES,
            visibility_timeout_seconds=(
                VISIBILITY_TIMEOUTS_PER_FUNCTION_TIMEOUT * config.timeout_seconds
            ),
            message_retention_seconds=config.queue_retention_days * DAY_SECONDS,
            redrive_policy=to_json(
                {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": MAX_EVENT_RECEIVES}
            ),
            opts=child,
        )
        dead_letters_of.join(name, config.location, queue, dead_letters, child)
        self.policy = sqs.QueuePolicy(
            f"{name}-policy",
            queue_url=queue.url,
            policy=to_json(
                events_queue_policy(
                    config.location,
                    queue.arn,
                    args.function_role_arn,
                    rule_arns(config.location, config.stage),
                )
            ),
            opts=child,
        )
        self.url = queue.url
        self.arn = queue.arn
        self.name = queue.name
        self.dead_letter_url = dead_letters.url
        self.dead_letter_name = dead_letters.name
        self.register_outputs(
            {"url": self.url, "arn": self.arn, "deadLetterUrl": self.dead_letter_url}
        )
