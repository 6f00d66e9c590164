"""Alarms and dashboards of CloudWatch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rehearsal.engine.resource_types import CreateContext, Created, DeleteContext, ResourceType
from rehearsal.engine.resources.tagging import update_tags

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        **({"Dimensions": _dimensions(dimensions)} if dimensions else {}),
        **context.inputs.as_api(_ALARM),
        **_queries(context),
        # AWS ignores the tags of an alarm that exists.
        **({"Tags": context.tag_list()} if new else {}),
    )
    arn = context.provider.arn("cloudwatch", f"alarm:{name}")
    if not new:
        update_tags(client, context, arn)
    return Created(name, {"name": name, "arn": arn})


def _queries(context: CreateContext) -> dict[str, Any]:
    """Return the metrics of an alarm that watches an expression over several."""
    queries = []
    for query in context.inputs.parts("metricQueries"):
        api = query.as_api(
            {"id": "Id", "expression": "Expression", "label": "Label", "returnData": "ReturnData"}
        )
        if metric := query.part("metric"):
            api["MetricStat"] = {
                "Metric": {
                    **metric.as_api({"namespace": "Namespace", "metricName": "MetricName"}),
                    "Dimensions": _dimensions(metric.get("dimensions") or {}),
                },
                **metric.as_api({"period": "Period", "stat": "Stat"}),
            }
            # The provider says false where the program says nothing.
            api.setdefault("ReturnData", False)
        queries.append(api)
    return {"Metrics": queries} if queries else {}


def _dimensions(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": key, "Value": value} for key, value in values.items()]


def _delete_alarm(context: DeleteContext) -> None:
    context.client("cloudwatch").delete_alarms(AlarmNames=[context.id])


def _dashboard(context: CreateContext) -> Created:
    name = context.physical_name("dashboardName")
    client = context.client("cloudwatch")
    client.put_dashboard(DashboardName=name, DashboardBody=context.inputs.require("dashboardBody"))
    arn = f"arn:aws:cloudwatch::{context.provider.account}:dashboard/{name}"
    return Created(name, {"dashboardName": name, "dashboardArn": arn})


def _delete_dashboard(context: DeleteContext) -> None:
    context.client("cloudwatch").delete_dashboards(DashboardNames=[context.id])


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:cloudwatch/dashboard:Dashboard",
        create=_dashboard,
        delete=_delete_dashboard,
        create_is_put=True,
        replace_on=("dashboardName",),
        named_by="dashboardName",
    ),
    ResourceType(
        type="aws:cloudwatch/metricAlarm:MetricAlarm",
        create=_alarm,
        delete=_delete_alarm,
        create_is_put=True,
        replace_on=("name",),
    ),
)
