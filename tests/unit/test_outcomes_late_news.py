"""News that contradict each other, or come after an end that they take back."""

from __future__ import annotations

from dataclasses import replace

from function.limits import LAUNCH_CHECK_SECONDS, RUNNING_CHECK_SECONDS
from function.outcomes import reducer
from function.outcomes.deciding import RESULT
from function.outcomes.observations import Due, RestartFailed, TaskMissing
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
)

TELLING = replace(POLICY, results=True)
WITHOUT_TASKS = replace(launched(), tasks=())


def test_a_rejection_tells_the_fate_where_nobody_knows_of_a_task() -> None:
    history = after(WITHOUT_TASKS, rejected("outcome-unknown"))
    assert (history.state, history.reason) == (State.REJECTED, "outcome-unknown")
    history = after(rejected("outcome-unknown"), WITHOUT_TASKS)
    assert (history.state, history.reason) == (State.REJECTED, "outcome-unknown")


def test_a_task_tells_the_fate_also_beside_a_rejection() -> None:
    history = after(rejected("outcome-unknown"), launched(arn()), ended())
    assert history.state is State.SUCCEEDED


def test_another_message_of_the_key_says_nothing_of_the_first() -> None:
    assert after(WITHOUT_TASKS, rejected("key-reused")).state is State.LAUNCHING


def test_a_later_restart_stands_for_one_that_could_not_be_made() -> None:
    history = after(
        launched(arn(1), arn(2), count=2),
        never_started(1),
        never_started(2),
        RestartFailed(key=KEY, generation=1, reason="bad-restart"),
        launched(arn(3), arn(4), count=2),
        never_started(3),
        ended(4),
    )
    assert history.generation == 3
    assert history.state is State.LAUNCHING


def test_the_last_restart_that_could_not_be_made_ends_the_key() -> None:
    history = after(
        launched(arn(1), arn(2), count=2),
        never_started(1),
        never_started(2),
        RestartFailed(key=KEY, generation=2, reason="task-gone"),
    )
    assert (history.state, history.reason) == (State.NEVER_STARTED, "task-gone")


def test_an_end_that_later_news_take_back_is_not_told() -> None:
    history = after(launched(arn()), TaskMissing(key=KEY, arn=arn()), policy=TELLING)
    assert kinds(history) == [RESULT]
    history = reducer.reduce(history, never_started(), TELLING, NOW)
    assert history.state is State.LAUNCHING
    assert kinds(history) == ["restart"]


def test_an_end_that_comes_again_is_told() -> None:
    history = after(
        launched(arn()),
        TaskMissing(key=KEY, arn=arn()),
        never_started(),
        RestartFailed(key=KEY, generation=1, reason="task-gone"),
        policy=TELLING,
    )
    assert history.state is State.NEVER_STARTED
    assert RESULT in kinds(history)


def test_a_task_of_which_the_news_are_old_is_looked_at_at_once() -> None:
    """The table was away for an hour, after which ECS forgets a stopped task."""
    late = NOW + RUNNING_CHECK_SECONDS
    assert after(launched(launched_at=NOW), now=late).due_at == late
    history = after(launched(launched_at=NOW), running(started_at=NOW), now=late)
    assert history.due_at == late
    looked = reducer.reduce(history, Due(key=KEY), POLICY, late)
    assert looked.due_at == late + RUNNING_CHECK_SECONDS


def test_a_launch_is_looked_at_after_ten_minutes() -> None:
    assert after(launched(launched_at=NOW)).due_at == NOW + LAUNCH_CHECK_SECONDS
