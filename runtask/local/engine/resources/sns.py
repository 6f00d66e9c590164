"""Topics, their policies and subscriptions."""

from __future__ import annotations

from runtask.local.engine.kinds import Kind, Made, Making


def _topic(making: Making) -> Made:
    fifo = bool(making.inputs.get("fifoTopic"))
    name = making.physical(suffix=".fifo" if fifo else "")
    attributes = making.inputs.as_api(
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
    if making.inputs.get("contentBasedDeduplication"):
        attributes["ContentBasedDeduplication"] = "true"
    client = making.client("sns")
    arn = client.create_topic(Name=name, Attributes=attributes, Tags=making.tag_list())["TopicArn"]
    return Made(arn, {"name": name, "arn": arn, "owner": making.provider.account})


def _policy(making: Making) -> Made:
    arn, policy = making.inputs.require("arn"), making.inputs.require("policy")
    making.client("sns").set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=policy
    )
    return Made(arn, {"owner": making.provider.account})


def _subscription(making: Making) -> Made:
    inputs = making.inputs
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
    arn = making.client("sns").subscribe(
        TopicArn=inputs.require("topic"),
        Protocol=protocol,
        Endpoint=inputs.require("endpoint"),
        Attributes=attributes,
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    pending = protocol in {"email", "email-json", "http", "https"}
    outputs = {"arn": arn, "ownerId": making.provider.account, "pendingConfirmation": pending}
    return Made(arn, outputs)


KINDS = (
    Kind("aws:sns/topic:Topic", _topic),
    Kind("aws:sns/topicPolicy:TopicPolicy", _policy, puts=True),
    Kind(
        "aws:sns/topicSubscription:TopicSubscription",
        _subscription,
        ignored=("confirmationTimeoutInMinutes", "endpointAutoConfirms"),
    ),
)
