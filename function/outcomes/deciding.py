"""What is to be done about a key: its tasks started again or stopped, its end told.

Each thing is decided once. A task that is started again is in `History.replaced`, one that is
stopped in `History.stopping`, and what was told of a final state has a mark in `History.done`. So
the same news in another order, or twice, decides nothing more. What was told stays told: if later
news changes a final state, reason or exit code, that is told as well.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from function.limits import (
    LAUNCH_CHECK_SECONDS,
    MAX_REPORT_DELAY_SECONDS,
    MAX_RESTART_SECONDS,
    MAX_RESTARTS,
    MAX_TASK_DELAY_SECONDS,
    RESTART_BASE_SECONDS,
    RESTART_CHECK_SECONDS,
    RUNNING_CHECK_SECONDS,
    SLOW_RESTART_BASE_SECONDS,
)
from function.outcomes import asked_limits, settling, stops
from function.outcomes.history import Effect, History
from function.outcomes.states import FINAL, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from function.outcomes.history import Asked, Run
    from function.outcomes.policy import Policy

# The kinds of effects.
RESTART: Final = "restart"
STOP: Final = "stop"
RELEASE: Final = "release"
NOTICE: Final = "notice"
RESULT: Final = "result"

# What the end of a key asks for; a mark of `History.done` begins with it.
_OF_END: Final = frozenset({RELEASE, NOTICE, RESULT})

# Why a task that ran may be started again, if `onExit` says so: not where somebody wanted its end.
_MAY_RUN_AGAIN: Final = frozenset({"exit", "spot", "infrastructure"})


def with_restarts(history: History, policy: Policy, now: float) -> History:
    """Return a history with the restarts that its tasks need and may have.

    Without the report of the launch there is nothing to start again with.
    """
    asked = history.asked
    if asked is None:
        return history
    for run in settling.counted(history):
        found = _restart(history, asked, run, policy)
        if found is None or len(settling.counted(history)) > asked.count:
            continue
        cause, allowed, slow = found
        made = history.restarts.get(cause, 0)
        if made >= allowed * asked.count or history.generation >= MAX_RESTARTS:
            continue
        seconds = restart_delay(made // asked.count, slow=slow)
        effect = Effect(
            kind=RESTART,
            task=run.arn,
            seconds=seconds,
            generation=history.generation + 1,
            reason=cause,
        )
        history = replace(
            history,
            replaced=(*history.replaced, run.arn),
            restarts={**history.restarts, cause: made + 1},
            generation=effect.generation,
            restart_due_at=now + seconds + RESTART_CHECK_SECONDS,
            todo=(*history.todo, effect),
        )
    return history


def with_stops(history: History, now: float) -> History:
    """Return a history with the stops of tasks that have run for longer than `maxRuntime`."""
    for run in history.runs:
        ends_at = _ends_at(history, run)
        if ends_at is not None and now >= ends_at:
            stop = Effect(kind=STOP, task=run.arn, reason=stops.MAX_RUNTIME)
            history = replace(
                history,
                stopping={**history.stopping, run.arn: stops.MAX_RUNTIME},
                todo=(*history.todo, stop),
            )
    return history


def with_reminder(history: History, now: float) -> History:
    """Return a history in which a restart that nothing has answered is asked for again."""
    due_at = history.restart_due_at
    if due_at is None or now < due_at or not awaits_restart(history):
        return history
    task = history.replaced[-1]
    run = next((run for run in history.runs if run.arn == task), None)
    cause = "" if run is None else stops.cause_of(run).name
    effect = Effect(
        kind=RESTART,
        task=task,
        generation=history.generation,
        reason=stops.EXIT_CODE if run is not None and stops.did_run(run) else cause,
    )
    return replace(
        history,
        restart_due_at=now + RESTART_CHECK_SECONDS,
        todo=(*(item for item in history.todo if item.kind != RESTART), effect),
    )


def with_end(history: History, policy: Policy) -> History:
    """Return a history with what its end, if it has ended, asks for and was not done yet."""
    if history.state not in FINAL:
        return _without_end(history)
    for mark, effect in _at_end(history, policy):
        if mark not in history.done:
            history = replace(
                history,
                todo=(*history.todo, effect),
                done=tuple(sorted({*history.done, mark})),
            )
    return history


def _without_end(history: History) -> History:
    """Return a history without what an end asked for that later news has taken back."""
    taken = {effect.kind for effect in history.todo if effect.kind in _OF_END}
    if not taken:
        return history
    return replace(
        history,
        todo=tuple(effect for effect in history.todo if effect.kind not in taken),
        done=tuple(mark for mark in history.done if mark.partition(":")[0] not in taken),
    )


def due_at(history: History, now: float, *, looked: bool) -> float | None:
    """Return when somebody has to look at a key, None for never.

    Args:
        history: The history.
        now: The time, in seconds since 1970.
        looked: Whether ECS was asked a moment ago. If not, its news may be hours old.
    """
    if history.todo:
        return now
    if history.state in FINAL:
        return None
    return min(_moments(history, now, looked=looked), default=now + RUNNING_CHECK_SECONDS)


def restart_delay(made: int, *, slow: bool) -> int:
    """Return the seconds before a restart.

    Args:
        made: How many there were before it.
        slow: Whether its cause takes minutes to pass.
    """
    base = SLOW_RESTART_BASE_SECONDS if slow else RESTART_BASE_SECONDS
    return min(base << min(made, MAX_RESTART_SECONDS.bit_length()), MAX_RESTART_SECONDS)


def _restart(
    history: History, asked: Asked, run: Run, policy: Policy
) -> tuple[str, int, bool] | None:
    """Return cause, number and pace of the restarts that a task may have; None if none."""
    if run.arn in history.replaced or run.status != settling.STOPPED:
        return None
    cause = stops.cause_of(run)
    if not cause.ran:
        allowed = policy.restarts_for(cause.name) if cause.restartable else 0
        return (cause.name, allowed, cause.slow) if allowed else None
    verdict = settling.verdict_of(
        run,
        overridden=asked.containers,
        essential=policy.essential,
        stopping=history.stopping,
    )
    if verdict.state is State.TIMED_OUT or cause.name not in _MAY_RUN_AGAIN:
        return None
    allowed = asked_limits.exit_restarts(asked, verdict.exit_code)
    return (stops.EXIT_CODE, allowed, False) if allowed else None


def _ends_at(history: History, run: Run) -> float | None:
    """Return when a task is to be stopped, None if it is not."""
    limit = asked_limits.max_runtime_seconds(history.asked)
    if limit is None or run.started_at is None:
        return None
    if settling.has_ended(run) or run.arn in history.stopping:
        return None
    return run.started_at + limit


def awaits_restart(history: History) -> bool:
    """Return whether a task is to be started in place of one that was replaced."""
    asked = history.asked
    return (
        asked is not None
        and history.generation > 0
        and len(settling.counted(history)) < asked.count
    )


def _at_end(history: History, policy: Policy) -> Iterator[tuple[str, Effect]]:
    """Yield what the end of a key asks for, each with its mark."""
    # A message can be rejected again, after it was redriven.
    again = "" if history.asked or not history.rejection else f"@{history.rejection.rejected_at}"
    told = f"{history.state}/{history.reason}{again}"
    if asked_limits.has_lease(history.asked):
        yield RELEASE, Effect(kind=RELEASE)
    if history.state in policy.announce or (
        history.state is State.FAILED
        and asked_limits.announces_exit(history.asked, history.exit_code)
    ):
        yield f"{NOTICE}:{told}", Effect(kind=NOTICE, reason=history.reason)
    if policy.results:
        code = "" if history.exit_code is None else f"/{history.exit_code}"
        yield f"{RESULT}:{told}{code}", Effect(kind=RESULT, reason=history.reason)


def _moments(history: History, now: float, *, looked: bool) -> Iterator[float]:
    asked = history.asked
    since = now if history.first_seen_at is None else history.first_seen_at
    if asked is None:
        yield since + MAX_REPORT_DELAY_SECONDS
    elif awaits_restart(history):
        yield now if history.restart_due_at is None else history.restart_due_at
    elif len(settling.counted(history)) < asked.count:
        yield max(since, asked.launched_at) + MAX_TASK_DELAY_SECONDS
    for run in settling.counted(history):
        if settling.has_ended(run):
            continue
        waits = run.started_at is None or run.arn in history.stopping
        check = LAUNCH_CHECK_SECONDS if waits else RUNNING_CHECK_SECONDS
        began_at = run.started_at or run.created_at or (asked.launched_at if asked else now)
        yield now + check if looked else max(now, min(began_at, now) + check)
        ends_at = _ends_at(history, run)
        if ends_at is not None:
            yield ends_at
