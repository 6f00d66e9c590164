from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from function.limits import (
    LAUNCH_CHECK_SECONDS,
    MAX_REPORT_DELAY_SECONDS,
    MAX_TASK_DELAY_SECONDS,
    RESTART_CHECK_SECONDS,
    RUNNING_CHECK_SECONDS,
    START_ATTEMPTS,
)
from function.outcomes import reducer
from function.outcomes.deciding import restart_delay
from function.outcomes.history import Container, History
from function.outcomes.observations import (
    Due,
    Observation,
    RestartFailed,
    Sweep,
    TaskMissing,
)
from function.outcomes.states import State
from tests.unit.outcomes import (
    KEY,
    NOW,
    POLICY,
    after,
    arn,
    ended,
    kinds,
    launched,
    never_started,
    rejected,
    running,
    task,
)

SPOT: dict[str, Any] = {
    "stop_code": "SpotInterruption",
    "stop_reason": "Your Spot Task was interrupted.",
}
USER: dict[str, Any] = {"stop_code": "UserInitiated", "stop_reason": "Task stopped by user"}
PERMANENT = "CannotPullContainerError: manifest unknown"


def reduced(history: History, *observations: Observation, now: float = NOW) -> History:
    for observation in observations:
        history = reducer.reduce(history, observation, POLICY, now)
    return history


@pytest.mark.parametrize(
    ("observations", "state", "reason", "code"),
    [
        ([launched()], State.LAUNCHING, "", None),
        ([launched(), task()], State.LAUNCHING, "", None),
        ([launched(), running()], State.RUNNING, "", None),
        ([running()], State.RUNNING, "", None),
        ([ended()], State.LAUNCHING, "", None),
        ([launched(), ended()], State.SUCCEEDED, "", 0),
        ([launched(), ended(code=7)], State.FAILED, "exit-code", 7),
        ([launched(), ended(code=None)], State.FAILED, "no-exit-code", None),
        ([launched(), never_started()], State.LAUNCHING, "", None),
        ([launched(), never_started(text=PERMANENT)], State.NEVER_STARTED, "image-not-found", None),
        ([launched(), ended(**SPOT, code=143)], State.STOPPED, "spot", 143),
        ([launched(), ended(**SPOT, code=0)], State.STOPPED, "spot", 0),
        ([launched(), ended(**USER, code=143)], State.STOPPED, "user", 143),
        ([launched(), never_started(**USER)], State.STOPPED, "user", None),
        ([launched(), ended(stop_code="TerminationNotice")], State.STOPPED, "infrastructure", 0),
        (
            [launched(), ended(stop_code="TaskFailedToStart", stop_reason=PERMANENT, code=None)],
            State.FAILED,
            "image-not-found",
            None,
        ),
        ([launched(), TaskMissing(key=KEY, arn=arn())], State.FAILED, "end-unknown", None),
        ([rejected()], State.REJECTED, "not-json", None),
        ([rejected("expired")], State.EXPIRED, "expired", None),
    ],
)
def test_the_state_of_a_key(
    observations: list[Observation], state: State, reason: str, code: int | None
) -> None:
    history = after(*observations)
    assert (history.state, history.reason, history.exit_code) == (state, reason, code)


def test_a_spot_warning_is_no_end() -> None:
    assert after(launched(), running(**SPOT)).state is State.RUNNING


def test_a_container_that_used_too_much_memory_is_named() -> None:
    text = "OutOfMemoryError: Container killed due to memory usage"
    containers = (Container(name="app", ran=True, exit_code=137, reason=text),)
    assert after(launched(), ended(containers=containers)).reason == "out-of-memory"


def test_the_essential_container_decides_where_none_is_overridden() -> None:
    containers = (
        Container(name="app", ran=True, exit_code=0),
        Container(name="side", ran=True, exit_code=137),
    )
    observations = (launched(containers=()), ended(containers=containers))
    assert after(*observations, policy=replace(POLICY, essential=("app",))).exit_code == 0
    assert after(*observations).exit_code == 137


def test_of_several_tasks_the_worst_tells_the_state() -> None:
    report = launched(arn(1), arn(2), arn(3), count=3)
    assert after(report, ended(1), ended(2, code=7)).state is State.LAUNCHING
    assert after(report, ended(1), ended(2, code=7), running(3)).state is State.RUNNING
    history = after(report, ended(1), ended(2, code=7), ended(3))
    assert (history.state, history.exit_code) == (State.FAILED, 7)
    assert history.finished_at == ended(3).run.stopped_at
    history = after(report, ended(1), ended(2, code=7), ended(3, **USER))
    assert history.state is State.STOPPED


