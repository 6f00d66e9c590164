"""The events queue: what becomes of its records, one history for each key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from function.outcomes import reducer, updating
from function.outcomes.states import State
from tests.model.dynamodb import Away
from tests.unit.fakes import Rig, client_error, message
from tests.unit.outcomes_rig import EVENTS, OutcomesRig, arn_of, outcome_settings

if TYPE_CHECKING:
    from function.outcomes.history import History


@pytest.fixture
def rig() -> OutcomesRig:
    return OutcomesRig()


def test_a_task_from_its_launch_to_its_end(rig: OutcomesRig) -> None:
    assert rig.feed(rig.launched(1)) == []
    assert rig.history().state is State.LAUNCHING
    assert rig.feed(rig.task(1, "RUNNING")) == []
    assert rig.history().state is State.RUNNING
    assert rig.feed(rig.task(1, "STOPPED")) == []

    assert rig.history().state is State.SUCCEEDED
    assert rig.store.listed("active", None, 10) == []


def test_the_observations_of_a_key_in_one_batch_are_one_write(rig: OutcomesRig) -> None:
    rig.feed(rig.task(1, "STOPPED"), rig.launched(1), rig.task(1, "RUNNING"))

    assert rig.history().state is State.SUCCEEDED
    assert rig.history().revision == 1


def test_an_event_that_says_nothing_new_writes_nothing(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    revision = rig.history().revision
    rig.clock.now += 5

    rig.feed(rig.task(1, "RUNNING", createdAt=None, startedAt=None))
    rig.feed(rig.task(1, "PROVISIONING"), rig.launched(1, launched_at=rig.clock.time()))

    assert rig.history().revision == revision


def test_keys_of_one_batch_do_not_mix(rig: OutcomesRig) -> None:
    keys = [f"job-{number}" for number in range(20)]

    returned = rig.feed(
        *(rig.launched(number, key=key) for number, key in enumerate(keys)),
        *(rig.exited(number, number % 2, key) for number, key in enumerate(keys)),
    )

    assert returned == []
    assert [rig.history(key).exit_code for key in keys] == [0, 1] * 10


def test_a_task_of_another_stage_is_left_alone(rig: OutcomesRig) -> None:
    others = [
        rig.task(1, "STOPPED", startedBy=name)
        for name in ("ecs-run-task/prod/job", "ecs-svc/1234567", "ecs-run-task/dev2/job", None)
    ]

    assert rig.feed(*others) == []

    assert rig.table.items == {}
    assert rig.ecs.describe_calls == []


@pytest.mark.parametrize(
    "body",
    [
        "canary",
        "[]",
        '{"event": "canary"}',
        '{"event": "task", "startedBy": "ecs-run-task/dev/job", "lastStatus": 5}',
        '{"report": "launched", "key": "job", "asked": {"canary": 1}}',
        '{"report": "restart-failed", "key": "tasks/canary", "generation": 1, "reason": "x"}',
        '{"report": "restart-failed", "key": "job", "generation": "canary", "reason": "x"}',
    ],
)
def test_a_malformed_record_fails_alone(rig: OutcomesRig, body: str) -> None:
    returned = rig.feed(rig.launched(1), body, rig.task(1, "STOPPED"))

    assert returned == ["message-1"]
    assert rig.history().state is State.SUCCEEDED
    assert rig.sqs.visibility["receipt-1"] == 5
    assert "canary" not in rig.log_text.getvalue()


def test_no_report_writes_to_an_item_that_is_not_of_a_key(rig: OutcomesRig) -> None:
    assert rig.feed(rig.launched(1, key="tasks/2026-11-24")) == ["message-0"]

    assert rig.table.items == {}


def test_a_record_at_which_the_code_fails_fails_alone(
    rig: OutcomesRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reducer.reduce

    def broken(history: History, observation: Any, policy: Any, now: float) -> History:
        if getattr(observation, "run", None) and observation.run.status == "RUNNING":
            raise ZeroDivisionError("canary")
        return real(history, observation, policy, now)

    monkeypatch.setattr(updating, "reduce", broken)

    returned = rig.feed(rig.launched(1), rig.task(1, "RUNNING"), rig.task(1, "STOPPED"))

    assert returned == ["message-1"]
    assert rig.history().state is State.SUCCEEDED
    assert "ZeroDivisionError" in rig.log_text.getvalue()
    assert "canary" not in rig.log_text.getvalue()


@pytest.mark.parametrize("away", list(Away))
def test_the_table_away_returns_events_and_loses_none(rig: OutcomesRig, away: Away) -> None:
    bodies: list[Any] = [rig.launched(1), rig.task(1, "STOPPED"), rig.launched(2, key="other")]
    rig.table.away = away

    assert rig.feed(*bodies, receives=8) == ["message-0", "message-1", "message-2"]
    assert set(rig.sqs.visibility.values()) == {256}

    rig.table.away = None
    rig.clock.now += 256
    assert rig.feed(*bodies, receives=9) == []
    assert rig.history().state is State.SUCCEEDED
    assert rig.history("other").state is State.LAUNCHING


def test_while_the_table_fails_the_other_keys_do_not_wait_for_it(rig: OutcomesRig) -> None:
    rig.table.away = Away.UNREACHABLE

    rig.feed(*(rig.launched(1, key=f"job-{number}") for number in range(40)))

    assert rig.wire.calls.count("GetItem") <= 4


def test_with_the_table_away_a_sweep_is_left_to_the_next_minute(rig: OutcomesRig) -> None:
    rig.table.away = Away.UNREACHABLE

    assert rig.sweep() == []


def test_with_no_time_left_the_events_return(rig: OutcomesRig) -> None:
    rig.seconds = 9

    assert rig.feed(rig.launched(1)) == ["message-0"]
    assert rig.table.items == {}


def test_an_event_of_a_key_with_a_launch_at_work_contends_and_is_applied(
    rig: OutcomesRig,
) -> None:
    """The event of the task overtakes the write of its launch, and both are in the item."""

    def run_task(_call: dict[str, Any]) -> None:
        rig.ecs.before_call = lambda _call: None
        rig.feed(rig.task(1, "RUNNING"))

    rig.ecs.before_call = run_task
    rig.ecs.script = [1]

    assert rig.handle(rig.record(message(count=2), 0, attributes={"key": "job"})) == ["message-0"]

    item = rig.item("job") or {}
    assert item["attempt"] == "1"
    assert len(item["tasks"]) == 1
    assert [run.arn for run in rig.history().runs] == [arn_of(1)]


def test_two_invocations_at_one_key_lose_nothing(rig: OutcomesRig) -> None:
    """A second one writes between the read and the write of the first."""
    load = rig.wire.call
    interrupted = False

    def call(operation: str, effect: Any) -> Any:
        nonlocal interrupted
        if operation == "UpdateItem" and not interrupted:
            interrupted = True
            rig.feed(rig.task(1, "STOPPED"))
        return load(operation, effect)

    rig.wire.call = call  # type: ignore[method-assign]

    assert rig.feed(rig.launched(1)) == []

    assert rig.history().state is State.SUCCEEDED
    assert rig.history().revision == 2


def test_a_crash_between_write_and_effect_performs_it_later(rig: OutcomesRig) -> None:
    class Killed(BaseException):
        """The execution environment ends."""

    def killed(**_call: Any) -> dict[str, Any]:
        raise Killed

    rig.feed(rig.launched(1))
    send, rig.sqs.send_message = rig.sqs.send_message, killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        rig.feed(rig.never_started(1))
    assert rig.restarts == []
    rig.sqs.send_message = send  # type: ignore[method-assign]

    rig.feed(rig.never_started(1), receives=2)

    assert [restart["generation"] for restart in rig.restarts] == [1]
    assert rig.history().todo == ()


def test_what_another_invocation_is_doing_is_not_done_twice(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1))
    rig.sqs.send_error = ZeroDivisionError()
    rig.feed(rig.never_started(1))
    rig.sqs.send_error = None

    rig.feed(rig.task(2, "PROVISIONING"))

    assert rig.restarts == []
    assert len(rig.history().todo) == 1


def test_an_injected_container_does_not_decide(rig: OutcomesRig) -> None:
    """The essential containers are looked up where the message overrides none."""
    rig.ecs.containers = [{"name": "app"}, {"name": "helper", "essential": False}]
    containers = [
        {"name": "app", "runtimeId": "1", "exitCode": 0},
        {"name": "helper", "runtimeId": "2", "exitCode": 137},
    ]

    rig.feed(rig.launched(1, containers=()), rig.task(1, "STOPPED", containers=containers))

    assert rig.history().state is State.SUCCEEDED
    assert len(rig.ecs.lookups) == 1


def test_what_ecs_does_not_tell_is_waited_for_but_not_for_ever(rig: OutcomesRig) -> None:
    rig.ecs.lookup_error = client_error("ThrottlingException", "x", "DescribeTaskDefinition")
    containers = [{"name": name, "runtimeId": name, "exitCode": 0} for name in ("a", "b")]
    bodies: list[Any] = [
        rig.launched(1, containers=()),
        rig.task(1, "STOPPED", containers=containers),
    ]

    assert rig.feed(*bodies, receives=1) == ["message-0", "message-1"]
    assert rig.feed(*bodies, receives=4) == []
    assert rig.history().state is State.SUCCEEDED


def test_an_overridden_container_needs_no_look_up(rig: OutcomesRig) -> None:
    containers = [{"name": name, "runtimeId": name, "exitCode": 0} for name in ("main", "b")]

    rig.feed(rig.launched(1), rig.task(1, "STOPPED", containers=containers))

    assert rig.ecs.lookups == []


def test_without_an_events_queue_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    plain, event = Rig(), OutcomesRig()

    # The body of an event is no request.
    assert plain.handle(event.event({"event": "sweep"})) == []

    assert [letter["reason"] for letter in plain.dead_letters] == ["missing-parameter"]
    assert "ReportsLost" not in capsys.readouterr().out


def test_the_work_queue_is_processed_as_ever(rig: OutcomesRig) -> None:
    arn = "arn:aws:sqs:eu-central-1:111111111111:work"
    assert rig.handle(rig.record(message(), 0, eventSourceARN=arn)) == []

    assert len(rig.ecs.started) == 1


def test_no_value_of_an_environment_is_kept(rig: OutcomesRig) -> None:
    """Even where a rule without a template would pass it on."""
    overrides = {"containerOverrides": [{"environment": [{"name": "A", "value": "canary"}]}]}
    settings = outcome_settings(RESULTS_QUEUE_URL=f"{EVENTS}-results")
    rig = OutcomesRig(settings=settings)

    rig.feed(rig.launched(1), rig.task(1, "STOPPED", overrides=overrides))
    rig.feed(rig.never_started(2, "canary"), rig.launched(2))

    everything = (rig.log_text.getvalue(), rig.sqs.sent, rig.sns.published)
    assert "canary" not in json.dumps(everything)
    rig.feed(rig.task(3, "RUNNING", "b", overrides=overrides))
    assert "canary" not in repr(rig.table.items["b"])
