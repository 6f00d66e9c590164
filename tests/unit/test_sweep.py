"""The sweep: what it finds out that no event has told, and what it finishes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from function.outcomes.states import State
from function.outcomes.sweep import Sweep
from tests.unit.fakes import client_error
from tests.unit.outcomes_rig import OutcomesRig, arn_of

if TYPE_CHECKING:
    from collections.abc import Iterable

HALF_HOUR = 1800


@pytest.fixture
def rig() -> OutcomesRig:
    return OutcomesRig()


def due(rig: OutcomesRig, seconds: float = HALF_HOUR) -> None:
    rig.clock.now += seconds


def test_the_sweep_heals_a_lost_end(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.exited(1, 7)
    due(rig)

    assert rig.sweep() == []

    assert (rig.history().state, rig.history().exit_code) == (State.FAILED, 7)
    assert rig.ecs.describe_calls == [[arn_of(1)]]


def test_what_is_not_due_is_not_looked_at(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))

    rig.sweep()

    assert rig.ecs.describe_calls == []


def test_a_task_that_still_runs_is_looked_at_again_in_half_an_hour(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.task(1, "RUNNING")
    due(rig)

    for _ in range(3):
        rig.sweep()
    assert len(rig.ecs.describe_calls) == 1

    due(rig)
    rig.sweep()
    assert len(rig.ecs.describe_calls) == 2


def test_a_task_that_ecs_has_forgotten_ends_as_unknown(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    due(rig)

    rig.sweep()

    assert (rig.history().state, rig.history().reason) == (State.FAILED, "end-unknown")


def test_a_task_that_was_launched_moments_ago_is_not_believed_to_be_gone(rig: OutcomesRig) -> None:
    """The history is due for another reason: something was left to be done."""
    rig.feed(rig.launched(1, 2))
    rig.sqs.send_error = client_error("ThrottlingException", "x", "SendMessage")
    rig.feed(rig.never_started(1))
    rig.clock.now += 60

    rig.sweep()

    assert rig.ecs.describe_calls == [[arn_of(2)]]
    assert [run.missing for run in rig.history().runs] == [False, False]


def test_a_hundred_tasks_of_a_cluster_are_one_call(rig: OutcomesRig) -> None:
    for start in range(0, 250, 50):
        rig.feed(*(rig.launched(n, key=f"job-{n}") for n in range(start, start + 50)))
    for number in range(250):
        rig.ecs.described[arn_of(number)] = rig.exited(number, 0, f"job-{number}")
    due(rig)

    rig.sweep()

    assert sorted(map(len, rig.ecs.describe_calls)) == [50, 100, 100]
    assert {rig.history(f"job-{number}").state for number in range(250)} == {State.SUCCEEDED}


def test_a_task_that_runs_too_long_is_stopped_within_a_minute(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1, limits={"maxRuntime": "30m"}), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.task(1, "RUNNING")
    due(rig, HALF_HOUR - 61)
    rig.sweep()
    assert rig.ecs.stop_calls == []

    rig.sweep()

    reason = "ecs-run-task: maxRuntime of 30m exceeded"
    assert rig.ecs.stop_calls == [{"cluster": "batch", "task": arn_of(1), "reason": reason}]
    assert rig.history().todo == ()
    rig.feed(rig.task(1, "STOPPED", stopCode="UserInitiated", stoppedReason=reason))
    assert rig.history().state is State.TIMED_OUT


def test_a_task_that_has_ended_in_time_is_not_stopped(rig: OutcomesRig) -> None:
    """Its end was lost."""
    rig.feed(rig.launched(1, limits={"maxRuntime": "30m"}), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.exited(1, 0)
    due(rig)

    rig.sweep()

    assert rig.ecs.stop_calls == []
    assert rig.history().state is State.SUCCEEDED


def test_maximum_run_times_hold_where_ecs_does_not_describe_tasks(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1, limits={"maxRuntime": "30m"}), rig.task(1, "RUNNING"))
    rig.ecs.describe_error = client_error("AccessDeniedException", "x", "DescribeTasks")
    due(rig)

    rig.sweep()

    assert len(rig.ecs.stop_calls) == 1


def test_what_ecs_did_not_describe_is_asked_for_again_in_the_next_minute(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.exited(1, 0)
    rig.ecs.describe_error = client_error("ThrottlingException", "x", "DescribeTasks")
    due(rig)
    rig.sweep()
    assert rig.history().state is State.RUNNING
    rig.ecs.describe_error = None

    rig.sweep()

    assert rig.history().state is State.SUCCEEDED


def test_the_tasks_of_a_cluster_that_is_gone_are_gone(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.ecs.describe_error = client_error("ClusterNotFoundException", "x", "DescribeTasks")
    due(rig)

    rig.sweep()

    assert rig.history().reason == "end-unknown"


def test_another_services_task_is_never_taken_for_ours(rig: OutcomesRig) -> None:
    """A forged report names it: its end is not that of the key, and it is not stopped."""
    rig.feed(rig.launched(1, limits={"maxRuntime": "1m"}))
    rig.ecs.described[arn_of(1)] = rig.task(1, "RUNNING", startedBy="ecs-svc/123")
    due(rig)

    rig.sweep()

    assert rig.history().reason == "end-unknown"
    assert rig.ecs.stop_calls == []


def test_a_task_of_another_key_is_not_taken_for_one_of_this_key(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1, limits={"maxRuntime": "1m"}))
    rig.ecs.described[arn_of(1)] = rig.task(1, "RUNNING", "other")
    due(rig)

    rig.sweep()

    assert rig.history().reason == "end-unknown"
    assert rig.ecs.stop_calls == []


def test_what_the_index_still_has_is_not_looked_at_before_its_time(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.table.items["job"]["listed_at"] = {"N": "1"}

    rig.sweep()

    assert rig.ecs.describe_calls == []
    assert rig.history().state is State.RUNNING


def test_an_arn_that_ecs_would_refuse_does_not_spoil_the_call_for_the_others(
    rig: OutcomesRig,
) -> None:
    rig.feed(rig.launched(1), rig.launched(2, key="other"))
    history = rig.history("other")
    rig.store.save(history, replace(history, runs=(replace(history.runs[0], arn="forged"),)))
    rig.ecs.described[arn_of(1)] = rig.exited(1, 0)
    due(rig)

    rig.sweep()

    assert rig.ecs.describe_calls == [[arn_of(1)]]
    assert rig.history("other").reason == "end-unknown"


def test_one_history_that_breaks_the_code_does_not_stop_the_others(
    rig: OutcomesRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2, 3):
        rig.feed(rig.launched(number, key=f"job-{number}"))
        rig.ecs.described[arn_of(number)] = rig.exited(number, 0, f"job-{number}")
    rig.ecs.described[arn_of(2)]["cpu"] = "256"
    due(rig)
    update = Sweep._update

    def broken(self: Sweep, history: Any, observations: Iterable[Any], *more: Any) -> None:
        seen = [None] if history.key == "job-2" else observations
        update(self, history, seen, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Sweep, "_update", broken)
    monkeypatch.setattr("function.outcomes.updating.reduce", fails_at_none)

    assert rig.sweep() == []

    states = [rig.history(f"job-{number}").state for number in (1, 2, 3)]
    assert states == [State.SUCCEEDED, State.LAUNCHING, State.SUCCEEDED]


def fails_at_none(history: Any, observation: Any, policy: Any, now: float) -> Any:
    from function.outcomes.reducer import reduce  # noqa: PLC0415

    if observation is None:
        raise ZeroDivisionError
    return reduce(history, observation, policy, now)


def test_a_task_that_was_started_again_is_not_missing_at_once(rig: OutcomesRig) -> None:
    """ECS follows its own launches within moments, and the first launch was long ago."""
    rig.feed(rig.launched(1), rig.never_started(1))
    rig.clock.now += 2000
    rig.feed(rig.launched(2, launched_at=rig.clock.time() - 2000))
    rig.sweep()
    assert rig.history().state is State.LAUNCHING
    for _ in range(6):
        rig.sweep()
    assert (rig.history().state, rig.history().reason) == (State.FAILED, "end-unknown")


def test_several_sweeps_of_one_batch_are_one(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.task(1, "RUNNING")
    due(rig)

    assert rig.feed(*[{"event": "sweep"}] * 10) == []
    assert len(rig.ecs.describe_calls) == 1
    queries = rig.wire.calls.count("Query")

    assert rig.feed({"event": "sweep"}) == []

    assert rig.wire.calls.count("Query") == queries


def test_two_sweeps_at_once_do_no_harm(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1, limits={"maxRuntime": "30m"}), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.task(1, "RUNNING")
    other = OutcomesRig(clock=rig.clock, ecs=rig.ecs, sqs=rig.sqs, table=rig.table)
    due(rig)
    begun = False
    describe = rig.ecs.describe_tasks

    def meanwhile(**call: Any) -> dict[str, Any]:
        nonlocal begun
        if not begun:
            begun = True
            other.feed({"event": "sweep"})
        return describe(**call)

    rig.ecs.describe_tasks = meanwhile  # type: ignore[method-assign]

    rig.sweep()

    assert len(rig.ecs.stop_calls) == 1


def test_the_lag_is_how_late_the_most_overdue_was(
    rig: OutcomesRig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.task(1, "RUNNING")
    due(rig, HALF_HOUR + 40)
    capsys.readouterr()

    rig.sweep()

    assert '"SweepLag":[100.0]' in capsys.readouterr().out


def test_a_sweep_without_time_leaves_the_rest_to_the_next(rig: OutcomesRig) -> None:
    rig.feed(rig.launched(1), rig.task(1, "RUNNING"))
    rig.ecs.described[arn_of(1)] = rig.exited(1, 0)
    due(rig)
    rig.seconds = 9
    rig.sweep()
    assert rig.ecs.describe_calls == []
    assert rig.history().state is State.RUNNING
    rig.seconds = 60

    rig.sweep()

    assert rig.history().state is State.SUCCEEDED


@dataclass
class Held:
    """A lease."""

    group: str
    key: str
    since: float


@dataclass
class FakeLeases:
    """Leases that are held, and what is done with them."""

    held: list[Held] = field(default_factory=list)
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def release(self, group: str, key: str) -> None:
        self.calls.append(("release", group, key))
        self.held = [one for one in self.held if one.key != key]

    def wake(self, group: str) -> None:
        self.calls.append(("wake", group))

    def groups(self) -> list[str]:
        return ["etl"]

    def holders(self) -> list[Held]:
        return list(self.held)


def test_the_lease_of_a_key_that_has_ended_is_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    leases = FakeLeases()
    monkeypatch.setattr("function.application.Leases", lambda *_args, **_kwargs: leases)
    rig = OutcomesRig()
    now = rig.clock.time()
    rig.feed(rig.launched(1, key="ended"), rig.exited(1, 0, "ended"))
    rig.feed(rig.launched(2, key="runs"), rig.task(2, "RUNNING", "runs"))
    leases.held = [
        Held("etl", "ended", now),
        Held("etl", "runs", now),
        Held("etl", "never-seen", now),
    ]

    rig.clock.now += 800
    rig.sweep()
    assert leases.calls == [("wake", "etl")]
    rig.clock.now += 100
    rig.sweep()
    assert leases.calls[1:] == [("release", "etl", "ended"), ("wake", "etl")]
    rig.ecs.described[arn_of(2)] = rig.task(2, "RUNNING", "runs")
    rig.clock.now += 3000
    rig.sweep()
    # Its report may be out of sight, after the table was away.
    assert [one.key for one in leases.held] == ["runs", "never-seen"]
    rig.clock.now += 1200
    rig.sweep()
    assert [one.key for one in leases.held] == ["runs"]


def test_the_end_of_a_key_releases_its_lease(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leases = FakeLeases()
    monkeypatch.setattr("function.application.Leases", lambda *_args, **_kwargs: leases)
    rig = OutcomesRig()
    limits = {"concurrency": {"max": 3, "group": "etl"}}

    rig.feed(rig.launched(1, limits=limits), rig.exited(1, 0))

    assert leases.calls == [("release", "etl", "job")]