def test_an_older_version_changes_nothing() -> None:
    done = after(launched(), ended())
    assert reduced(done, running(), task(), ended(version=1)) == done


def test_a_record_of_a_deleted_task_changes_nothing() -> None:
    done = after(launched(), ended())
    assert reduced(done, task(status="DELETED", version=9)) == done


def test_a_task_that_was_missed_is_known_when_its_end_arrives() -> None:
    history = after(launched(), TaskMissing(key=KEY, arn=arn()), ended())
    assert history.state is State.SUCCEEDED
    assert not history.runs[0].missing
    assert reduced(history, TaskMissing(key=KEY, arn=arn())) == history


def test_a_task_that_was_missed_stays_so_when_its_older_news_arrive() -> None:
    history = after(launched(), TaskMissing(key=KEY, arn=arn()), running())
    assert (history.state, history.reason) == (State.FAILED, "end-unknown")


def test_a_task_that_was_seen_running_is_not_started_again_though_its_end_hides_it() -> None:
    hidden = never_started(containers=(Container(name="app"),))
    for observations in ((running(), hidden), (hidden, running())):
        history = after(*observations, launched())
        assert (history.state, history.generation) == (State.FAILED, 0)


def test_what_never_started_is_started_again_with_growing_waits_until_its_attempts_end() -> None:
    history = after(launched())
    waits = []
    for number in range(1, START_ATTEMPTS["network-interface"] + 1):
        history = reduced(history, never_started(number))
        waits += [
            (effect.task, effect.generation, effect.seconds)
            for effect in history.todo
            if effect.kind == "restart"
        ]
        history = replace(history, todo=())
    assert waits == [(arn(1), 1, 15), (arn(2), 2, 30), (arn(3), 3, 60), (arn(4), 4, 120)]
    assert (history.state, history.reason) == (State.NEVER_STARTED, "network-interface")
    assert history.replaced == (arn(1), arn(2), arn(3), arn(4))
    assert history.restarts == {"network-interface": 4}


def test_each_task_of_a_message_has_its_attempts() -> None:
    policy = replace(POLICY, start_attempts={"network-interface": 2})
    report = launched(arn(1), arn(2), count=2)
    history = after(report, *(never_started(number) for number in (1, 2, 3)), policy=policy)
    assert (history.state, history.replaced) == (State.LAUNCHING, (arn(1), arn(2)))
    assert [effect.seconds for effect in history.todo] == [15, 15]
    history = reducer.reduce(history, never_started(4), policy, NOW)
    assert (history.state, history.generation) == (State.NEVER_STARTED, 2)


def test_more_tasks_than_were_asked_for_are_not_made_still_more() -> None:
    history = after(running(2), launched(), never_started(1))
    assert (history.state, history.generation) == (State.RUNNING, 0)


def test_a_stage_decides_how_often() -> None:
    policy = replace(POLICY, start_attempts={"network-interface": 1})
    history = after(launched(), never_started(), policy=policy)
    assert (history.state, kinds(history)) == (State.NEVER_STARTED, ["notice"])


def test_the_waits_have_an_end() -> None:
    assert [restart_delay(made, slow=False) for made in (0, 1, 5, 6, 99)] == [15, 30, 480, 900, 900]
    assert [restart_delay(made, slow=True) for made in (0, 1, 3)] == [120, 240, 900]


def test_without_the_report_of_the_launch_nothing_is_started_again() -> None:
    history = after(never_started())
    assert (history.state, history.todo) == (State.LAUNCHING, ())
    assert kinds(reduced(history, launched())) == ["restart"]
    late = reduced(history, Due(key=KEY), now=NOW + MAX_REPORT_DELAY_SECONDS)
    assert (late.state, late.reason) == (State.NEVER_STARTED, "network-interface")


def test_a_restarted_task_decides() -> None:
    history = after(launched(), never_started(1), launched(arn(2), launched_at=NOW), ended(2))
    assert (history.state, history.reason) == (State.SUCCEEDED, "")
    assert history.asked == launched().asked


