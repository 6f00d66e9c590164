"""The dashboard shows metrics that are written, in a form that CloudWatch takes."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from function.observability import SERVICE, emit_metrics
from function.outcomes.metrics import OutcomeMetrics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

DASHBOARD: Final = "cloudwatch/dashboard:Dashboard"

# Of the metrics of AWS, those that are shown.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
OF_AWS: Final = {
    "AWS/SQS": {
        *("ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"),
        "ApproximateAgeOfOldestMessage",
    },
    "AWS/Lambda": {"Errors", "Throttles", "ConcurrentExecutions"},
}


@pytest.fixture(scope="module")
def body(dev: Recorder) -> dict[str, Any]:
    return dev.only(DASHBOARD).document("dashboardBody")


def graphs(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in body["widgets"] if widget["type"] == "metric"]


def lines(body: dict[str, Any]) -> Iterator[list[Any]]:
    for graph in graphs(body):
        yield from graph["metrics"]


def written(capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Return the names of the metrics that the handler writes with the dimension `stage`."""
    emit_metrics([], "dev")
    metrics = OutcomeMetrics("dev")
    metrics.swept(0.0)
    metrics.flush()
    found: set[str] = set()
    for line in capsys.readouterr().out.splitlines():
        (metric,) = json.loads(line)["_aws"]["CloudWatchMetrics"]
        assert metric["Namespace"] == SERVICE
        found |= {one["Name"] for one in metric["Metrics"]}
    return found


def test_every_metric_of_the_handler_is_one_that_it_writes(
    body: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = {line[1] for line in lines(body) if line[0] == SERVICE}
    # Written only for a message that was launched, or a report that was lost.
    assert shown - {"AgeAtLaunch", "ReportsLost"} <= written(capsys)
    for line in lines(body):
        if line[0] == SERVICE:
            assert line[2:6] == ["service", SERVICE, "stage", "dev"]


def test_an_alarm_on_several_metrics_finds_all_of_them_in_every_invocation(
    dev: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm = dev.named("cloudwatch/metricAlarm:MetricAlarm", "ecs-run-task-dev-never-started").inputs
    queries = alarm["metricQueries"]
    metrics = [query["metric"] for query in queries if "metric" in query]
    assert {metric["metricName"] for metric in metrics} <= written(capsys)
    assert all(metric["namespace"] == SERVICE for metric in metrics)
    assert all(metric["dimensions"] == {"service": SERVICE, "stage": "dev"} for metric in metrics)
    (rate,) = (query["expression"] for query in queries if "expression" in query)
    ids = {query["id"] for query in queries if "metric" in query}
    assert set(re.findall(r"[a-z]+", rate)) == ids
    assert [query["id"] for query in queries if query.get("returnData")] == ["rate"]
    assert (alarm["threshold"], alarm["treatMissingData"]) == (10, "notBreaching")


def test_the_sweep_has_an_alarm_that_its_absence_raises(
    dev: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm = dev.named("cloudwatch/metricAlarm:MetricAlarm", "ecs-run-task-dev-sweep").inputs
    assert alarm["metricName"] in written(capsys)
    assert (alarm["statistic"], alarm["threshold"], alarm["period"]) == ("Maximum", 900, 900)
    assert alarm["treatMissingData"] == "breaching"


def test_an_alarm_tells_of_more_vcpu_hours_than_expected(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = stack("dev", maxVcpuHoursPerDay="100")
    alarm = recorder.named(
        "cloudwatch/metricAlarm:MetricAlarm", "ecs-run-task-dev-vcpu-hours"
    ).inputs
    assert alarm["metricName"] in written(capsys)
    assert (alarm["statistic"], alarm["period"], alarm["threshold"]) == ("Sum", 86_400, 360_000)


def test_every_metric_of_aws_exists_and_names_a_resource_of_the_stage(
    body: dict[str, Any], dev: Recorder
) -> None:
    queues = {queue.outputs["name"] for queue in dev.all("sqs/queue:Queue")}
    shown = set()
    for line in lines(body):
        if isinstance(line[0], str) and line[0] in OF_AWS:
            assert line[1] in OF_AWS[line[0]]
            if line[2] == "QueueName":
                shown.add(line[3])
            else:
                assert line[2:4] == ["FunctionName", "ecs-run-task-dev"]
    assert shown == queues


def test_a_search_finds_what_the_handler_writes_by_reason(body: dict[str, Any]) -> None:
    searches = [
        line[0]["expression"]
        for line in lines(body)
        if isinstance(line[0], dict) and line[0]["expression"].startswith("SEARCH")
    ]
    assert {re.findall(r'MetricName="(\w+)"', search)[0] for search in searches} == {
        *("Failed", "NeverStarted", "TimedOut", "Stopped", "Returned", "Rejected")
    }
    for search in searches:
        assert f"{{{SERVICE},reason,service,stage}}" in search
        assert 'stage="dev"' in search
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
        assert len(search) <= 1024


def test_expressions_use_metrics_of_their_own_graph(body: dict[str, Any]) -> None:
    for graph in graphs(body):
        ids = {line[-1]["id"] for line in graph["metrics"] if "id" in line[-1]}
        for line in graph["metrics"]:
            expression = line[0].get("expression", "") if isinstance(line[0], dict) else ""
            if not expression.startswith("SEARCH"):
                assert set(re.findall(r"\b[a-z]+\b", expression)) <= ids


def test_the_quota_that_a_stage_may_use_is_beside_its_pace(stack: Stack) -> None:
    for options, quota in (({}, 20), ({"fargateLaunchRate": "7"}, 7)):
        document = stack("dev", **options).only(DASHBOARD).document("dashboardBody")
        (pace,) = (graph for graph in graphs(document) if "annotations" in graph)
        assert pace["annotations"]["horizontal"][0]["value"] == quota


def test_every_alarm_of_the_stage_is_shown(stack: Stack) -> None:
    recorder = stack("dev", maxTasksPerDay="50", maxVcpuHoursPerDay="10")
    document = recorder.only(DASHBOARD).document("dashboardBody")
    (shown,) = (w["properties"]["alarms"] for w in document["widgets"] if w["type"] == "alarm")
    alarms = {alarm.outputs["arn"] for alarm in recorder.all("cloudwatch/metricAlarm:MetricAlarm")}
    assert set(shown) == alarms
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    assert len(shown) <= 100


def test_widgets_fill_the_grid_and_do_not_overlap(body: dict[str, Any]) -> None:
    boxes = [(w["x"], w["y"], w["width"], w["height"]) for w in body["widgets"]]
    assert all(x >= 0 and x + width <= 24 for x, _, width, _ in boxes)
    for one, other in itertools.combinations(boxes, 2):
        assert (
            one[0] + one[2] <= other[0]
            or other[0] + other[2] <= one[0]
            or one[1] + one[3] <= other[1]
            or other[1] + other[3] <= one[1]
        )


def test_a_dashboard_costs_what_one_dashboard_costs(body: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
    assert len(body["widgets"]) <= 500
    assert all(len(graph["metrics"]) <= 500 for graph in graphs(body))


def test_a_stage_can_do_without(stack: Stack) -> None:
    assert not stack("dev", dashboard="false").all(DASHBOARD)
    assert not stack("dev", outcomes="false").all(DASHBOARD)


def test_no_two_lines_of_a_graph_have_one_name(body: dict[str, Any]) -> None:
    for widget in body["widgets"]:
        lines = widget["properties"].get("metrics", ())
        names = [
            line[-1].get("label", line[1:2]) for line in lines if line[-1].get("visible", True)
        ]
        assert len({str(name) for name in names}) == len(names), widget["properties"]["title"]
