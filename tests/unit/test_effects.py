"""What follows from the end of a task: restarts, stops, results; each is done at least once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from function.outcomes.history import Effect
from function.outcomes.states import State
from tests.unit.fakes import ENVIRONMENT, client_error
from tests.unit.outcomes_rig import RESULTS, OutcomesRig, arn_of, outcome_settings

DENIED = client_error("AccessDeniedException", "canary", "SendMessage")


@pytest.fixture
def rig() -> OutcomesRig:
    return OutcomesRig()


def test_a_restart_goes_through_the_work_queue(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.never_started(1))

    (sent,) = rig.sent_to(ENVIRONMENT["QUEUE_URL"])
    assert sent["DelaySeconds"] == 15
    assert sent["MessageAttributes"] == {"key": {"DataType": "String", "StringValue": "job"}}
    assert "MessageGroupId" not in sent
    assert rig.restarts == [
        {
            "key": "job",
            "generation": 1,
            "task": arn_of(1),
            "notBefore": int(rig.clock.time()) + 15,
        }
    ]


def test_a_restart_keeps_the_senders_group(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1, group="tenant"), rig.never_started(1))

    assert rig.sent_to(ENVIRONMENT["QUEUE_URL"])[0]["MessageGroupId"] == "tenant"


def test_a_restart_in_a_fifo_queue_waits_for_no_other_message() -> None:
    url = f"{ENVIRONMENT['QUEUE_URL']}.fifo"
    rig = OutcomesRig(settings=outcome_settings(QUEUE_URL=url))

    rig.feed(rig.launched(1, group="tenant"), rig.never_started(1))

    (sent,) = rig.sent_to(url)
    assert sent["MessageGroupId"] == "restart-job"
    assert sent["MessageDeduplicationId"] == "job-1"
    assert "DelaySeconds" not in sent


@pytest.mark.parametrize("error", [DENIED, EndpointConnectionError(endpoint_url="x"), KeyError()])
def test_what_fails_is_tried_again_by_the_sweep(rig: OutcomesRig, error: Exception) -> None:
    rig.sqs.send_error = error
    assert rig.feed(rig.launched(1), rig.never_started(1)) == []
    assert len(rig.history().todo) == 1
    assert "canary" not in rig.log_text.getvalue()
    rig.sqs.send_error = None

    rig.sweep()

    assert [restart["generation"] for restart in rig.restarts] == [1]
    assert rig.history().todo == ()


@pytest.mark.parametrize("error", [client_error("Denied", "x", "Publish"), IndexError()])
def test_one_effect_that_fails_does_not_stop_the_others(error: Exception) -> None:
    rig = OutcomesRig(settings=outcome_settings(RESULTS_QUEUE_URL=RESULTS))
    rig.sns.error = error

    rig.feed(rig.launched(1), rig.exited(1, 7))

    assert len(rig.results) == 1
    assert [effect.kind for effect in rig.history().todo] == ["notice"]


def test_what_is_done_needs_no_more_attention(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.exited(1, 7))

    assert rig.history().due_at is None
    assert [entry.key for entry in rig.store.listed("problem", None, 10)] == ["job"]


def test_what_there_is_no_time_for_is_left_to_the_sweep() -> None:
    rig = OutcomesRig(settings=outcome_settings(RESULTS_QUEUE_URL=RESULTS))
    publish = rig.sns.publish

    def slow(**call: Any) -> dict[str, Any]:
        rig.clock.now += 60
        return publish(**call)

    rig.sns.publish = slow  # type: ignore[method-assign]
    rig.feed(rig.launched(1), rig.exited(1, 7))
    assert rig.results == []
    rig.clock.now += 60

    rig.sweep()

    assert len(rig.results) == 1


def over_time(rig: OutcomesRig, *numbers: int) -> None:
    """Run tasks for longer than they may, and let the sweep see it."""
    rig.feed(
        rig.launched(*numbers, limits={"maxRuntime": "1m"}),
        *(rig.task(number, "RUNNING") for number in numbers),
    )
    rig.ecs.described = {arn_of(number): rig.task(number, "RUNNING") for number in numbers}
    rig.clock.now += 60


def test_a_task_that_is_gone_needs_no_stop(rig: OutcomesRig) -> None:
    over_time(rig, 1)
    rig.ecs.stop_error = client_error(
        "InvalidParameterException", "The referenced task was not found.", "StopTask"
    )

    rig.sweep()

    assert rig.history().todo == ()


def test_a_stop_that_is_throttled_is_tried_again(rig: OutcomesRig) -> None:
    over_time(rig, 1)
    rig.ecs.stop_error = client_error("ThrottlingException", "Rate exceeded", "StopTask")
    rig.sweep()
    assert [effect.kind for effect in rig.history().todo] == ["stop"]
    rig.ecs.stop_error = None
    rig.clock.now += 60

    rig.sweep()

    assert len(rig.ecs.stop_calls) == 2
    assert rig.history().todo == ()


def test_a_stop_that_is_throttled_slows_the_next(rig: OutcomesRig) -> None:
    over_time(rig, 1)
    rig.ecs.stop_error = client_error("ThrottlingException", "Rate exceeded", "StopTask")
    rig.sweep()
    assert rig.clock.slept == []

    rig.handle(rig.record('{"ECS": {"cluster": "batch", "taskDefinition": "report:7"}}'))

    assert sum(rig.clock.slept) > 0


def test_stops_keep_the_pace_of_run_task(rig: OutcomesRig) -> None:
    """40 calls a second of the stage are 20 of one of its two environments, after 50 at once."""
    for number in range(90):
        rig.feed(
            rig.launched(number, key=f"job-{number}", limits={"maxRuntime": "1m"}),
            rig.task(number, "RUNNING", f"job-{number}"),
        )
        rig.ecs.described[arn_of(number)] = rig.task(number, "RUNNING", f"job-{number}")
    rig.clock.now += 60

    rig.sweep()

    assert len(rig.ecs.stop_calls) == 90
    assert sum(rig.clock.slept) == pytest.approx(2, abs=0.5)


def test_a_task_that_no_event_has_shown_is_never_stopped(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1))
    history = rig.history()
    stop = Effect(kind="stop", task=arn_of(1), reason="max-runtime")
    rig.store.save(history, replace(history, todo=(stop,), due_at=rig.clock.time()))
    rig.ecs.describe_error = DENIED
    rig.clock.now += 60

    rig.sweep()

    assert rig.ecs.stop_calls == []


def test_a_finished_key_is_reported_to_the_results_queue() -> None:
    rig = OutcomesRig(settings=outcome_settings(RESULTS_QUEUE_URL=RESULTS))
    rig.clock.now = 0.0

    rig.feed(rig.launched(1, group="tenant"), rig.task(1, "RUNNING"), rig.exited(1, 7))

    at = "2027-01-15T08:00:00.000Z"
    assert rig.results == [
        {
            "version": 1,
            "key": "job",
            "stage": "dev",
            "state": "failed",
            "reason": "exit-code",
            "exitCode": 7,
            "tasks": [
                {
                    "arn": arn_of(1),
                    "exitCode": 7,
                    "stopCode": "EssentialContainerExited",
                    "startedAt": at,
                    "stoppedAt": at,
                    "replaced": False,
                    "containers": [{"name": "main", "exitCode": 7}],
                }
            ],
            "attempts": 1,
            "queuedAt": "2027-01-15T07:59:58.000Z",
            "startedAt": at,
            "finishedAt": at,
            "group": "tenant",
        }
    ]


def test_the_result_of_a_task_has_the_exit_code_that_decides() -> None:
    rig = OutcomesRig(settings=outcome_settings(RESULTS_QUEUE_URL=RESULTS))
    rig.ecs.containers = [{"name": "app"}, {"name": "helper", "essential": False}]
    containers = [
        {"name": "app", "runtimeId": "1", "exitCode": 0},
        {"name": "helper", "runtimeId": "2", "exitCode": 137},
    ]

    rig.feed(rig.launched(1, containers=()), rig.task(1, "STOPPED", containers=containers))

    (result,) = rig.results
    assert (result["exitCode"], result["tasks"][0]["exitCode"]) == (0, 0)


def test_a_rejected_key_is_reported_as_well() -> None:
    rig = OutcomesRig(settings=outcome_settings(RESULTS_QUEUE_URL=RESULTS))
    rig.feed(rig.rejection())

    (result,) = rig.results
    assert (result["state"], result["reason"], result["tasks"]) == ("rejected", "bad-value", [])
    assert result["group"] == "tenant"
    assert "canary" not in json.dumps(result)


def test_a_bus_that_takes_a_part_gets_the_rest_again() -> None:
    rig = OutcomesRig(settings=outcome_settings(RESULTS_BUS="bus"))
    rig.events.failing = True
    rig.feed(rig.launched(1), rig.exited(1, 0))
    assert [effect.kind for effect in rig.history().todo] == ["result"]
    rig.events.failing = False

    rig.sweep()

    (entry,) = rig.events.entries
    assert (entry["Source"], entry["EventBusName"]) == ("ecs-run-task", "bus")
    assert json.loads(entry["Detail"])["state"] == "succeeded"
    assert rig.history().todo == ()
    assert rig.history().state is State.SUCCEEDED


def test_outcomes_are_counted_by_reason_too(
    rig: OutcomesRig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.clock.now += 120
    end = rig.exited(1, 7) | {"startedAt": None}
    capsys.readouterr()

    rig.feed(end)
    rig.feed(end, receives=2)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    failed = [(line["Failed"], line.get("reason")) for line in lines if "Failed" in line]
    assert failed == [([1.0], None), ([1.0], "exit-code"), ([0.0], None)]
    assert [line["VcpuSeconds"] for line in lines if "VcpuSeconds" in line] == [[30.0], [0.0]]
    memory = [line["MemoryGibibyteSeconds"] for line in lines if "VcpuSeconds" in line]
    assert memory == [[60.0], [0.0]]


def test_a_success_has_no_reason(rig: OutcomesRig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.feed(rig.launched(1), rig.exited(1, 0))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("reason", "none") for line in lines if "Succeeded" in line] == ["none"]


def test_the_times_of_several_tasks_are_counted_once(
    rig: OutcomesRig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.feed(rig.launched(1, 2), rig.task(1, "RUNNING"), rig.task(2, "RUNNING"))
    rig.clock.now += 60
    for number in (1, 2):
        rig.feed(rig.exited(number, 0) | {"startedAt": None})

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["VcpuSeconds"] for line in lines if "VcpuSeconds" in line] == [
        [0.0],
        [15.0],
        [15.0],
    ]


def test_a_key_ends_once(rig: OutcomesRig, capsys: pytest.CaptureFixture[str]) -> None:
    """Its end is counted when it is first known, whatever later news say of it."""
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.clock.now += 1800
    rig.sweep()
    assert rig.history().reason == "end-unknown"
    capsys.readouterr()

    rig.feed(rig.exited(1, 7))

    assert rig.history().reason == "exit-code"
    assert '"Failed":[0.0]' in capsys.readouterr().out


def test_restarts_are_counted(rig: OutcomesRig, capsys: pytest.CaptureFixture[str]) -> None:
    rig.feed(rig.launched(1), rig.never_started(1))

    assert '"reason":"network-interface","Restarted":[1.0]' in capsys.readouterr().out
