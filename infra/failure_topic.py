"""The SNS topic that announces rejected and blocked messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import sns

from infra.documents import to_json
from infra.policies.resource_policies import topic_policy

if TYPE_CHECKING:
    from infra.config import FunctionConfig


@dataclass(frozen=True, kw_only=True)
class FailureTopicArgs:
    """Arguments of a failure topic.

    Attributes:
        config: The stage's configuration. Each of its `notify_emails` must confirm its subscription
            before it receives anything.
        kms_key_arn: ARN of the KMS key that notifications are encrypted with.
    """

    config: FunctionConfig
    kms_key_arn: Input[str]


class FailureTopic(pulumi.ComponentResource):
    """An encrypted topic with one subscription per email address.

    Attributes:
        arn: ARN of the topic.
    """

    arn: Output[str]

    def __init__(
        self, name: str, args: FailureTopicArgs, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("ecs-run-task:index:FailureTopic", name, None, opts)
        child = ResourceOptions(parent=self)
        topic = sns.Topic(name, kms_master_key_id=args.kms_key_arn, opts=child)
        sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=to_json(topic_policy(args.config.location, args.config.stage, topic.arn)),
            opts=child,
        )
        for email in args.config.notify_emails:
            sns.TopicSubscription(
                f"{name}-{email}", topic=topic.arn, protocol="email", endpoint=email, opts=child
            )
        self.arn = topic.arn
        self.register_outputs({"arn": self.arn})
