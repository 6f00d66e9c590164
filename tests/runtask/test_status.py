"""`runtask status`: what became of messages, in words, as a table and as JSON."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from function.outcomes.history import Rejection
from function.outcomes.states import State
from runtask.errors import ExitCode
from tests.runtask.operator_stage import REGION, OperatorStage, failed, rejected, task_arn

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtask.conftest import Run


@pytest.fixture
def stage(aws: None) -> OperatorStage:  # noqa: ARG001 - AWS has to be there
    return OperatorStage()


def _json(run: Run, *arguments: str) -> Any:
    result = run("status", *arguments, "--stage", "dev", "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_key_is_shown_in_words(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1"))

    result = run("status", "key-1", "--stage", "dev")

    assert result.exit_code == 0
    for words in (
        "failed (exit-code): the container ended with an error",
        "The program returned an exit code other than 0.",
        "1 task of report:3 on cluster batch overriding app",
        "RunTask started it, 10 s later",
        "stopped: EssentialContainerExited: Essential container in task exited",
        "runtask logs key-1 --stage dev",
    ):
        assert words in result.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [task_arn(1)[-32:], "app", "7", "decides"] in lines
    injected = f"{task_arn(1)[-32:]} aws-guardduty-agent-x1 137 added by AWS; does not decide"
    assert injected.split() in lines


def test_a_rejected_key_has_reason_cause_and_cure(stage: OperatorStage, run: Run) -> None:
    now = time.time()
    rejection = Rejection(
        reason="not-allowed",
        error="ECS.cluster: other is not among clusters",
        message_id="m-1",
        queued_at=now - 10,
        rejected_at=now - 9,
    )
    stage.put(rejected("key-1", rejection))

    (found,) = _json(run, "key-1")

    assert (found["state"], found["reason"]) == ("rejected", "not-allowed")
    assert found["error"] == "ECS.cluster: other is not among clusters"
    assert found["cause"]
    assert found["cure"]
    assert found["asked"] is None


def test_json_has_every_task_and_container(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1"))

    (found,) = _json(run, "key-1")

    (task,) = found["tasks"]
    assert task["arn"] == task_arn(1)
    assert [(one["name"], one["exitCode"], one["injected"]) for one in task["containers"]] == [
        ("app", 7, False),
        ("aws-guardduty-agent-x1", 137, True),
    ]
    assert found["exitCode"] == 7
    assert found["recorded"] is True


def test_a_key_that_nobody_knows_has_an_exit_code(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1"))

    result = run("status", "key-1", "key-2", "--stage", "dev")

    assert result.exit_code != 0
    assert result.exception is not None
    assert getattr(result.exception, "exit_code", None) == ExitCode.UNKNOWN_KEY
    assert "knows nothing of key-2:" in str(result.exception)
    assert "key-1" in result.stdout


@pytest.mark.usefixtures("stage")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("not a key",), "expected a key"),
        (("key-1", "--state", "failed"), "expected one of them"),
        (("--follow", "--since", "2h"), "leave --state and --since out"),
    ],
)
def test_a_mistake_of_the_command_line_is_named(
    run: Run, arguments: tuple[str, ...], text: str
) -> None:
    result = run("status", *arguments, "--stage", "dev")

    assert getattr(result.exception, "exit_code", None) == ExitCode.USAGE
    assert text in str(result.exception)


@pytest.mark.usefixtures("stage")
def test_a_time_that_is_none_is_named(run: Run) -> None:
    result = run("status", "--since", "soon", "--stage", "dev")

    assert "expected a duration such as 90s, 30m, 2h or 7d" in result.output + str(result.exception)


def test_a_table_shows_what_has_not_succeeded(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1"))
    stage.put(failed("key-2", state=State.SUCCEEDED, reason="", exit_code=0))
    stage.put(failed("key-3", finished_at=time.time() - 100_000))

    result = run("status", "--stage", "dev")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["key", "key-1"]
    assert "succeeded keys are left out (--state succeeded)" in result.stderr


def test_a_table_is_filtered_by_state(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1"))
    stage.put(failed("key-2", state=State.STOPPED, reason="user"))
    stage.put(failed("key-3", state=State.SUCCEEDED, reason="", exit_code=0))

    assert [one["key"] for one in _json(run, "--state", "stopped", "--since", "2h")] == ["key-2"]
    assert [one["key"] for one in _json(run, "--state", "succeeded")] == ["key-3"]
    assert _json(run, "--state", "expired") == []


def test_the_limit_of_a_table_is_said(stage: OperatorStage, run: Run) -> None:
    for number in range(3):
        stage.put(failed(f"key-{number}"))

    result = run("status", "--stage", "dev", "--limit", "2")

    assert len(result.stdout.splitlines()) == 3
    assert "there are more; the newest 2 are shown" in result.stderr


def _without_outcomes(folder: Path) -> None:
    with (folder / "Pulumi.dev.yaml").open("a", encoding="utf-8") as file:
        file.write("  ecs-run-task:outcomes: false\n")


def test_without_histories_ecs_is_asked(stage: OperatorStage, run: Run, folder: Path) -> None:
    _without_outcomes(folder)
    ecs = boto3.client("ecs", region_name=REGION)
    ecs.create_cluster(clusterName="batch")
    stage.put_launch("key-1", state={"S": "launched"}, tasks={"L": [{"S": task_arn(1)}]})

    result = run("status", "key-1", "--stage", "dev", "--json")

    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)
    assert (found["state"], found["reason"], found["recorded"]) == ("failed", "end-unknown", False)
    assert "keeps no histories" in result.stderr


@pytest.mark.usefixtures("stage")
def test_without_histories_there_is_no_table(run: Run, folder: Path) -> None:
    _without_outcomes(folder)

    result = run("status", "--stage", "dev")

    assert "keeps no histories, so there is no table by state" in str(result.exception)


def test_following_keys_ends_with_them(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1"))

    result = run("status", "key-1", "--stage", "dev", "--follow")

    assert result.exit_code == 0
    assert "key-1 failed (exit-code): the container ended with an error, exit code 7" in (
        result.stdout
    )
