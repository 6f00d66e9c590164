"""docs/sessions.md shows what each command prints at a terminal."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest

from function.outcomes.states import State
from runtask.cli import cli
from runtask.delivery.run import check
from runtask.doctor.check import Check, Verdict
from runtask.messages import read_messages
from runtask.project import load_project
from runtask.promotion.record import Change, Promotion, Verification
from runtask.promotion.state import Overview
from runtask.redrive import queue as redrive_queue
from tests.runtask import sessions
from tests.runtask.conftest import DEV_ACCOUNT, REGION, ROOT
from tests.runtask.dead_letters import BODY, attributes_of
from tests.runtask.operator_stage import OperatorStage, asked, failed, make_service, run, task_arn
from tests.runtask.test_doctor import run_stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.runtask.verify_world import World

_ESCAPE: Final = re.compile(r"\x1b\[[0-9;]*m")
_BOXES: Final = re.compile(r"[\u2500-\u257f]")

_PAGE: Final = sessions.sessions()

_ARTIFACT: Final = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
_EARLIER: Final = "9b74c9897bac770ffc029102a200c5de4f1d3c7e1f0d5e0a8f0f2c1b6a7d8e90"
_COMMIT: Final = "0a4d55a8d778e5022fab701977c5d840bbc486d0"

# Numbers of tasks: of one that ended, of one that runs and of one that never started.
_ENDED: Final = 0x5D1F0A6B2C7E4938A1B0C9D8E7F60514
_RUNNING: Final = 0x8E42D7C0915B4F6AB3C2D1E0F9A87B65
_NEVER_STARTED: Final = 0xC07B3E915A2D4886B9E8D7C6F5A43B21

# What the page leaves to pages of its own: it deploys, or takes a stage that is deployed.
_ELSEWHERE: Final = {"local", "promote", "rollback", "verify"}

_LOG_GROUP: Final = "/ecs/report"
_EXAMPLE: Final = str(ROOT / "examples" / "run-task.json")


def _task_definition() -> str:
    options = {
        "awslogs-group": _LOG_GROUP,
        "awslogs-region": REGION,
        "awslogs-stream-prefix": "run",
    }
    return make_service(
        {
            "name": "app",
            "image": "report",
            "command": ["report", "--month", "2026-10"],
            "environment": [{"name": "TOKEN", "value": "hidden"}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }
    )


def _log(*lines: str) -> None:
    logs = boto3.client("logs", region_name=REGION)
    stream = f"run/app/{task_arn(_ENDED).rpartition('/')[2]}"
    logs.create_log_group(logGroupName=_LOG_GROUP)
    logs.create_log_stream(logGroupName=_LOG_GROUP, logStreamName=stream)
    now = int(time.time() * 1000)
    events: Any = [{"timestamp": now + n, "message": line} for n, line in enumerate(lines)]
    logs.put_log_events(logGroupName=_LOG_GROUP, logStreamName=stream, logEvents=events)


def _histories(folder: Path) -> None:
    """Write a key that failed, one that runs, one that never started and one that succeeded."""
    stage = OperatorStage()
    now = time.time()
    definition = _task_definition()
    stage.put(failed("report-2026-10", runs=(run(_ENDED, task_definition=definition),)))
    stage.put(
        failed(
            "report-2026-11",
            state=State.RUNNING,
            reason="",
            runs=(run(_RUNNING, status="RUNNING", stop_code="", stop_reason="", stopped_at=None),),
            exit_code=None,
            finished_at=None,
            due_at=now + 600,
        )
    )
    stage.put(
        failed(
            "report-2026-09",
            state=State.NEVER_STARTED,
            reason="image-not-found",
            runs=(run(_NEVER_STARTED),),
            exit_code=None,
            finished_at=now - 60,
        )
    )
    (request,) = check(read_messages([_EXAMPLE], None), load_project(folder).stage_config("dev"))
    stage.put(
        failed(
            "nightly-2",
            state=State.SUCCEEDED,
            reason="",
            exit_code=0,
            asked=replace(asked(), digest=request.digest()),
        )
    )


def _queues() -> None:
    sqs = boto3.client("sqs", region_name=REGION)
    dead = sqs.create_queue(QueueName="ecs-run-task-dev-dlq-0123456")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{DEV_ACCOUNT}:ecs-run-task-dev-dlq-0123456"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1000})
    sqs.create_queue(QueueName="ecs-run-task-dev", Attributes={"RedrivePolicy": policy})
    for reason, key in (("access-denied", "report-a"), ("capacity", "report-b")):
        attributes: Any = attributes_of(reason, key=key, tasks="0")
        sqs.send_message(QueueUrl=dead, MessageBody=BODY, MessageAttributes=attributes)


def _promotion(digest: str, previous: str, when: str) -> Promotion:
    return Promotion(
        digest=digest,
        previous=previous,
        source="dev",
        commit=_COMMIT,
        verification=Verification.REBUILT,
        change=Change.ARTIFACT,
        time=when,
        by="arn:aws:sts::222222222222:assumed-role/ecs-run-task-deploy-eu-central-1/alice",
    )


class _Store:
    """The records of a stage that was promoted twice."""

    def promotions(self, _stage: str, limit: int) -> list[Promotion]:
        newest = _promotion(_ARTIFACT, _EARLIER, "2026-11-20T11:00:00+00:00")
        return [newest, _promotion(_EARLIER, "", "2026-11-02T09:30:00+00:00")][:limit]


class _State:
    store = _Store()


def _overview(_project: object, stage: str, *_: object) -> Overview:
    dev = stage == "dev"
    return Overview(
        stage=stage,
        account=DEV_ACCOUNT if dev else "222222222222",
        region=REGION,
        pinned="build" if dev else _ARTIFACT,
        running=_ARTIFACT,
        commit=_COMMIT,
        promoted="" if dev else "2026-11-20T11:00:00+00:00 from dev",
    )


@pytest.fixture(autouse=True)
def stage(
    aws: None,  # noqa: ARG001 - AWS has to be there
    folder: Path,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Make the project of the page, and its stage in moto."""
    (folder / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("runtask.task_logs.GRACE_SECONDS", 0.0)
    monkeypatch.setattr(redrive_queue, "_LONG_POLL_SECONDS", 0)
    _queues()
    _histories(folder)
    _log("report for 2026-10", "error: no orders in 2026-10")
    monkeypatch.setattr("runtask.promotion.state.overview", _overview)
    monkeypatch.setattr("runtask.promotion.state.load_stage_state", lambda *_, **__: _State())
    machine = Check(stage="", check="python", verdict=Verdict.OK, found="Python 3.13.2")
    definition = (
        load_project(folder).stage_config("dev").location.arn("ecs", "task-definition/report:1")
    )
    world.iam.allowed = {("ecs:RunTask", definition)}
    found = run_stage(world, monkeypatch)
    monkeypatch.setattr("runtask.doctor.machine.machine_checks", lambda *_: [machine])
    monkeypatch.setattr("runtask.doctor.stage.stage_checks", lambda *_: found)


@pytest.mark.parametrize("session", _PAGE, ids=lambda session: session.command[:60])
def test_a_command_prints_what_the_page_shows(
    session: sessions.Session, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if session.command.startswith("runtask init"):
        for file in folder.glob("Pulumi.*.yaml"):
            file.unlink()

    written = sessions.at_terminal(session.command, monkeypatch)

    if "NO_COLOR" in session.command:
        assert "\x1b" not in written
    if " | " in session.command:
        assert not _BOXES.search(written)
    printed = _ESCAPE.sub("", written)
    if os.environ.get(sessions.REWRITE):
        sessions.rewrite(session, printed)
        return
    assert sessions.constant(printed) == sessions.constant(session.printed), (
        f"docs/sessions.md is stale; run this file with {sessions.REWRITE}=1"
    )


def test_without_no_color_a_header_is_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[1m" in sessions.at_terminal("COLUMNS=120 runtask stages", monkeypatch)


def test_every_verb_is_on_the_page() -> None:
    text = " ".join(session.command for session in _PAGE)

    assert {verb for verb in cli.commands if f"runtask {verb}" not in text} == _ELSEWHERE
