"""EventBridge's rules and targets."""

from __future__ import annotations

from typing import Any

from rehearsal.engine.errors import EngineError
from rehearsal.engine.resource_types import CreateContext, Created, ResourceType


def _rule(context: CreateContext) -> Created:
    inputs, name = context.inputs, context.physical()
    bus = inputs.get("eventBusName") or "default"
    request = inputs.as_api(
        {
            "description": "Description",
            "eventPattern": "EventPattern",
            "roleArn": "RoleArn",
            "scheduleExpression": "ScheduleExpression",
            "state": "State",
        }
    )
    tags = {} if context.old else {"Tags": context.tag_list()}
    client = context.client("events")
    arn = client.put_rule(Name=name, EventBusName=bus, **request, **tags)["RuleArn"]
    return Created(name if bus == "default" else f"{bus}/{name}", {"name": name, "arn": arn})


def _target(context: CreateContext) -> Created:
    inputs = context.inputs
    rule, bus = inputs.require("rule"), inputs.get("eventBusName") or "default"
    target_id = context.physical("targetId")
    names = {"arn": "Arn", "input": "Input", "inputPath": "InputPath", "roleArn": "RoleArn"}
    target: dict[str, Any] = {"Id": target_id, **inputs.as_api(names)}
    if part := inputs.part("sqsTarget"):
        target["SqsParameters"] = part.as_api({"messageGroupId": "MessageGroupId"})
    if part := inputs.part("deadLetterConfig"):
        target["DeadLetterConfig"] = part.as_api({"arn": "Arn"})
    if part := inputs.part("retryPolicy"):
        target["RetryPolicy"] = part.as_api(
            {
                "maximumEventAgeInSeconds": "MaximumEventAgeInSeconds",
                "maximumRetryAttempts": "MaximumRetryAttempts",
            }
        )
    if part := inputs.part("inputTransformer"):
        target["InputTransformer"] = part.as_api(
            {"inputPaths": "InputPathsMap", "inputTemplate": "InputTemplate"}
        )
    answer = context.client("events").put_targets(Rule=rule, EventBusName=bus, Targets=[target])
    for failure in answer.get("FailedEntries", []):
        raise EngineError(f"aws:cloudwatch/eventTarget:EventTarget {context.name!r}: {failure}")
    return Created(f"{bus}-{rule}-{target_id}", {"targetId": target_id})


RESOURCE_TYPES = (
    ResourceType("aws:cloudwatch/eventRule:EventRule", _rule, puts=True, ignored=("forceDestroy",)),
    ResourceType(
        "aws:cloudwatch/eventTarget:EventTarget", _target, puts=True, ignored=("forceDestroy",)
    ),
)
