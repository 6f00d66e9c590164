"""`runtask explain KEY`: the request that was made, and where each parameter came from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from function.message.idempotency import Stage, client_token
from function.outcomes.history import Rejection
from function.outcomes.states import State
from runtask.errors import ExitCode
from runtask.stage_access import StageAccess
from tests.runtask import operator_stage
from tests.runtask.operator_stage import ACCOUNT, REGION, OperatorStage, asked, failed, task_arn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtask.conftest import Run

_SECRET = "hunter2-hunter2"  # noqa: S105 - stands for one


class _Ecs:
    """ECS, with the tasks that it still describes."""

    def __init__(self) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert cluster == "batch"
        return {"tasks": [self.tasks[arn] for arn in tasks if arn in self.tasks]}


@pytest.fixture
def stage(aws: None) -> OperatorStage:  # noqa: ARG001 - AWS has to be there
    return OperatorStage()


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> _Ecs:
    fake, real = _Ecs(), StageAccess.client
    monkeypatch.setattr(
        StageAccess, "client", lambda self, name: fake if name == "ecs" else real(self, name)
    )
    return fake


def _explained(run: Run, *keys: str) -> list[dict[str, Any]]:
    result = run("explain", *keys, "--stage", "dev", "--json")
    assert result.exit_code == 0, result.output + str(result.exception)
    assert _SECRET not in result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def _sources(found: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {one["parameter"]: (str(one["value"]), one["source"]) for one in found["request"]}


def test_what_the_message_gave_and_what_was_filled_in(
    stage: OperatorStage, ecs: _Ecs, run: Run
) -> None:
    parameters = {"taskDefinition": "report", "cluster": "batch", "service": "web"}
    limits = {"maxRuntime": "30m"}
    stage.put(failed("key-1", asked=asked(parameters=parameters, limits=limits)))
    stage.put_launch_of_history("key-1", attempt=2)
    ecs.tasks[task_arn(1)] = {
        "taskArn": task_arn(1),
        "taskDefinitionArn": operator_stage.run().task_definition,
        "launchType": "FARGATE",
        "platformVersion": "1.4.0",
        "overrides": {
            "containerOverrides": [
                {
                    "name": "app",
                    "command": ["login", _SECRET],
                    "environment": [{"name": "PASSWORD", "value": _SECRET}],
                },
                {"name": "log-router"},
            ]
        },
        "attachments": [{"details": [{"name": "subnetId", "value": "subnet-1"}]}],
    }

    (found,) = _explained(run, "key-1")

    sources = _sources(found)
    assert sources["cluster"] == ("batch", "the message")
    assert sources["limits.maxRuntime"] == ("30m", "the message, or the stage's option limits")
    assert sources["launchType"] == ("FARGATE", "service web")
    assert sources["subnet"] == ("subnet-1", "service web")
    assert sources["platformVersion"] == ("1.4.0", "ECS: the latest then")
    assert sources["startedBy"] == ("ecs-run-task/dev/key-1", "the handler")
    where = Stage(name="dev", account=ACCOUNT, region=REGION)
    assert sources["clientToken"] == (
        client_token("key-1", where, 2),
        "the handler, of the key and attempt 2",
    )
    environment = "overrides.containerOverrides[0].environment.PASSWORD"
    assert sources[environment] == ("***", "the message")
    assert not any("[1]" in place for place in sources)
    assert found["notes"] == []


def test_of_a_task_that_is_gone_it_is_said_what_is_not_known(
    stage: OperatorStage, ecs: _Ecs, run: Run
) -> None:
    assert not ecs.tasks
    stage.put(failed("key-1"))

    (found,) = _explained(run, "key-1")

    assert _sources(found)["overrides"] == ("of container app", "the message")
    assert "ECS does not describe the task any more" in found["notes"][0]


@pytest.mark.usefixtures("ecs")
def test_of_a_rejected_message_the_dead_letter_tells(stage: OperatorStage, run: Run) -> None:
    rejection = Rejection(
        reason="not-json", error="no", message_id="m", queued_at=1.0, rejected_at=2.0
    )
    stage.put(
        failed(
            "key-1",
            state=State.REJECTED,
            reason="not-json",
            asked=None,
            runs=(),
            rejection=rejection,
        )
    )

    (found,) = _explained(run, "key-1")

    assert found["request"] == []
    assert "runtask redrive --key key-1 --dry-run" in found["notes"][0]


@pytest.mark.usefixtures("stage", "ecs")
def test_a_key_that_nobody_knows_has_an_exit_code(run: Run) -> None:
    result = run("explain", "key-1", "--stage", "dev")

    assert getattr(result.exception, "exit_code", None) == ExitCode.UNKNOWN_KEY


@pytest.mark.usefixtures("stage", "ecs")
def test_files_and_keys_are_not_mixed(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "message.json"
    file.write_text("{}", encoding="utf-8")

    result = run("explain", "key-1", str(file), "--stage", "dev")

    assert getattr(result.exception, "exit_code", None) == ExitCode.USAGE


def test_the_table_names_where_each_parameter_came_from(
    stage: OperatorStage, ecs: _Ecs, run: Run
) -> None:
    assert not ecs.tasks
    stage.put(failed("key-1"))

    result = run("explain", "key-1", "--stage", "dev")

    header, *rows = result.stdout.splitlines()
    assert header.split() == ["key", "parameter", "value", "from"]
    assert ["key-1", "launchType", "FARGATE", "the", "message"] in [row.split() for row in rows]
    assert "key-1: ECS does not describe the task any more" in result.stderr
