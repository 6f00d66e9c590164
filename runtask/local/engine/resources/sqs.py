"""Queues and their policies."""

from __future__ import annotations

from typing import Any

from runtask.local.engine.kinds import Kind, Made, Making

_ATTRIBUTES = {
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


def _queue(making: Making) -> Made:
    fifo = bool(making.inputs.get("fifoQueue"))
    name = making.physical(suffix=".fifo" if fifo else "")
    attributes = _attributes(making) | ({"FifoQueue": "true"} if fifo else {})
    client = making.client("sqs")
    url = client.create_queue(QueueName=name, Attributes=attributes, tags=making.tags())["QueueUrl"]
    return Made(url, {"name": name, "url": url, "arn": making.provider.arn("sqs", name)})


def _update_queue(making: Making) -> Made:
    old = making.old
    assert old is not None  # noqa: S101 - an update has something to change
    making.inputs.get("fifoQueue")
    making.physical()
    making.client("sqs").set_queue_attributes(QueueUrl=old.id, Attributes=_attributes(making))
    making.tags()
    return Made(old.id, {key: old.outputs[key] for key in ("name", "url", "arn")})


def _attributes(making: Making) -> dict[str, str]:
    return {name: _text(value) for name, value in making.inputs.as_api(_ATTRIBUTES).items()}


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    return str(value).lower() if isinstance(value, bool) else str(value)


def _attribute(token: str, key: str, name: str) -> Kind:
    """Return the type that is one attribute of a queue."""

    def put(making: Making) -> Made:
        url, value = making.inputs.require("queueUrl"), making.inputs.require(key)
        making.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={name: value})
        return Made(url, {})

    return Kind(token, put, puts=True)


KINDS = (
    Kind("aws:sqs/queue:Queue", _queue, _update_queue),
    _attribute("aws:sqs/queuePolicy:QueuePolicy", "policy", "Policy"),
    _attribute("aws:sqs/redrivePolicy:RedrivePolicy", "redrivePolicy", "RedrivePolicy"),
    _attribute(
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "redriveAllowPolicy", "RedriveAllowPolicy"
    ),
)