@pytest.mark.parametrize(
    ("values", "restarts"),
    [
        ({"code": 75}, 1),
        ({"code": 100}, 1),
        ({"code": 110}, 1),
        ({"code": 111}, 0),
        ({"code": None}, 0),
        ({"code": 75, **SPOT}, 1),
        ({"code": 75, **USER}, 0),
    ],
)
def test_an_exit_code_can_start_a_task_again(values: dict[str, Any], restarts: int) -> None:
    limits = {"onExit": {"restart": [75, "100-110"], "times": 2}}
    history = after(launched(limits=limits), ended(**values))
    assert kinds(history).count("restart") == restarts
    assert history.restarts == ({"exit-code": 1} if restarts else {})


def test_an_exit_code_starts_a_task_again_as_often_as_it_says() -> None:
    limits = {"onExit": {"restart": [75], "times": 2}}
    history = after(launched(limits=limits), *(ended(number, code=75) for number in (1, 2, 3)))
    assert (history.state, history.exit_code, history.generation) == (State.FAILED, 75, 2)


def test_a_restart_that_cannot_be_made_is_the_end() -> None:
    waiting = after(launched(), never_started())
    failed = RestartFailed(key=KEY, generation=1, reason="task-gone")
    history = reduced(waiting, failed)
    assert (history.state, history.reason) == (State.NEVER_STARTED, "task-gone")
    assert history.finished_at == never_started().run.stopped_at
    assert reduced(history, failed) == history
    assert reduced(waiting, replace(failed, generation=2)).state is State.LAUNCHING
    assert reduced(history, ended(2)).state is State.SUCCEEDED


def test_a_restart_by_exit_code_that_cannot_be_made_leaves_the_exit_code() -> None:
    limits = {"onExit": {"restart": [75]}}
    failed = RestartFailed(key=KEY, generation=1, reason="task-gone")
    history = after(launched(limits=limits), ended(code=75), failed)
    assert (history.state, history.reason) == (State.FAILED, "exit-code")


def test_a_task_that_runs_for_too_long_is_stopped_once() -> None:
    history = after(launched(limits={"maxRuntime": "30m"}), running())
    started_at = running().run.started_at
    assert started_at is not None
    assert history.due_at == started_at + 1800
    early = reduced(history, Due(key=KEY), now=started_at + 1799)
    assert early.todo == ()
    late = reduced(history, Due(key=KEY), Due(key=KEY), running(), now=started_at + 1800)
    assert [(effect.kind, effect.task, effect.reason) for effect in late.todo] == [
        ("stop", arn(), "max-runtime")
    ]
    assert reducer.stop_text(late) == "ecs-run-task: maxRuntime of 30m exceeded"
    end: dict[str, Any] = {
        "stop_code": "UserInitiated",
        "stop_reason": reducer.stop_text(late),
        "code": 143,
    }
    by_hand = reduced(late, ended(stop_code="UserInitiated", stop_reason="no words of ours"))
    assert by_hand.state is State.TIMED_OUT
    for known in (late, history):  # whether the stop was recorded or not
        done = reduced(known, ended(**end))
        assert (done.state, done.reason, done.exit_code) == (State.TIMED_OUT, "max-runtime", 143)


def test_a_task_that_ended_by_itself_before_its_stop_is_not_timed_out() -> None:
    history = after(launched(limits={"maxRuntime": "1s"}), running(), Due(key=KEY), ended())
    assert history.stopping == {arn(): "max-runtime"}
    assert history.state is State.SUCCEEDED


def test_only_the_due_time_stops_a_task() -> None:
    assert after(launched(limits={"maxRuntime": "1s"}), running()).todo == ()


def test_without_the_report_tasks_are_judged_after_two_minutes() -> None:
    history = after(ended())
    assert history.due_at == NOW + MAX_REPORT_DELAY_SECONDS
    late = reduced(history, Due(key=KEY), now=NOW + MAX_REPORT_DELAY_SECONDS)
    assert (late.state, late.due_at) == (State.SUCCEEDED, late.due_at)
    more = reduced(late, launched(arn(1), arn(2), count=2), now=NOW + 300)
    assert more.state is State.LAUNCHING


def test_tasks_that_never_appear_are_not_awaited_for_ever() -> None:
    history = after(launched(count=2), ended())
    assert history.state is State.LAUNCHING
    late = reduced(history, Due(key=KEY), now=NOW + MAX_TASK_DELAY_SECONDS)
    assert (late.state, late.reason) == (State.FAILED, "end-unknown")


