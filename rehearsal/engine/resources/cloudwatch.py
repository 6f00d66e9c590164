"""Log groups, alarms and dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.engine.resource_types import CreateContext, Created, ResourceType

if TYPE_CHECKING:
    from rehearsal.engine.inputs import Inputs

_METRIC = {
    "metricName": "MetricName",
    "namespace": "Namespace",
    "period": "Period",
    "statistic": "Statistic",
    "extendedStatistic": "ExtendedStatistic",
    "unit": "Unit",
}
_ALARM = {
    **_METRIC,
    "actionsEnabled": "ActionsEnabled",
    "alarmActions": "AlarmActions",
    "alarmDescription": "AlarmDescription",
    "comparisonOperator": "ComparisonOperator",
    "datapointsToAlarm": "DatapointsToAlarm",
    "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile",
    "evaluationPeriods": "EvaluationPeriods",
    "insufficientDataActions": "InsufficientDataActions",
    "okActions": "OKActions",
    "threshold": "Threshold",
    "thresholdMetricId": "ThresholdMetricId",
    "treatMissingData": "TreatMissingData",
}


def _log_group(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("logs")
    name = context.physical()
    request = inputs.as_api({"kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass"})
    client.create_log_group(logGroupName=name, tags=context.tags(), **request)
    if days := inputs.get("retentionInDays"):
        client.put_retention_policy(logGroupName=name, retentionInDays=days)
    return Created(name, {"name": name, "arn": context.provider.arn("logs", f"log-group:{name}")})


def _update_log_group(context: CreateContext) -> Created:
    inputs, old = context.inputs, context.old
    assert old is not None  # noqa: S101 - an update has something to change
    context.client("logs").put_retention_policy(
        logGroupName=context.physical(), retentionInDays=inputs.require("retentionInDays")
    )
    context.tags()
    for fixed in ("kmsKeyId", "logGroupClass"):
        inputs.get(fixed)
    return Created(old.id, {key: old.outputs[key] for key in ("name", "arn")})


def _alarm(context: CreateContext) -> Created:
    name = context.physical()
    request = context.inputs.as_api(_ALARM)
    if dimensions := context.inputs.get("dimensions"):
        request["Dimensions"] = _dimensions(dimensions)
    if queries := context.inputs.parts("metricQueries"):
        request["Metrics"] = [_query(query) for query in queries]
    context.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Tags=context.tag_list(), **request
    )
    return Created(name, {"name": name, "arn": context.provider.arn("cloudwatch", f"alarm:{name}")})


def _query(query: Inputs) -> dict[str, Any]:
    names = {
        "id": "Id",
        "expression": "Expression",
        "label": "Label",
        "returnData": "ReturnData",
        "accountId": "AccountId",
        "period": "Period",
    }
    api = query.as_api(names)
    if metric := query.part("metric"):
        dimensions = _dimensions(metric.get("dimensions") or {})
        named = metric.as_api({"metricName": "MetricName", "namespace": "Namespace"})
        statistic = metric.as_api({"period": "Period", "stat": "Stat", "unit": "Unit"})
        api["MetricStat"] = {"Metric": {**named, "Dimensions": dimensions}, **statistic}
    return api


def _dimensions(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


def _dashboard(context: CreateContext) -> Created:
    name, body = context.inputs.require("dashboardName"), context.inputs.require("dashboardBody")
    context.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    arn = context.provider.arn("cloudwatch", f"dashboard/{name}", region="")
    return Created(name, {"dashboardArn": arn})


RESOURCE_TYPES = (
    ResourceType(
        "aws:cloudwatch/logGroup:LogGroup", _log_group, _update_log_group, ignored=("skipDestroy",)
    ),
    ResourceType("aws:cloudwatch/metricAlarm:MetricAlarm", _alarm, puts=True),
    ResourceType("aws:cloudwatch/dashboard:Dashboard", _dashboard, puts=True),
)
