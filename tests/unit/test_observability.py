from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.fakes import Rig, client_error, message, token


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_metrics_of_a_batch_are_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    rig = Rig()
    denied = client_error("ThrottlingException", "Rate exceeded")
    rig.ecs.before_call = lambda call: (
        _raise(denied) if "message-2" in call["clientToken"] else None
    )
    records = [
        rig.record(message(count=2), 0, age=30),
        rig.record("{", 1),
        rig.record(message(), 2),
    ]

    rig.handle(*records, rig.record("{", 3), rig.record("[]", 4))

    total, *by_reason = metrics(capsys)
    metric = total["_aws"]["CloudWatchMetrics"][0]
    assert metric["Namespace"] == "ecs-run-task"
    assert set(metric["Dimensions"][0]) == {"service", "stage"}
    assert (total["service"], total["stage"]) == ("ecs-run-task", "dev")
    assert (total["Launched"], total["Rejected"], total["Returned"]) == ([2], [3], [1])
    assert total["TableUnavailable"] == [0]
    assert (total["Throttled"], total["AlreadyStarted"]) == ([1], [0])
    assert total["AgeAtLaunch"][0] == pytest.approx(30, abs=1)
    found = {
        (line["reason"], name): line[name][0]
        for line in by_reason
        for name in ("Rejected", "Returned")
        if name in line
    }
    assert found == {
        ("not-json", "Rejected"): 2,
        ("not-an-object", "Rejected"): 1,
        ("throttled", "Returned"): 1,
    }
    assert all(
        set(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) == {"service", "stage", "reason"}
        for line in by_reason
    )


def test_one_invocation_does_not_count_in_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    rig = Rig()
    rig.run("{")
    capsys.readouterr()

    rig.run(message())

    (total,) = metrics(capsys)
    assert (total["Launched"], total["Rejected"]) == ([1], [0])


def test_a_batch_of_hundreds_is_counted_too(capsys: pytest.CaptureFixture[str]) -> None:
    rig = Rig()

    rig.handle(*(rig.record(message(), n, age=5) for n in range(200)))

    lines = metrics(capsys)
    assert sum(len(line.get("AgeAtLaunch", [])) for line in lines) == 200
    assert [line["Launched"] for line in lines if "Launched" in line] == [[200]]


def test_a_log_line_is_a_constant_text_with_data_in_keys() -> None:
    rig = Rig()

    rig.run(message(), attributes={"key": "order-17"})

    (line,) = rig.logs
    assert line["message"] == "message launched"
    assert line["key"] == "order-17"
    assert line["request_id"] == "request-1"
    assert line["message_id"] == "message-0"
    assert line["task_arns"] == [f"arn:task/{token('order-17')}/0"]


def _raise(error: Exception) -> None:
    raise error
