"""Queues and their policies."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.emulator import STRICT
from rehearsal.engine.resource_types import (
    CreateContext,
    Created,
    DeleteContext,
    ResourceType,
    wait_until_gone,
)

_ATTRIBUTES: Final = {
    "contentBasedDeduplication": "ContentBasedDeduplication",
    "deduplicationScope": "DeduplicationScope",
    "delaySeconds": "DelaySeconds",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}

# What the provider sets unless the program sets another: less than SQS's own default.
# https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/sqs/queue.go
_PROVIDER_DEFAULTS: Final = {"maxMessageSize": 262_144} if STRICT else {}

_GONE: Final = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


def _queue(context: CreateContext) -> Created:
    fifo = bool(context.inputs.get("fifoQueue"))
    name = context.physical_name(suffix=".fifo" if fifo else "")
    attributes = _attributes(context) | ({"FifoQueue": "true"} if fifo else {})
    client = context.client("sqs")
    url = client.create_queue(QueueName=name, Attributes=attributes, tags=context.tags())[
        "QueueUrl"
    ]
    return Created(url, {"name": name, "url": url, "arn": context.provider.arn("sqs", name)})


def _update_queue(context: CreateContext) -> Created:
    url, client = context.existing.id, context.client("sqs")
    context.inputs.get("fifoQueue")
    context.physical_name()
    client.set_queue_attributes(QueueUrl=url, Attributes=_attributes(context))
    changed, removed = context.changed_tags()
    if changed:
        client.tag_queue(QueueUrl=url, Tags=changed)
    if removed:
        client.untag_queue(QueueUrl=url, TagKeys=removed)
    return Created(url, context.kept("name", "url", "arn"))


def _delete_queue(context: DeleteContext) -> None:
    client = context.client("sqs")
    client.delete_queue(QueueUrl=context.id)
    wait_until_gone(
        lambda: client.get_queue_attributes(QueueUrl=context.id, AttributeNames=["All"]), *_GONE
    )


def _attributes(context: CreateContext) -> dict[str, str]:
    given = context.inputs.as_api(_ATTRIBUTES)
    defaults = {_ATTRIBUTES[key]: value for key, value in _PROVIDER_DEFAULTS.items()}
    return {name: _text(value) for name, value in {**defaults, **given}.items()}


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return str(value).lower() if isinstance(value, bool) else str(value)


def _attribute(token: str, key: str, name: str) -> ResourceType:
    """Return the resource type of one attribute of a queue.

    Args:
        token: Pulumi's name of the type.
        key: The input with the attribute's value.
        name: The API's name of the attribute.
    """

    def put(context: CreateContext) -> Created:
        url, value = context.inputs.require("queueUrl"), context.inputs.require(key)
        context.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={name: value})
        return Created(url, {})

    def delete(context: DeleteContext) -> None:
        client = context.client("sqs")
        client.set_queue_attributes(QueueUrl=context.id, Attributes={name: ""})
        client.get_queue_attributes(QueueUrl=context.id, AttributeNames=[name])

    return ResourceType(
        type=token, create=put, delete=delete, create_is_put=True, replace_on=("queueUrl",)
    )


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:sqs/queue:Queue",
        create=_queue,
        update=_update_queue,
        delete=_delete_queue,
        replace_on=("name", "namePrefix", "fifoQueue"),
    ),
    _attribute("aws:sqs/queuePolicy:QueuePolicy", "policy", "Policy"),
    _attribute(
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy", "RedriveAllowPolicy"
    ),
)
