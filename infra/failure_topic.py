"""The failure topic: who hears of a message that was rejected."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi import Input, Output, ResourceOptions
from pulumi_aws import sns

from infra.policies.resources import topic_policy


@dataclass(frozen=True, kw_only=True)
class FailureTopicArgs:
    """What a failure topic is made of."""

    key: Input[str]
    emails: tuple[str, ...]


class FailureTopic(pulumi.ComponentResource):
    """An encrypted topic with one subscription for each address."""

    arn: Output[str]

    def __init__(
        self, name: str, args: FailureTopicArgs, opts: ResourceOptions | None = None
    ) -> None:
        """Make the topic; an address has to confirm before it hears of anything."""
        super().__init__("ecs-run-task:index:FailureTopic", name, None, opts)
        child = ResourceOptions(parent=self)
        topic = sns.Topic(name, kms_master_key_id=args.key, opts=child)
        sns.TopicPolicy(
            f"{name}-policy",
            arn=topic.arn,
            policy=Output.json_dumps(topic_policy(topic.arn)),
            opts=child,
        )
        for email in args.emails:
            sns.TopicSubscription(
                f"{name}-{email}", topic=topic.arn, protocol="email", endpoint=email, opts=child
            )
        self.arn = topic.arn
        self.register_outputs({"arn": self.arn})
