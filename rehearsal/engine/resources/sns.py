"""Topics, their policies and subscriptions."""

from __future__ import annotations

import json
from typing import Any, Final

from rehearsal.engine.resource_types import (
    CreateContext,
    Created,
    DeleteContext,
    ResourceType,
    wait_until_gone,
)

_TOPIC_ATTRIBUTES: Final = {
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "tracingConfig": "TracingConfig",
}


def _topic(context: CreateContext) -> Created:
    fifo = bool(context.inputs.get("fifoTopic"))
    name = context.physical_name(suffix=".fifo" if fifo else "")
    attributes = context.inputs.as_api(_TOPIC_ATTRIBUTES)
    if fifo:
        attributes["FifoTopic"] = "true"
    if context.inputs.get("contentBasedDeduplication"):
        attributes["ContentBasedDeduplication"] = "true"
    client = context.client("sns")
    arn = client.create_topic(Name=name, Attributes=attributes, Tags=context.tag_list())["TopicArn"]
    return Created(arn, {"name": name, "arn": arn, "owner": context.provider.account})


def _update_topic(context: CreateContext) -> Created:
    arn, client = context.existing.id, context.client("sns")
    for name, value in context.inputs.as_api(_TOPIC_ATTRIBUTES).items():
        client.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=str(value))
    for fixed in ("fifoTopic", "contentBasedDeduplication"):
        context.inputs.get(fixed)
    context.physical_name()
    changed, removed = context.changed_tags()
    if changed:
        pairs = [{"Key": key, "Value": value} for key, value in changed.items()]
        client.tag_resource(ResourceArn=arn, Tags=pairs)
    if removed:
        client.untag_resource(ResourceArn=arn, TagKeys=removed)
    return Created(arn, context.kept("name", "arn", "owner"))


def _delete_topic(context: DeleteContext) -> None:
    context.client("sns").delete_topic(TopicArn=context.id)


def _policy(context: CreateContext) -> Created:
    arn, policy = context.inputs.require("arn"), context.inputs.require("policy")
    context.client("sns").set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=policy
    )
    return Created(arn, {"owner": context.provider.account})


def _delete_policy(context: DeleteContext) -> None:
    """Put the default policy back: the owner's account."""
    account = context.provider.account
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["sns:GetTopicAttributes", "sns:Publish", "sns:SetTopicAttributes"],
        "Resource": context.id,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    policy = json.dumps({"Version": "2008-10-17", "Statement": [statement]})
    context.client("sns").set_topic_attributes(
        TopicArn=context.id, AttributeName="Policy", AttributeValue=policy
    )


def _subscription_attributes(context: CreateContext) -> dict[str, Any]:
    attributes = context.inputs.as_api(
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
    return attributes


def _subscription(context: CreateContext) -> Created:
    inputs, attributes = context.inputs, _subscription_attributes(context)
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


def _update_subscription(context: CreateContext) -> Created:
    arn = context.existing.id
    for name, value in _subscription_attributes(context).items():
        context.client("sns").set_subscription_attributes(
            SubscriptionArn=arn, AttributeName=name, AttributeValue=str(value)
        )
    for fixed in ("topic", "protocol", "endpoint"):
        context.inputs.get(fixed)
    return Created(arn, context.kept("arn", "ownerId", "pendingConfirmation"))


def _delete_subscription(context: DeleteContext) -> None:
    client = context.client("sns")
    client.unsubscribe(SubscriptionArn=context.id)
    wait_until_gone(
        lambda: client.get_subscription_attributes(SubscriptionArn=context.id), "NotFound"
    )


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:sns/topic:Topic",
        create=_topic,
        update=_update_topic,
        delete=_delete_topic,
        replace_on=("name", "namePrefix", "fifoTopic"),
    ),
    ResourceType(
        type="aws:sns/topicPolicy:TopicPolicy",
        create=_policy,
        delete=_delete_policy,
        create_is_put=True,
        replace_on=("arn",),
    ),
    ResourceType(
        type="aws:sns/topicSubscription:TopicSubscription",
        create=_subscription,
        update=_update_subscription,
        delete=_delete_subscription,
        replace_on=("topic", "protocol", "endpoint"),
        ignored=("confirmationTimeoutInMinutes", "endpointAutoConfirms"),
    ),
)
