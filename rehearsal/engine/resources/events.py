"""Rules of EventBridge, their targets, and event buses."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.engine.resource_types import CreateContext, Created, DeleteContext, ResourceType
from rehearsal.engine.resources.tagging import update_tags

_RULE: Final = {
    "description": "Description",
    "eventBusName": "EventBusName",
    "eventPattern": "EventPattern",
    "scheduleExpression": "ScheduleExpression",
    "state": "State",
}

_BUS: Final = {"description": "Description", "kmsKeyIdentifier": "KmsKeyIdentifier"}


def _rule(context: CreateContext) -> Created:
    name, client = context.physical_name(), context.client("events")
    new = context.old is None
    made = client.put_rule(
        Name=name,
        **context.inputs.as_api(_RULE),
        # AWS ignores the tags of a rule that exists.
        **({"Tags": context.tag_list()} if new else {}),
    )
    if not new:
        update_tags(context.client("events"), context, made["RuleArn"])
    return Created(name, {"name": name, "namePrefix": "", "arn": made["RuleArn"]})


def _delete_rule(context: DeleteContext) -> None:
    context.client("events").delete_rule(Name=context.id)


def _target(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("events")
    rule, target = inputs.require("rule"), inputs.require("targetId")
    request: dict[str, Any] = {
        "Id": target,
        "Arn": inputs.require("arn"),
        **inputs.as_api({"input": "Input"}),
    }
    if part := inputs.part("inputTransformer"):
        names = {"inputPaths": "InputPathsMap", "inputTemplate": "InputTemplate"}
        request["InputTransformer"] = part.as_api(names)
    client.put_targets(Rule=rule, Targets=[request])
    return Created(f"{rule}-{target}", {})


def _delete_target(context: DeleteContext) -> None:
    context.client("events").remove_targets(Rule=context["rule"], Ids=[context["targetId"]])


def _bus(context: CreateContext) -> Created:
    name, client = context.physical_name(), context.client("events")
    made = client.create_event_bus(
        Name=name, Tags=context.tag_list(), **context.inputs.as_api(_BUS)
    )
    return Created(name, {"name": name, "arn": made["EventBusArn"]})


def _update_bus(context: CreateContext) -> Created:
    name, client = context.physical_name(), context.client("events")
    client.update_event_bus(Name=name, **context.inputs.as_api(_BUS))
    update_tags(context.client("events"), context, context.existing.outputs["arn"])
    return Created(name, context.kept("name", "arn"))


def _delete_bus(context: DeleteContext) -> None:
    context.client("events").delete_event_bus(Name=context.id)


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:cloudwatch/eventRule:EventRule",
        create=_rule,
        delete=_delete_rule,
        create_is_put=True,
        replace_on=("name", "namePrefix", "eventBusName"),
    ),
    ResourceType(
        type="aws:cloudwatch/eventTarget:EventTarget",
        create=_target,
        delete=_delete_target,
        create_is_put=True,
        replace_on=("rule", "targetId", "eventBusName"),
        named_by="targetId",
    ),
    ResourceType(
        type="aws:cloudwatch/eventBus:EventBus",
        create=_bus,
        update=_update_bus,
        delete=_delete_bus,
        replace_on=("name",),
    ),
)
