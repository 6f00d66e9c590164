"""`runtask stop`: nothing is stopped that was not shown and agreed to."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from function.outcomes.states import State
from runtask.errors import ExitCode
from runtask.stage_access import StageAccess
from tests.runtask import operator_stage
from tests.runtask.operator_stage import OperatorStage, failed, task_arn

if TYPE_CHECKING:
    from function.outcomes.history import History
    from tests.runtask.conftest import Run


class _Ecs:
    """ECS, of which some tasks are gone."""

    def __init__(self) -> None:
        self.stopped: list[dict[str, Any]] = []
        self.gone: set[str] = set()

    def stop_task(self, **parameters: Any) -> None:
        if parameters["task"] in self.gone:
            client = boto3.client("ecs", region_name=operator_stage.REGION)
            raise client.exceptions.InvalidParameterException(
                {
                    "Error": {
                        "Code": "InvalidParameterException",
                        "Message": "The referenced task was not found.",
                    }
                },
                "StopTask",
            )
        self.stopped.append(parameters)


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


def _running(key: str, *numbers: int, state: State = State.RUNNING) -> History:
    runs = tuple(
        operator_stage.run(number, status="RUNNING", stop_code="", stop_reason="", stopped_at=None)
        for number in numbers
    )
    return failed(
        key,
        state=state,
        reason="",
        runs=runs,
        exit_code=None,
        finished_at=None,
        due_at=time.time() + 600,
    )


def test_every_task_of_a_key_is_stopped(stage: OperatorStage, ecs: _Ecs, run: Run) -> None:
    stage.put(_running("key-1", 1, 2))
    stage.put(_running("key-2", 3))

    result = run("stop", "key-1", "--stage", "dev", "--yes", "--json")

    assert result.exit_code == 0, result.output
    assert [(call["task"], call["cluster"]) for call in ecs.stopped] == [
        (task_arn(1), "batch"),
        (task_arn(2), "batch"),
    ]
    assert ecs.stopped[0]["reason"].startswith("runtask stop by arn:aws:")
    assert [one["fate"] for one in json.loads(result.stdout)] == ["stopping", "stopping"]
    assert "account 111111111111, region eu-central-1, stack ecs-run-task-dev" in result.stderr


def test_all_keys_of_a_state_are_stopped(stage: OperatorStage, ecs: _Ecs, run: Run) -> None:
    stage.put(_running("key-1", 1))
    stage.put(_running("key-2", 2, state=State.LAUNCHING))
    stage.put(failed("key-3"))

    result = run("stop", "--state", "running", "--stage", "dev", "--yes")

    assert result.exit_code == 0, result.output
    assert [call["task"] for call in ecs.stopped] == [task_arn(1)]


def test_a_dry_run_stops_nothing(stage: OperatorStage, ecs: _Ecs, run: Run) -> None:
    stage.put(_running("key-1", 1))

    result = run("stop", "key-1", "--stage", "dev", "--dry-run")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == [
        "key-1",
        "running",
        task_arn(1)[-32:],
        "to-stop",
    ]
    assert not ecs.stopped


def test_without_a_terminal_the_answer_must_be_given(
    stage: OperatorStage, ecs: _Ecs, run: Run
) -> None:
    stage.put(_running("key-1", 1))

    result = run("stop", "key-1", "--stage", "dev")

    assert getattr(result.exception, "exit_code", None) == ExitCode.USAGE
    assert "pass --yes to stop tasks without it" in str(result.exception)
    assert not ecs.stopped


@pytest.mark.parametrize(("answer", "number"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_at_a_terminal_the_operator_is_asked(  # noqa: PLR0913, PLR0917 - fixtures
    stage: OperatorStage,
    ecs: _Ecs,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    number: int,
) -> None:
    stage.put(_running("key-1", 1))
    monkeypatch.setattr("runtask.confirmation.require_terminal", lambda **_: None)

    result = run("stop", "key-1", "--stage", "dev", stdin=answer)

    assert "Stop 1 task? [y/N]" in result.stderr
    assert f"key-1 running: task {task_arn(1)[-32:]}" in result.stderr
    assert len(ecs.stopped) == number
    assert result.exit_code == (ExitCode.OK if number else ExitCode.FAILED)


def test_an_unknown_key_stops_nothing(stage: OperatorStage, ecs: _Ecs, run: Run) -> None:
    stage.put(_running("key-1", 1))

    result = run("stop", "key-1", "key-2", "--stage", "dev", "--yes")

    assert getattr(result.exception, "exit_code", None) == ExitCode.UNKNOWN_KEY
    assert not ecs.stopped


def test_what_has_ended_is_no_error(stage: OperatorStage, ecs: _Ecs, run: Run) -> None:
    stage.put(failed("key-1"))

    result = run("stop", "key-1", "--stage", "dev", "--yes")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["key-1", "failed", "-", "ended"]
    assert not ecs.stopped


def test_what_has_no_task_yet_is_said(stage: OperatorStage, ecs: _Ecs, run: Run) -> None:
    stage.put(_running("key-1", state=State.LAUNCHING))

    result = run("stop", "key-1", "--stage", "dev", "--yes")

    assert result.exit_code == ExitCode.FAILED
    assert "key-1: no task to stop; the message, or a restart, waits" in result.stderr
    assert not ecs.stopped


def test_a_task_that_is_gone_does_not_keep_the_others(
    stage: OperatorStage, ecs: _Ecs, run: Run
) -> None:
    stage.put(_running("key-1", 1, 2))
    ecs.gone = {task_arn(1)}

    result = run("stop", "key-1", "--stage", "dev", "--yes", "--json")

    assert result.exit_code == 0, result.output
    assert [one["fate"] for one in json.loads(result.stdout)] == ["gone", "stopping"]


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize("arguments", [(), ("key-1", "--state", "running")])
def test_keys_or_a_state_are_named(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("stop", *arguments, "--stage", "dev", "--yes")

    assert getattr(result.exception, "exit_code", None) == ExitCode.USAGE
