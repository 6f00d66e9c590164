"""Log groups of CloudWatch Logs."""

from __future__ import annotations

from typing import Final

from rehearsal.engine.resource_types import CreateContext, Created, ResourceType


def _log_group(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("logs")
    name = context.physical_name()
    request = inputs.as_api({"kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass"})
    client.create_log_group(logGroupName=name, tags=context.tags(), **request)
    if days := inputs.get("retentionInDays"):
        client.put_retention_policy(logGroupName=name, retentionInDays=days)
    return Created(name, {"name": name, "arn": context.provider.arn("logs", f"log-group:{name}")})


def _update_log_group(context: CreateContext) -> Created:
    inputs, old = context.inputs, context.old
    assert old is not None  # noqa: S101 - an update has an old resource
    context.client("logs").put_retention_policy(
        logGroupName=context.physical_name(), retentionInDays=inputs.require("retentionInDays")
    )
    context.tags()
    for fixed in ("kmsKeyId", "logGroupClass"):
        inputs.get(fixed)
    return Created(old.id, {key: old.outputs[key] for key in ("name", "arn")})


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:cloudwatch/logGroup:LogGroup",
        create=_log_group,
        update=_update_log_group,
        ignored=("skipDestroy",),
    ),
)
