"""Reports to the events queue: what they say, what they leave out, and what if one is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from tests.unit.fakes import Rig, client_error, message
from tests.unit.outcomes_rig import OutcomesRig

OVERRIDES = {
    "containerOverrides": [
        {
            "name": "main",
            "command": ["canary-command"],
            "environment": [{"name": "A", "value": "canary-value"}],
        }
    ]
}


@pytest.fixture
def rig() -> OutcomesRig:
    return OutcomesRig()


def test_a_launch_is_reported(rig: OutcomesRig) -> None:
    body = message(overrides=OVERRIDES, limits={"maxRuntime": "30m", "concurrency": 2}, count=2)
    rig.run(body, attributes={"key": "job"}, group="tenant")

    (report,) = rig.sqs.reports
    asked = report.pop("asked")
    (tasks,) = rig.ecs.tasks.values()
    assert report == {"report": "launched", "key": "job", "tasks": tasks}
    assert asked["containers"] == ["main"]
    assert (asked["count"], asked["group"], asked["messageId"]) == (2, "tenant", "message-0")
    assert asked["limits"] == {"maxRuntime": "30m", "concurrency": {"max": 2, "group": "report"}}
    assert asked["parameters"]["taskDefinition"] == "report:7"
    item = rig.item("job")
    assert item is not None
    assert asked["digest"] == item["request"]


def test_a_report_has_no_override_and_no_value_of_a_tag(rig: OutcomesRig) -> None:
    rig.run(message(overrides=OVERRIDES, tags=[{"key": "owner", "value": "canary-tag"}]))

    assert len(rig.sqs.reports) == 1
    assert "canary" not in json.dumps(rig.sqs.reports)
    assert rig.sqs.reports[0]["asked"]["parameters"]["tags"] == [{"key": "owner"}]


def test_a_batch_is_reported_in_one_call(rig: OutcomesRig) -> None:
    calls: list[int] = []
    send = rig.sqs.send_message_batch

    def count(**call: Any) -> dict[str, Any]:
        calls.append(len(call["Entries"]))
        return send(**call)

    rig.sqs.send_message_batch = count  # type: ignore[method-assign]
    rig.handle(*(rig.record(message(), number) for number in range(10)))

    assert calls == [10]


def test_a_message_that_returns_is_not_reported(rig: OutcomesRig) -> None:
    rig.ecs.script = [client_error("ThrottlingException", "Rate exceeded")]
    rig.run(message())

    assert rig.sqs.reports == []


def test_a_rejection_is_reported_and_not_announced_twice(rig: OutcomesRig) -> None:
    rig.run("nothing", age=5)

    (report,) = rig.sqs.reports
    assert report["report"] == "rejected"
    assert (report["key"], report["messageId"]) == ("message-0", "message-0")
    assert report["reason"] == "not-json"
    assert report["rejectedAt"] - report["queuedAt"] == pytest.approx(5, abs=0.01)
    assert rig.sns.published == []


def test_a_message_without_a_valid_key_is_reported_under_its_id(rig: OutcomesRig) -> None:
    rig.run(message(), attributes={"key": "not valid"})

    assert [report["key"] for report in rig.sqs.reports] == ["message-0"]


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDenied", "no", "SendMessageBatch"),
        EndpointConnectionError(endpoint_url="https://sqs.example"),
    ],
)
def test_a_lost_report_fails_no_message(rig: OutcomesRig, error: Exception) -> None:
    rig.sqs.batch_error = error

    assert rig.handle(rig.record(message(), 1), rig.record("nothing", 2)) == []
    assert rig.ecs.count == 1
    assert [line["message"] for line in rig.logs].count("report lost") == 2
    assert [notice["reason"] for notice in rig.sns.notifications] == ["not-json"]


def test_one_refused_entry_loses_one_report(rig: OutcomesRig) -> None:
    rig.sqs.refused_entries = {1}
    rig.handle(*(rig.record(message(), number) for number in range(3)))

    assert len(rig.sqs.reports) == 2


def test_a_lost_report_is_counted(rig: OutcomesRig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.sqs.batch_error = client_error("AccessDenied", "no", "SendMessageBatch")
    rig.run(message())

    assert '"ReportsLost":[1.0]' in capsys.readouterr().out.replace(" ", "")


def test_no_report_is_sent_when_no_time_is_left(rig: OutcomesRig) -> None:
    def slow(_call: dict[str, Any]) -> None:
        rig.clock.now += 55

    rig.ecs.before_call = slow
    assert rig.run(message()) == []
    assert rig.sqs.reports == []


def test_a_report_that_is_too_long_leaves_the_parameters_out(rig: OutcomesRig) -> None:
    constraints = [{"type": "memberOf", "expression": "a" * 20_000}] * 10
    rig.run(message(placementConstraints=constraints))

    (report,) = rig.sqs.reports
    assert report["asked"]["parameters"] == {}


def test_a_stage_without_outcomes_reports_nothing() -> None:
    rig = Rig()
    rig.handle(rig.record(message(), 1), rig.record("nothing", 2))

    assert rig.sqs.reports == []
    assert len(rig.sns.published) == 1
