"""The ledger table and its alarm are what the handler expects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from function import ledger
from function.observability import SERVICE, emit_metrics
from function.settings import Settings

if TYPE_CHECKING:
    import pytest

    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

TABLE = "dynamodb/table:Table"
ALARM = "cloudwatch/metricAlarm:MetricAlarm"


def test_the_table_has_the_handlers_key_and_time_to_live(dev: Recorder) -> None:
    table = dev.only(TABLE).inputs
    assert table["name"] == "ecs-run-task-dev-ledger"
    assert table["hashKey"] == ledger.KEY
    assert table["attributes"] == [{"name": ledger.KEY, "type": "S"}]
    assert table["ttl"] == {"attributeName": ledger.EXPIRES, "enabled": True}
    assert "rangeKey" not in table


def test_the_table_costs_what_is_used(dev: Recorder) -> None:
    assert dev.only(TABLE).inputs["billingMode"] == "PAY_PER_REQUEST"


def test_the_table_is_encrypted_with_the_stages_key_and_can_be_restored(dev: Recorder) -> None:
    table = dev.only(TABLE).inputs
    key = "arn:aws:kms:eu-central-1:111111111111:ecs-run-task-dev-key-0123456"
    assert table["serverSideEncryption"] == {"enabled": True, "kmsKeyArn": key}
    assert table["pointInTimeRecovery"] == {"enabled": True}


def test_the_handler_gets_the_tables_name_and_how_long_it_remembers(stack: Stack) -> None:
    recorder = stack("dev", keyRetentionDays="30", pythonLiterals="true", runTaskBurst="7")
    variables = recorder.only("lambda/function:Function").inputs["environment"]["variables"]
    settings = Settings.from_environment(variables)
    assert settings.ledger_table == "ecs-run-task-dev-ledger"
    assert settings.key_retention_seconds == 30 * 86_400
    assert settings.python_literals
    assert (settings.run_task_rate, settings.run_task_burst) == (40, 7)
    assert (settings.fargate_launch_rate, settings.fargate_launch_burst) == (20, 100)
    assert (settings.fargate_spot_launch_rate, settings.fargate_spot_launch_burst) == (20, 100)


def test_the_alarm_watches_the_metric_that_the_handler_writes(
    dev: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm = dev.only(ALARM).inputs
    emit_metrics([], "dev")
    written = json.loads(capsys.readouterr().out.splitlines()[0])
    (metric,) = written["_aws"]["CloudWatchMetrics"]
    assert alarm["namespace"] == metric["Namespace"] == SERVICE
    assert alarm["metricName"] in {one["Name"] for one in metric["Metrics"]}
    assert alarm["dimensions"] == {name: written[name] for name in metric["Dimensions"][0]}


def test_one_failed_call_in_five_minutes_raises_the_alarm(dev: Recorder) -> None:
    alarm = dev.only(ALARM).inputs
    assert (alarm["statistic"], alarm["period"], alarm["evaluationPeriods"]) == ("Sum", 300, 1)
    assert alarm["comparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["threshold"] == 1
    assert alarm["treatMissingData"] == "notBreaching"
    topic = "arn:aws:sns:eu-central-1:111111111111:ecs-run-task-dev-failures-0123456"
    assert alarm["alarmActions"] == alarm["okActions"] == [topic]


def test_the_alarm_has_a_name_that_the_topic_lets_publish(dev: Recorder) -> None:
    assert dev.only(ALARM).name.startswith("ecs-run-task-dev-")
