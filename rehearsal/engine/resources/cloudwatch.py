"""Alarms of CloudWatch."""

from __future__ import annotations

from typing import Final

from rehearsal.engine.resource_types import CreateContext, Created, DeleteContext, ResourceType

_ALARM: Final = {
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "evaluationPeriods": "EvaluationPeriods",
    "metricName": "MetricName",
    "namespace": "Namespace",
    "okActions": "OKActions",
    "period": "Period",
    "statistic": "Statistic",
    "threshold": "Threshold",
    "treatMissingData": "TreatMissingData",
}


def _alarm(context: CreateContext) -> Created:
    name, client = context.physical_name(), context.client("cloudwatch")
    dimensions = context.inputs.get("dimensions") or {}
    new = context.old is None
    client.put_metric_alarm(
        AlarmName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        **context.inputs.as_api(_ALARM),
        # AWS ignores the tags of an alarm that exists.
        **({"Tags": context.tag_list()} if new else {}),
    )
    arn = context.provider.arn("cloudwatch", f"alarm:{name}")
    if not new:
        changed, removed = context.changed_tags()
        if changed:
            tags = [{"Key": key, "Value": value} for key, value in changed.items()]
            client.tag_resource(ResourceARN=arn, Tags=tags)
        if removed:
            client.untag_resource(ResourceARN=arn, TagKeys=removed)
    return Created(name, {"name": name, "arn": arn})


def _delete_alarm(context: DeleteContext) -> None:
    context.client("cloudwatch").delete_alarms(AlarmNames=[context.id])


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:cloudwatch/metricAlarm:MetricAlarm",
        create=_alarm,
        delete=_delete_alarm,
        create_is_put=True,
        replace_on=("name",),
    ),
)
