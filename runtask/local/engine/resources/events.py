"""EventBridge's rules and targets."""

from __future__ import annotations

from typing import Any

from runtask.local.engine.errors import EngineError
from runtask.local.engine.kinds import Kind, Made, Making


def _rule(making: Making) -> Made:
    inputs, name = making.inputs, making.physical()
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
    tags = {} if making.old else {"Tags": making.tag_list()}
    client = making.client("events")
    arn = client.put_rule(Name=name, EventBusName=bus, **request, **tags)["RuleArn"]
    return Made(name if bus == "default" else f"{bus}/{name}", {"name": name, "arn": arn})


def _target(making: Making) -> Made:
    inputs = making.inputs
    rule, bus = inputs.require("rule"), inputs.get("eventBusName") or "default"
    target_id = making.physical("targetId")
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
    answer = making.client("events").put_targets(Rule=rule, EventBusName=bus, Targets=[target])
    for failure in answer.get("FailedEntries", []):
        raise EngineError(f"aws:cloudwatch/eventTarget:EventTarget {making.name!r}: {failure}")
    return Made(f"{bus}-{rule}-{target_id}", {"targetId": target_id})


KINDS = (
    Kind("aws:cloudwatch/eventRule:EventRule", _rule, puts=True, ignored=("forceDestroy",)),
    Kind("aws:cloudwatch/eventTarget:EventTarget", _target, puts=True, ignored=("forceDestroy",)),
)
