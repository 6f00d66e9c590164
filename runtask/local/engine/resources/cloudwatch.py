"""Log groups, alarms and dashboards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtask.local.engine.kinds import Kind, Made, Making

if TYPE_CHECKING:
    from runtask.local.engine.inputs import Inputs

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


def _log_group(making: Making) -> Made:
    inputs, client = making.inputs, making.client("logs")
    name = making.physical()
    request = inputs.as_api({"kmsKeyId": "kmsKeyId", "logGroupClass": "logGroupClass"})
    client.create_log_group(logGroupName=name, tags=making.tags(), **request)
    if days := inputs.get("retentionInDays"):
        client.put_retention_policy(logGroupName=name, retentionInDays=days)
    return Made(name, {"name": name, "arn": making.provider.arn("logs", f"log-group:{name}")})


def _update_log_group(making: Making) -> Made:
    inputs, old = making.inputs, making.old
    assert old is not None  # noqa: S101 - an update has something to change
    making.client("logs").put_retention_policy(
        logGroupName=making.physical(), retentionInDays=inputs.require("retentionInDays")
    )
    making.tags()
    for fixed in ("kmsKeyId", "logGroupClass"):
        inputs.get(fixed)
    return Made(old.id, {key: old.outputs[key] for key in ("name", "arn")})


def _alarm(making: Making) -> Made:
    name = making.physical()
    request = making.inputs.as_api(_ALARM)
    if dimensions := making.inputs.get("dimensions"):
        request["Dimensions"] = _dimensions(dimensions)
    if queries := making.inputs.parts("metricQueries"):
        request["Metrics"] = [_query(query) for query in queries]
    making.client("cloudwatch").put_metric_alarm(AlarmName=name, Tags=making.tag_list(), **request)
    return Made(name, {"name": name, "arn": making.provider.arn("cloudwatch", f"alarm:{name}")})


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


def _dashboard(making: Making) -> Made:
    name, body = making.inputs.require("dashboardName"), making.inputs.require("dashboardBody")
    making.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
    arn = making.provider.arn("cloudwatch", f"dashboard/{name}", region="")
    return Made(name, {"dashboardArn": arn})


KINDS = (
    Kind(
        "aws:cloudwatch/logGroup:LogGroup", _log_group, _update_log_group, ignored=("skipDestroy",)
    ),
    Kind("aws:cloudwatch/metricAlarm:MetricAlarm", _alarm, puts=True),
    Kind("aws:cloudwatch/dashboard:Dashboard", _dashboard, puts=True),
)
