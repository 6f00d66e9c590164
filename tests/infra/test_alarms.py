"""A stage's alarms: each watches a metric that is written, and tells the failure topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from function.limits import MAX_VISIBILITY_TIMEOUT_SECONDS
from function.observability import SERVICE, emit_metrics

if TYPE_CHECKING:
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

ALARM = "cloudwatch/metricAlarm:MetricAlarm"
STAGE = "ecs-run-task-dev"
OF_THE_HANDLER = {"ledger-unavailable": "TableUnavailable", "rejected": "Rejected"}
OF_AWS = {
    "dead-letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", 1),
    "waiting": ("AWS/SQS", "ApproximateAgeOfOldestMessage", 60 * 60),
    "errors": ("AWS/Lambda", "Errors", 1),
}

AFTER_THE_LAUNCH = {
    *("events-dead-letters", "events-waiting", "sweep", "never-started", "throttles"),
}


def alarm(recorder: Recorder, name: str) -> Any:
    return recorder.named(ALARM, f"{STAGE}-{name}").inputs


def test_a_stage_has_these_alarms_and_no_others(dev: Recorder) -> None:
    names = {one.name.removeprefix(f"{STAGE}-") for one in dev.all(ALARM)}
    assert names == {*OF_THE_HANDLER, *OF_AWS, *AFTER_THE_LAUNCH}


def test_a_stage_that_follows_no_tasks_has_the_others_alone(stack: Stack) -> None:
    recorder = stack("dev", outcomes="false")
    names = {one.name.removeprefix(f"{STAGE}-") for one in recorder.all(ALARM)}
    assert names == {*OF_THE_HANDLER, *OF_AWS}


@pytest.mark.parametrize(("name", "expected"), OF_THE_HANDLER.items())
def test_an_alarm_watches_the_metric_that_the_handler_writes(
    dev: Recorder, capsys: pytest.CaptureFixture[str], name: str, expected: str
) -> None:
    emit_metrics([], "dev")
    written = json.loads(capsys.readouterr().out.splitlines()[0])
    (metric,) = written["_aws"]["CloudWatchMetrics"]
    found = alarm(dev, name)
    assert found["namespace"] == metric["Namespace"] == SERVICE
    assert found["metricName"] == expected
    assert expected in {one["Name"] for one in metric["Metrics"]}
    assert found["dimensions"] == {key: written[key] for key in metric["Dimensions"][0]}
    assert (found["statistic"], found["threshold"]) == ("Sum", 1)


@pytest.mark.parametrize(("name", "expected"), OF_AWS.items())
def test_an_alarm_watches_a_metric_of_aws(
    dev: Recorder, name: str, expected: tuple[str, str, int]
) -> None:
    found = alarm(dev, name)
    assert (found["namespace"], found["metricName"], found["threshold"]) == expected


def test_the_alarms_of_a_fifo_stage_watch_its_own_queues(stack: Stack) -> None:
    for fifo in ("false", "true"):
        recorder = stack("dev", fifo=fifo)
        for name, queue in (("waiting", STAGE), ("dead-letters", f"{STAGE}-dlq")):
            outputs = recorder.named("sqs/queue:Queue", queue).outputs
            assert alarm(recorder, name)["dimensions"] == {"QueueName": outputs["name"]}


def test_a_message_waits_longer_than_one_delivery_can_hide_it(dev: Recorder) -> None:
    assert alarm(dev, "waiting")["threshold"] > MAX_VISIBILITY_TIMEOUT_SECONDS


def test_a_stage_with_a_daily_ceiling_tells_before_it_is_reached(stack: Stack) -> None:
    found = alarm(stack("dev", maxTasksPerDay="50"), "tasks")
    assert (found["metricName"], found["statistic"]) == ("Launched", "Sum")
    assert (found["period"], found["threshold"]) == (86_400, 40)


def test_the_first_event_in_five_minutes_raises_an_alarm_and_none_ends_it(dev: Recorder) -> None:
    topic = "arn:aws:sns:eu-central-1:111111111111:ecs-run-task-dev-failures-0123456"
    for found in dev.all(ALARM):
        inputs = found.inputs
        assert inputs["alarmActions"] == inputs["okActions"] == [topic]
        assert inputs["evaluationPeriods"] == 1
        if found.name in {f"{STAGE}-never-started", f"{STAGE}-sweep"}:
            continue
        assert inputs["period"] == 300
        assert inputs["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert inputs["treatMissingData"] == "notBreaching"


def test_an_alarm_has_a_name_that_the_topic_lets_publish(dev: Recorder) -> None:
    assert all(found.name.startswith(f"{STAGE}-") for found in dev.all(ALARM))
