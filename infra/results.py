"""Where a stage reports what became of each key: a queue, or a bus of EventBridge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import cloudwatch, sqs

from function.limits import MAX_MESSAGE_BYTES
from infra.documents import to_json
from infra.limits import DAY_SECONDS, MINUTE_SECONDS
from infra.names import results_name
from infra.policies.outcome_policies import results_queue_policy

if TYPE_CHECKING:
    from infra.config import FunctionConfig

# How long a reader has to process a result before another one receives it, unless it says
# otherwise when it receives. A Lambda function with a longer timeout cannot read the queue.
_VISIBILITY_SECONDS: Final = 5 * MINUTE_SECONDS


@dataclass(frozen=True, kw_only=True)
class ResultsArgs:
    """Arguments of a results queue or bus.

    Attributes:
        config: The stage's configuration.
        kms_key_arn: ARN of the KMS key that results are encrypted with.
        function_role_arn: ARN of the function's role, which alone sends results.
    """

    config: FunctionConfig
    kms_key_arn: Input[str]
    function_role_arn: Input[str]


class ResultsQueue(pulumi.ComponentResource):
    """A standard queue with one message for each finished key, at least once.

    Attributes:
        url: URL of the queue.
        arn: ARN of the queue.
    """

    url: Output[str]
    arn: Output[str]

    def __init__(self, name: str, args: ResultsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("ecs-run-task:index:ResultsQueue", name, None, opts)
        config = args.config
        queue = sqs.Queue(
            name,
            name=results_name(config.stage),
            kms_master_key_id=args.kms_key_arn,
            max_message_size=MAX_MESSAGE_BYTES,
            visibility_timeout_seconds=_VISIBILITY_SECONDS,
            message_retention_seconds=config.queue_retention_days * DAY_SECONDS,
            opts=ResourceOptions(parent=self, protect=config.protect),
        )
        sqs.QueuePolicy(
            f"{name}-policy",
            queue_url=queue.url,
            policy=to_json(
                results_queue_policy(
                    config.location, queue.arn, args.function_role_arn, config.result_readers
                )
            ),
            opts=ResourceOptions(parent=self),
        )
        self.url = queue.url
        self.arn = queue.arn
        self.register_outputs({"url": self.url, "arn": self.arn})


class ResultsBus(pulumi.ComponentResource):
    """An event bus with one event for each finished key, at least once. Its rules are others'.

    Attributes:
        name: Name of the bus.
        arn: ARN of the bus.
    """

    name: Output[str]
    arn: Output[str]

    def __init__(self, name: str, args: ResultsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("ecs-run-task:index:ResultsBus", name, None, opts)
        bus = cloudwatch.EventBus(
            name,
            name=results_name(args.config.stage),
            description=f"What became of the messages of the stage {args.config.stage}",
            kms_key_identifier=args.kms_key_arn,
            opts=ResourceOptions(parent=self),
        )
        self.name = bus.name
        self.arn = bus.arn
        self.register_outputs({"name": self.name, "arn": self.arn})
