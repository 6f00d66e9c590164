"""The ledger table is what the handler expects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from function.settings import Settings
from function.table import EXPIRES, KEY, LISTED, LISTED_AT, LISTED_INDEX

if TYPE_CHECKING:
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

TABLE = "dynamodb/table:Table"


def test_the_table_has_the_handlers_key_and_time_to_live(dev: Recorder) -> None:
    table = dev.only(TABLE).inputs
    assert table["name"] == "ecs-run-task-dev-ledger"
    assert table["hashKey"] == KEY
    assert table["attributes"] == [
        {"name": KEY, "type": "S"},
        {"name": LISTED, "type": "S"},
        {"name": LISTED_AT, "type": "N"},
    ]
    assert table["ttl"] == {"attributeName": EXPIRES, "enabled": True}
    assert "rangeKey" not in table


def test_what_is_not_finished_or_went_wrong_has_an_index(dev: Recorder) -> None:
    assert dev.only(TABLE).inputs["globalSecondaryIndexes"] == [
        {
            "name": LISTED_INDEX,
            "hashKey": LISTED,
            "rangeKey": LISTED_AT,
            "projectionType": "KEYS_ONLY",
        }
    ]


def test_a_stage_that_follows_no_tasks_has_no_index(stack: Stack) -> None:
    table = stack("dev", outcomes="false").only(TABLE).inputs
    assert table["attributes"] == [{"name": KEY, "type": "S"}]
    assert "globalSecondaryIndexes" not in table


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