def test_when_somebody_has_to_look() -> None:
    now = launched(launched_at=NOW)
    assert after(now).due_at == NOW + LAUNCH_CHECK_SECONDS
    assert after(now, running(), Due(key=KEY)).due_at == NOW + RUNNING_CHECK_SECONDS
    waiting = after(launched(), never_started())
    assert waiting.due_at == NOW
    waiting = reduced(replace(waiting, todo=()), launched())
    assert waiting.due_at == NOW + 15 + RESTART_CHECK_SECONDS
    done = after(launched(), ended(code=7))
    assert (done.todo, done.due_at) == ((), None)


def test_a_restart_that_nothing_answers_is_asked_for_again() -> None:
    waiting = replace(after(launched(), never_started()), todo=())
    assert reduced(waiting, Due(key=KEY)).todo == ()
    due_at = NOW + 15 + RESTART_CHECK_SECONDS
    late = reduced(waiting, Due(key=KEY), now=due_at)
    assert reduced(replace(late, todo=()), Due(key=KEY), now=due_at + 1).todo == ()
    assert [(effect.kind, effect.task, effect.generation) for effect in late.todo] == [
        ("restart", arn(), 1)
    ]
    assert late.generation == 1
    much_later = reduced(waiting, Due(key=KEY), now=NOW + 10 * MAX_TASK_DELAY_SECONDS)
    assert much_later.state is State.LAUNCHING
    answered = reduced(late, running(2))
    assert answered.restart_due_at is None


def test_the_lease_is_released_at_the_end_and_not_for_a_restart() -> None:
    limits = {"concurrency": {"max": 3, "group": "etl"}}
    history = after(launched(limits=limits), never_started())
    assert "release" not in kinds(history)
    history = reduced(history, ended(2))
    assert kinds(history).count("release") == 1
    assert "release" not in kinds(after(launched(), ended()))


@pytest.mark.parametrize(
    ("observations", "notices"),
    [
        ([launched(), ended()], []),
        ([launched(), ended(code=7)], []),
        ([launched(), never_started(text=PERMANENT)], ["image-not-found"]),
        ([rejected()], ["not-json"]),
        ([rejected(), rejected()], ["not-json"]),
        ([rejected(), rejected(at=NOW)], ["not-json", "not-json"]),
        ([launched(limits={"onExit": {"announce": ["5-9"]}}), ended(code=7)], ["exit-code"]),
        ([launched(), ended(**USER)], ["user"]),
    ],
)
def test_a_person_is_told(observations: list[Observation], notices: list[str]) -> None:
    history = after(*observations)
    assert [effect.reason for effect in history.todo if effect.kind == "notice"] == notices


def test_results_are_reported_if_the_stage_says_so_and_again_only_if_they_change() -> None:
    policy = replace(POLICY, results=True)
    history = after(launched(), ended(code=7), ended(code=7), policy=policy)
    assert kinds(history) == ["result"]
    changed = reducer.reduce(replace(history, todo=()), ended(code=0, version=6), policy, NOW)
    assert (changed.state, kinds(changed)) == (State.SUCCEEDED, ["result"])


def test_what_was_done_is_not_done_again() -> None:
    told = replace(after(launched(), ended(**USER)), todo=())
    assert reduced(told, ended(**USER), launched(), running(), Due(key=KEY)).todo == ()


def test_a_second_message_with_the_key_changes_nothing_of_the_first() -> None:
    assert after(rejected("key-reused"), launched(), running()).state is State.RUNNING
    assert after(running(), rejected("key-reused")).state is State.RUNNING
    assert after(launched(), rejected(), ended()).state is State.SUCCEEDED
    assert after(rejected(), rejected("key-reused", at=NOW)).reason == "not-json"


def test_a_rejected_message_that_is_redriven_and_launched_is_launched() -> None:
    history = after(rejected(), launched(), ended())
    assert (history.state, history.finished_at) == (State.SUCCEEDED, ended().run.stopped_at)


@pytest.mark.parametrize(
    "observation",
    [Due(key=KEY), Sweep(), RestartFailed(key=KEY, generation=0, reason="r")],
)
def test_what_says_nothing_changes_nothing(observation: Observation) -> None:
    assert after(observation) == History(key=KEY)


def test_only_tasks_whose_end_is_not_known_are_looked_up() -> None:
    history = after(launched(arn(1), arn(2), arn(3), count=3), running(1), ended(2))
    assert set(reducer.open_tasks(history)) == {arn(1), arn(3)}
