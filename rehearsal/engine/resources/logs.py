"""Log groups of CloudWatch Logs."""

from __future__ import annotations

from typing import Final

from rehearsal.engine.resource_types import CreateContext, Created, DeleteContext, ResourceType


def _log_group(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("logs")
    name = context.physical_name()
    request = inputs.as_api({"kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass"})
    client.create_log_group(logGroupName=name, tags=context.tags(), **request)
    if days := inputs.get("retentionInDays"):
        client.put_retention_policy(logGroupName=name, retentionInDays=days)
    return Created(name, {"name": name, "arn": context.provider.arn("logs", f"log-group:{name}")})


def _update_log_group(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("logs")
    name, days, key = context.physical_name(), inputs.get("retentionInDays"), inputs.get("kmsKeyId")
    if days:
        client.put_retention_policy(logGroupName=name, retentionInDays=days)
    else:
        client.delete_retention_policy(logGroupName=name)
    if key != context.existing.inputs.get("kmsKeyId"):
        change = client.associate_kms_key if key else client.disassociate_kms_key
        change(logGroupName=name, **({"kmsKeyId": key} if key else {}))
    arn = context.existing.outputs["arn"]
    changed, removed = context.changed_tags()
    if changed:
        client.tag_resource(resourceArn=arn, tags=changed)
    if removed:
        client.untag_resource(resourceArn=arn, tagKeys=removed)
    inputs.get("logGroupClass")
    return Created(context.existing.id, context.kept("name", "arn"))


def _delete_log_group(context: DeleteContext) -> None:
    context.client("logs").delete_log_group(logGroupName=context.id)


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:cloudwatch/logGroup:LogGroup",
        create=_log_group,
        update=_update_log_group,
        delete=_delete_log_group,
        replace_on=("name", "namePrefix", "logGroupClass"),
        ignored=("skipDestroy",),
    ),
)
