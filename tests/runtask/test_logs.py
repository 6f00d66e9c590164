"""`runtask logs`: every line once, from the first to the last."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from function.outcomes.history import History
from function.outcomes.states import State
from runtask.account import AccountSession
from runtask.errors import ExitCode
from runtask.project import load_project
from runtask.stage_access import StageAccess
from runtask.task_logs import GRACE_SECONDS, TaskLogs
from tests.runtask.operator_stage import REGION, OperatorStage, failed, task_arn
from tests.runtask.operator_stage import run as task
from tests.unit.fakes import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtask.conftest import Run

_GROUP = "/tasks"


@pytest.fixture
def stage(aws: None) -> OperatorStage:  # noqa: ARG001 - AWS has to be there
    return OperatorStage()


def _awslogs(**options: str) -> dict[str, Any]:
    return {
        "logDriver": "awslogs",
        "options": {"awslogs-group": _GROUP, "awslogs-region": REGION, **options},
    }


def _define(*containers: dict[str, Any]) -> str:
    """Register a task definition, and return its ARN."""
    ecs: Any = boto3.client("ecs", region_name=REGION)
    answer = ecs.register_task_definition(
        family="report",
        containerDefinitions=[{"image": "x", "memory": 64, **one} for one in containers],
    )
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def _write(container: str, *lines: str, number: int = 1) -> None:
    logs = boto3.client("logs", region_name=REGION)
    if not logs.describe_log_groups()["logGroups"]:
        logs.create_log_group(logGroupName=_GROUP)
    stream = f"run/{container}/{task_arn(number).rpartition('/')[2]}"
    logs.create_log_stream(logGroupName=_GROUP, logStreamName=stream)
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName=_GROUP,
        logStreamName=stream,
        logEvents=[{"timestamp": now + n, "message": line} for n, line in enumerate(lines)],
    )


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtask.task_logs.GRACE_SECONDS", 0.0)


def _app(**log: str) -> dict[str, Any]:
    return {"name": "app", "logConfiguration": _awslogs(**{"awslogs-stream-prefix": "run", **log})}


def test_the_log_of_a_single_container_is_printed_as_it_is(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1", runs=(task(task_definition=_define(_app())),)))
    _write("app", *(f"line {number}" for number in range(25)))

    result = run("logs", "key-1", "--stage", "dev")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [f"line {number}" for number in range(25)]


def test_lines_of_several_tasks_are_told_apart(stage: OperatorStage, run: Run) -> None:
    definition = _define(_app())
    runs = tuple(task(number, task_definition=definition) for number in (1, 2))
    stage.put(failed("key-1", runs=runs))
    _write("app", "one", number=1)
    _write("app", "two", number=2)

    result = run("logs", "key-1", "--stage", "dev", "--json")

    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["task"], one["container"], one["text"]) for one in found] == [
        (task_arn(1), "app", "one"),
        (task_arn(2), "app", "two"),
    ]
    assert run("logs", "key-1", "--stage", "dev").stdout.splitlines() == [
        "00000000: one",
        "00000000: two",
    ]


def test_a_log_that_cloudwatch_does_not_have_is_said(stage: OperatorStage, run: Run) -> None:
    proxy = {"name": "proxy", "logConfiguration": {"logDriver": "splunk"}}
    plain = {"name": "plain"}
    nameless = {"name": "nameless", "logConfiguration": _awslogs()}
    definition = _define(_app(), proxy, plain, nameless)
    stage.put(failed("key-1", runs=(task(task_definition=definition),)))
    _write("app", "one")

    result = run("logs", "key-1", "--stage", "dev")

    assert result.stdout.splitlines() == ["one"]
    assert "container proxy" in result.stderr
    assert "its log driver is splunk" in result.stderr
    assert "no logConfiguration" in result.stderr
    assert "no awslogs-stream-prefix" in result.stderr


def test_a_container_can_be_chosen(stage: OperatorStage, run: Run) -> None:
    other = {"name": "other", "logConfiguration": _awslogs(**{"awslogs-stream-prefix": "run"})}
    stage.put(failed("key-1", runs=(task(task_definition=_define(_app(), other)),)))
    _write("app", "one")
    _write("other", "two")

    both = run("logs", "key-1", "--stage", "dev")
    chosen = run("logs", "key-1", "--stage", "dev", "--container", "other")
    wrong = run("logs", "key-1", "--stage", "dev", "--container", "nosuch")

    assert both.stdout.splitlines() == ["app: one", "other: two"]
    assert chosen.stdout.splitlines() == ["two"]
    assert getattr(wrong.exception, "exit_code", None) == ExitCode.USAGE
    assert "it has app, other" in str(wrong.exception)


def test_a_stream_that_does_not_exist_is_empty(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1", runs=(task(task_definition=_define(_app())),)))

    result = run("logs", "key-1", "--stage", "dev")

    assert (result.exit_code, result.stdout) == (0, "")


def test_a_key_without_tasks_has_no_log(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1", state=State.REJECTED, reason="not-allowed", runs=()))

    result = run("logs", "key-1", "--stage", "dev")

    assert "key-1 is rejected, and no task of it was started" in str(result.exception)


@pytest.mark.usefixtures("stage")
def test_an_unknown_key_has_no_log(run: Run) -> None:
    result = run("logs", "key-1", "--stage", "dev")

    assert getattr(result.exception, "exit_code", None) == ExitCode.UNKNOWN_KEY


class _LateLogs:
    """A stream of which a line arrives after the task has ended, and after an empty page."""

    def __init__(self) -> None:
        self.pages = [
            (["first"], "1"),
            ([], "2"),
            (["second"], "3"),
            ([], "3"),
            (["late"], "4"),
            ([], "4"),
        ]
        self.tokens: list[str | None] = []

    def get_log_events(self, **parameters: Any) -> dict[str, Any]:
        self.tokens.append(parameters.get("nextToken"))
        lines, token = self.pages.pop(0) if self.pages else ([], self.tokens[-1])
        events = [{"timestamp": 1000, "message": line} for line in lines]
        return {"events": events, "nextForwardToken": token}


def _access(folder: Path, logs: _LateLogs | None, **parts: Any) -> StageAccess:
    class _Access(StageAccess):
        def client(self, service: str) -> Any:
            return logs if logs and service == "logs" else super().client(service)

    account = AccountSession(
        config=load_project(folder).stage_config("dev"),
        session=boto3.Session(region_name=REGION),
        identity="arn:aws:iam::111111111111:user/me",
    )
    return _Access(config=account.config, account=account, **parts)


@pytest.mark.usefixtures("aws")
def test_a_line_that_arrives_late_is_not_lost(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtask.task_logs.GRACE_SECONDS", GRACE_SECONDS)
    late, clock = _LateLogs(), FakeClock()
    logs = TaskLogs(_access(folder, late), clock=clock)

    lines = list(logs.read_to_end([task(task_definition=_define(_app()))]))

    assert [line.text for line in lines] == ["first", "second", "late"]
    assert late.tokens[:6] == [None, "1", "2", "3", "3", "4"]
    assert sum(clock.slept) >= GRACE_SECONDS


@pytest.mark.usefixtures("aws")
def test_half_a_line_of_a_rehearsal_waits_for_its_end(folder: Path) -> None:
    written = ["one\ntw"]
    access = _access(folder, None, output=lambda _task, _container: written[0])
    logs = TaskLogs(access)
    some = task(task_definition=_define({"name": "app"}))

    first = [line.text for line in logs.read([some])]
    written[0] = "one\ntwo\nthree"
    then = [line.text for line in logs.read([some])]
    last = [line.text for line in logs.read_to_end([some])]

    assert (first, then, last) == (["one"], ["two"], ["three"])


def test_a_followed_log_ends_with_its_task(stage: OperatorStage, run: Run) -> None:
    stage.put(failed("key-1", runs=(task(task_definition=_define(_app())),)))
    _write("app", "one")

    result = run("logs", "key-1", "--stage", "dev", "--follow")

    assert result.stdout.splitlines() == ["one"]


def test_what_is_begun_has_no_log_yet(stage: OperatorStage, run: Run) -> None:
    stage.put(History(key="key-1", state=State.LAUNCHING, first_seen_at=time.time()))

    result = run("logs", "key-1", "--stage", "dev")

    assert "key-1 is launching" in str(result.exception)
