"""Topics, their policies and subscriptions."""

from __future__ import annotations

from typing import Final

from rehearsal.engine.resource_types import CreateContext, Created, ResourceType


def _topic(context: CreateContext) -> Created:
    fifo = bool(context.inputs.get("fifoTopic"))
    name = context.physical_name(suffix=".fifo" if fifo else "")
    attributes = context.inputs.as_api(
        {
            "kmsMasterKeyId": "KmsMasterKeyId",
            "displayName": "DisplayName",
            "policy": "Policy",
            "deliveryPolicy": "DeliveryPolicy",
            "tracingConfig": "TracingConfig",
        }
    )
    if fifo:
        attributes["FifoTopic"] = "true"
    if context.inputs.get("contentBasedDeduplication"):
        attributes["ContentBasedDeduplication"] = "true"
    client = context.client("sns")
    arn = client.create_topic(Name=name, Attributes=attributes, Tags=context.tag_list())["TopicArn"]
    return Created(arn, {"name": name, "arn": arn, "owner": context.provider.account})


def _policy(context: CreateContext) -> Created:
    arn, policy = context.inputs.require("arn"), context.inputs.require("policy")
    context.client("sns").set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=policy
    )
    return Created(arn, {"owner": context.provider.account})


def _subscription(context: CreateContext) -> Created:
    inputs = context.inputs
    attributes = inputs.as_api(
        {
            "rawMessageDelivery": "RawMessageDelivery",
            "filterPolicy": "FilterPolicy",
            "filterPolicyScope": "FilterPolicyScope",
            "redrivePolicy": "RedrivePolicy",
            "deliveryPolicy": "DeliveryPolicy",
        }
    )
    if "RawMessageDelivery" in attributes:
        attributes["RawMessageDelivery"] = str(attributes["RawMessageDelivery"]).lower()
    protocol = inputs.require("protocol")
    arn = context.client("sns").subscribe(
        TopicArn=inputs.require("topic"),
        Protocol=protocol,
        Endpoint=inputs.require("endpoint"),
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    pending = protocol in {"email", "email-json", "http", "https"}
    outputs = {"arn": arn, "ownerId": context.provider.account, "pendingConfirmation": pending}
    return Created(arn, outputs)


RESOURCE_TYPES: Final = (
    ResourceType(type="aws:sns/topic:Topic", create=_topic),
    ResourceType(type="aws:sns/topicPolicy:TopicPolicy", create=_policy, create_is_put=True),
    ResourceType(
        type="aws:sns/topicSubscription:TopicSubscription",
        create=_subscription,
        ignored=("confirmationTimeoutInMinutes", "endpointAutoConfirms"),
    ),
)
