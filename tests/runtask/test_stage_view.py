"""`runtask status --follow`: the queues, the launches and the outcomes of a stage."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from runtask.profiles import Profiles
from runtask.project import load_project
from runtask.stage_access import StageAccess, open_stage
from runtask.stage_metrics import StageMetrics, stage_metrics
from runtask.stage_view import Frame, follow_stage, one_line, view_lines
from tests.runtask.operator_stage import ACCOUNT, REGION
from tests.unit.fakes import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

_MINUTE = 60.0


class _Clock(FakeClock):
    """A clock of the real time, at which the operator ends the view after some looks."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self._looks = looks

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float, /) -> None:
        super().sleep(seconds)
        if len(self.slept) == self._looks:
            raise KeyboardInterrupt


@pytest.fixture
def access(aws: None, folder: Path) -> StageAccess:  # noqa: ARG001 - AWS has to be there
    sqs = boto3.client("sqs", region_name=REGION)
    sqs.create_queue(QueueName="ecs-run-task-dev-dlq-1234567")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:ecs-run-task-dev-dlq-1234567"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    sqs.create_queue(QueueName="ecs-run-task-dev", Attributes={"RedrivePolicy": policy})
    sqs.create_queue(QueueName="ecs-run-task-dev-events")
    return open_stage(load_project(folder), "dev", Profiles())


def _count(name: str, value: float, ago: float, reason: str = "", stage: str = "dev") -> None:
    dimensions = [
        {"Name": "service", "Value": "ecs-run-task"},
        {"Name": "stage", "Value": stage},
        *([{"Name": "reason", "Value": reason}] if reason else []),
    ]
    cloudwatch: Any = boto3.client("cloudwatch", region_name=REGION)
    cloudwatch.put_metric_data(
        Namespace="ecs-run-task",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Timestamp": datetime.fromtimestamp(time.time() - ago, UTC),
                "Value": value,
            }
        ],
    )


def test_metrics_are_summed_by_reason(access: StageAccess) -> None:
    _count("Launched", 120, 2 * _MINUTE)
    _count("Returned", 4, 2 * _MINUTE, reason="capacity")
    _count("Returned", 9, 40 * _MINUTE, reason="throttled")
    _count("Succeeded", 50, 20 * _MINUTE)
    _count("Failed", 3, 20 * _MINUTE)
    _count("Failed", 2, 20 * _MINUTE, reason="exit-code")
    _count("Failed", 7, 2 * _MINUTE, stage="prod")

    found = stage_metrics(access, time.time())

    assert found.launches_per_second == 2.0
    assert found.waiting == {"capacity": 4}
    assert found.outcomes == {"Succeeded": {"": 50}, "Failed": {"exit-code": 2, "": 1}}


def test_a_look_into_a_pipe_is_a_line(
    access: StageAccess, capsys: pytest.CaptureFixture[str]
) -> None:
    sqs = boto3.client("sqs", region_name=REGION)
    sqs.send_message(QueueUrl=access.queue_url, MessageBody="{}")
    sqs.send_message(QueueUrl=access.dead_letter_queue_url, MessageBody="{}")

    with pytest.raises(KeyboardInterrupt):
        follow_stage(access, as_json=False, clock=_Clock(2))

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "visible=1 in-flight=0 delayed=0 dead-letters=1 events=0 launches/s=0.0/20" in lines[0]


def test_a_look_as_json_is_an_object(
    access: StageAccess, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        follow_stage(access, as_json=True, clock=_Clock(1))

    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["queue"] == {"visible": 0, "inFlight": 0, "delayed": 0}


def test_on_a_terminal_the_view_is_drawn(
    access: StageAccess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtask.console.on_terminal", lambda: True)

    with pytest.raises(KeyboardInterrupt):
        follow_stage(access, as_json=False, clock=_Clock(2))

    assert "work queue      0 visible, 0 in flight, 0 delayed" in capsys.readouterr().out


def test_metrics_are_read_once_a_minute(
    access: StageAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []

    def metrics(_access: StageAccess, now: float) -> StageMetrics:
        asked.append(now)
        return StageMetrics(launches_per_second=None, waiting={})

    monkeypatch.setattr("runtask.stage_view.stage_metrics", metrics)

    with pytest.raises(KeyboardInterrupt):
        follow_stage(access, as_json=True, clock=_Clock(14))

    assert len(asked) == 2


class _Denied:
    """CloudWatch for somebody who may not read it."""

    def get_paginator(self, _name: str) -> _Denied:
        return self

    def paginate(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListMetrics")


def test_without_the_metrics_the_queues_are_shown(
    access: StageAccess, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StageAccess.client
    monkeypatch.setattr(
        StageAccess,
        "client",
        lambda self, name: _Denied() if name == "cloudwatch" else real(self, name),
    )

    with pytest.raises(KeyboardInterrupt):
        follow_stage(access, as_json=False, clock=_Clock(15))

    captured = capsys.readouterr()
    assert captured.err.count("without the metrics of CloudWatch") == 1
    assert "it needs cloudwatch:ListMetrics" in captured.err
    assert len(captured.out.splitlines()) == 15


_FRAME = Frame(
    at="2026-11-24T18:00:00Z",
    queue={"visible": 12, "inFlight": 3, "delayed": 0},
    dead_letters=2,
    events=1,
    launch_rate=20,
    metrics=StageMetrics(
        launches_per_second=3.25,
        waiting={"capacity": 4},
        outcomes={"Succeeded": {"": 50}, "Failed": {"exit-code": 2, "": 1}},
    ),
)


def test_the_view_has_rates_causes_and_outcomes() -> None:
    assert view_lines(_FRAME, "account 111111111111") == [
        "2026-11-24T18:00:00Z  account 111111111111",
        "",
        "work queue      12 visible, 3 in flight, 0 delayed",
        "dead letters    2",
        "events          1 waiting",
        "launches/s      3.2 of 20",
        "",
        "returned to the queue in 5 minutes, by reason",
        "  capacity                          4",
        "",
        "outcomes of the last hour, by reason",
        "  Succeeded          50",
        "  Failed              3",
        "    exit-code                         2",
    ]


def test_the_line_has_the_same() -> None:
    assert one_line(_FRAME) == (
        "2026-11-24T18:00:00Z visible=12 in-flight=3 delayed=0 dead-letters=2 events=1 "
        "launches/s=3.2/20 returned:capacity=4 Succeeded=50 Failed:exit-code=2 Failed=1"
    )
