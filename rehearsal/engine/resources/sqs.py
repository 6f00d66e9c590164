"""Queues and their policies."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.engine.resource_types import CreateContext, Created, ResourceType

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
    old = context.old
    assert old is not None  # noqa: S101 - an update has an old resource
    context.inputs.get("fifoQueue")
    context.physical_name()
    context.client("sqs").set_queue_attributes(QueueUrl=old.id, Attributes=_attributes(context))
    context.tags()
    return Created(old.id, {key: old.outputs[key] for key in ("name", "url", "arn")})


def _attributes(context: CreateContext) -> dict[str, str]:
    return {name: _text(value) for name, value in context.inputs.as_api(_ATTRIBUTES).items()}


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

    return ResourceType(type=token, create=put, create_is_put=True)


RESOURCE_TYPES: Final = (
    ResourceType(type="aws:sqs/queue:Queue", create=_queue, update=_update_queue),
    _attribute("aws:sqs/queuePolicy:QueuePolicy", "policy", "Policy"),
    _attribute(
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy", "RedriveAllowPolicy"
    ),
)
