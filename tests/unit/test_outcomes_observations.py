from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from function.limits import MAX_STOP_TEXT_LENGTH
from function.outcomes.history import Container
from function.outcomes.observations import (
    MalformedError,
    RestartFailed,
    Sweep,
    TaskSeen,
    from_description,
    key_of_task,
    parse,
    to_body,
)
from tests.unit.outcomes import CLUSTER_ARN, KEY, STAGE, arn, launched, rejected

EVENT: dict[str, Any] = {
    "event": "task",
    "taskArn": arn(),
    "clusterArn": CLUSTER_ARN,
    "startedBy": f"ecs-run-task/{STAGE}/{KEY}",
    "taskDefinitionArn": "arn:aws:ecs:eu-central-1:111122223333:task-definition/report:1",
    "lastStatus": "STOPPED",
    "desiredStatus": "STOPPED",
    "version": 5,
    "createdAt": "2026-01-01T00:00:00.250Z",
    "startedAt": "2026-01-01T01:00:10+01:00",
    "stoppedAt": "2026-01-01T00:00:20Z",
    "stopCode": "EssentialContainerExited",
    "stoppedReason": "Essential container in task exited",
    "cpu": "256",
    "memory": "512",
    "containers": [
        {"name": "side", "lastStatus": "STOPPED", "runtimeId": "r"},
        {"name": "app", "lastStatus": "STOPPED", "exitCode": 0, "image": "i", "gpuIds": []},
    ],
}
MIDNIGHT = 1_767_225_600.0


def seen(**values: Any) -> TaskSeen:
    found = parse(json.dumps({**EVENT, **values}), STAGE)
    assert isinstance(found, TaskSeen)
    return found


def test_an_event_is_read_with_its_times_in_every_notation() -> None:
    run = seen().run
    assert (run.created_at, run.started_at, run.stopped_at) == (
        MIDNIGHT + 0.25,
        MIDNIGHT + 10,
        MIDNIGHT + 20,
    )
    assert (run.version, run.cpu, run.memory) == (5, 256, 512)
    assert run.containers == (
        Container(name="app", ran=True, exit_code=0),
        Container(name="side", ran=True),
    )


def test_describe_tasks_says_the_same_with_datetimes() -> None:
    described = {
        **EVENT,
        "createdAt": datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC),
        "startedAt": datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC),
        "stoppedAt": MIDNIGHT + 20,
        "overrides": {"containerOverrides": [{"environment": [{"name": "A", "value": "canary"}]}]},
    }
    found = from_description(described, STAGE)
    assert found == seen()
    assert "canary" not in repr(found)


def test_unknown_and_missing_properties_do_not_matter() -> None:
    short = {
        name: EVENT[name] for name in ("event", "taskArn", "startedBy", "lastStatus", "version")
    }
    found = parse(json.dumps({**short, "somethingNew": {"a": [1]}}), STAGE)
    assert isinstance(found, TaskSeen)
    assert (found.run.stop_code, found.run.cpu, found.run.containers) == ("", 0, ())


@pytest.mark.parametrize(
    "started_by",
    [
        f"ecs-run-task/{STAGE}2/{KEY}",
        f"ecs-run-task/other/{KEY}",
        f"ecs-run-task/{STAGE}/",
        f"ecs-run-task/{STAGE}/a/b",
        f"ecs-run-task/{STAGE}/{'a' * 49}",
        "ecs-svc/1",
        KEY,
        "",
        None,
        7,
    ],
)
def test_a_task_that_is_not_of_this_stage_is_no_observation(started_by: object) -> None:
    assert key_of_task(started_by, STAGE) is None
    assert parse(json.dumps({**EVENT, "startedBy": started_by}), STAGE) is None


def test_the_key_is_what_stands_behind_the_stage() -> None:
    assert seen().key == KEY


def test_reports_survive_the_queue() -> None:
    report = launched(arn(1), arn(2), count=2, group="tenant", limits={"maxRuntime": "30m"})
    assert parse(to_body(report), STAGE) == report
    refusal = rejected()
    assert parse(to_body(refusal), STAGE) == refusal
    failed = RestartFailed(key=KEY, generation=2, reason="task-gone")
    assert parse(to_body(failed), STAGE) == failed


def test_a_report_has_the_agreed_names() -> None:
    body = json.loads(to_body(launched()))
    assert set(body) == {"report", "key", "asked", "tasks"}
    assert {"messageId", "queuedAt", "launchedAt"} <= set(body["asked"])
    assert set(json.loads(to_body(rejected()))) == {
        *("report", "key", "reason", "error", "messageId", "queuedAt", "rejectedAt", "group")
    }


def test_overrides_in_a_report_are_not_kept() -> None:
    body = json.loads(to_body(launched()))
    body["asked"]["parameters"]["overrides"] = {"containerOverrides": ["canary"]}
    assert "canary" not in repr(parse(json.dumps(body), STAGE))


def test_a_sweep_is_a_sweep() -> None:
    assert parse('{"event": "sweep"}', STAGE) == Sweep()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("[]", "expected an object"),
        ("{}", "got 'None'"),
        ('{"event": "other"}', "got 'other'"),
        ('{"report": "launched", "key": "k"}', "'asked' is missing"),
        ('{"report": "launched", "key": "k", "asked": 1, "tasks": []}', "launched: "),
        ('{"report": "rejected", "key": "k"}', "'reason' is missing"),
        ('{"report": "rejected", "key": 7}', "'key': expected text"),
        ('{"report": "rejected", "key": "lease/etl"}', "'key': expected a key"),
        ('{"report": "restart-failed", "key": "k", "generation": "x", "reason": "r"}', "restart-"),
        (json.dumps({**EVENT, "lastStatus": None}), "'lastStatus': expected text"),
        (json.dumps({**EVENT, "version": "new"}), "task: "),
        (json.dumps({**EVENT, "startedAt": "soon"}), "task: "),
        (json.dumps({**EVENT, "startedAt": True}), "expected a time"),
        (json.dumps({**EVENT, "containers": [1]}), "task: "),
        (json.dumps({**EVENT, "containers": {"a": 1}}), "task: "),
    ],
)
def test_what_is_no_observation_is_malformed_and_says_why(body: str, words: str) -> None:
    with pytest.raises(MalformedError, match=words.replace("[", r"\[")):
        parse(body, STAGE)


def test_long_texts_are_shortened_after_their_cause_was_found() -> None:
    text = f"{'x' * 500} is not authorized to perform: ecr:X {'y' * 500} end"
    run = seen(stopCode="TaskFailedToStart", stoppedReason=text).run
    assert run.hint == "access-denied"
    assert len(run.stop_reason) <= MAX_STOP_TEXT_LENGTH
    assert run.stop_reason.endswith(" end")
