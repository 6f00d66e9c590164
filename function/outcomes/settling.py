"""What became of a key, judged from what is known of its tasks.

Everything here is computed anew from the facts, in whatever order they arrived.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from function.limits import MAX_REPORT_DELAY_SECONDS, MAX_TASK_DELAY_SECONDS
from function.outcomes import exit_codes, stops
from function.outcomes.states import WORST_FIRST, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from function.outcomes.history import History, Run

# Reasons of a state, beside the causes of `stops`.
NO_EXIT_CODE: Final = "no-exit-code"
OUT_OF_MEMORY: Final = "out-of-memory"
END_UNKNOWN: Final = "end-unknown"

# Reasons for which a second message of a key is rejected, whatever became of the first.
OF_ANOTHER_MESSAGE: Final = frozenset({"key-reused"})

_EXPIRED: Final = "expired"

# `lastStatus` of a task at its end. Of DELETED only the record is left of it.
STOPPED: Final = "STOPPED"
ENDED: Final = frozenset({STOPPED, "DELETED"})

# A container's `reason` where the kernel ended it.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
_OUT_OF_MEMORY_TEXT: Final = re.compile(r"out ?of ?memory", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a task, or of a key.

    Attributes:
        state: The state.
        reason: Why, a name; empty where the state says it all.
        exit_code: Of the container that decides; None if there is none.
        ended_at: When it ended, None if that is not known, or it has not ended.
    """

    state: State
    reason: str = ""
    exit_code: int | None = None
    ended_at: float | None = None


def has_ended(run: Run) -> bool:
    """Return whether a task has ended, or nobody can tell any more."""
    return run.missing or run.status in ENDED


def counted(history: History) -> tuple[Run, ...]:
    """Return the tasks that decide: those that were not replaced.

    A task whose restart could not be made counts again if its place is empty.
    """
    current = [run for run in history.runs if run.arn not in history.replaced]
    empty = 0 if history.asked is None else history.asked.count - len(current)
    # One restart is for all tasks that were replaced until then: a later one fills every place.
    if empty <= 0 or str(len(history.replaced)) not in history.failed_restarts:
        return tuple(current)
    again = set(history.replaced[-empty:])
    return tuple(run for run in history.runs if run in current or run.arn in again)


def is_complete(history: History, now: float) -> bool:
    """Return whether all tasks of a key are known, as far as they ever will be."""
    first_seen_at = now if history.first_seen_at is None else history.first_seen_at
    if history.asked is None:
        return now >= first_seen_at + MAX_REPORT_DELAY_SECONDS
    if len(counted(history)) >= history.asked.count:
        return True
    since = max(history.asked.launched_at, first_seen_at)
    return history.generation == 0 and now >= since + MAX_TASK_DELAY_SECONDS


def judge(history: History, essential: Sequence[str] | None, now: float) -> Verdict:
    """Return the state of a key.

    Args:
        history: What is known.
        essential: The essential containers of its task definition, None if they are not known.
        now: The time, in seconds since 1970.
    """
    runs = counted(history)
    rejection = history.rejection
    of_another = rejection is not None and rejection.reason in OF_ANOTHER_MESSAGE
    if rejection is not None and (
        not (history.runs and of_another)
        if history.asked is None
        # Another message of the key was taken for launched, although nobody knows of a task.
        else not (history.runs or of_another)
    ):
        return Verdict(
            state=State.EXPIRED if rejection.reason == _EXPIRED else State.REJECTED,
            reason=rejection.reason,
            ended_at=rejection.rejected_at,
        )
    if is_complete(history, now) and all(has_ended(run) for run in runs):
        return _worst(history, runs, essential)
    runs_now = any(run.started_at is not None and not has_ended(run) for run in runs)
    return Verdict(state=State.RUNNING if runs_now else State.LAUNCHING)


def verdict_of(
    run: Run,
    *,
    overridden: Sequence[str],
    essential: Sequence[str] | None,
    stopping: Mapping[str, str],
) -> Verdict:
    """Return what became of a task that has ended.

    Args:
        run: The task.
        overridden: The names of the containers that the message overrides.
        essential: The essential containers of its task definition, None if they are not known.
        stopping: The tasks whose stop was decided, with the name of the limit.
    """
    cause = stops.cause_of(run)
    deciders = exit_codes.deciders(run, overridden, essential)
    code = exit_codes.deciding_code(deciders)
    ended_at = run.stopped_at or run.started_at or run.created_at
    if run.status not in ENDED:
        return Verdict(state=State.FAILED, reason=END_UNKNOWN, ended_at=ended_at)
    state, reason = State.STOPPED, cause.name
    if stops.stopped_for_limit(run) or (cause.name == "user" and run.arn in stopping):
        state, reason = State.TIMED_OUT, stopping.get(run.arn, stops.MAX_RUNTIME)
    elif not cause.ran and cause.name not in {"user", "scheduler"}:
        state = State.NEVER_STARTED
    elif cause.name == "exit" and code == 0:
        state, reason = State.SUCCEEDED, ""
    elif cause.name == "exit":
        state, reason = State.FAILED, stops.EXIT_CODE if code else NO_EXIT_CODE
        if any(_OUT_OF_MEMORY_TEXT.search(container.reason) for container in deciders):
            reason = OUT_OF_MEMORY
    elif run.stop_code == "TaskFailedToStart":
        # One container ran, another one did not.
        state = State.FAILED
    return Verdict(state=state, reason=reason, exit_code=code, ended_at=ended_at)


def _worst(history: History, runs: Sequence[Run], essential: Sequence[str] | None) -> Verdict:
    asked = history.asked
    overridden = () if asked is None else asked.containers
    verdicts = []
    for run in runs:
        verdict = verdict_of(
            run, overridden=overridden, essential=essential, stopping=history.stopping
        )
        if verdict.state is State.NEVER_STARTED and run.arn in history.replaced:
            # Why it was not started again tells more than why it was to be.
            last = max(int(number) for number in history.failed_restarts)
            verdict = replace(verdict, reason=history.failed_restarts[str(last)])
        verdicts.append(verdict)
    fallback = history.first_seen_at if asked is None else asked.launched_at
    ends = [verdict.ended_at for verdict in verdicts if verdict.ended_at is not None]
    ended_at = max(ends, default=fallback)
    missing = asked is not None and len(runs) < asked.count
    if missing or not verdicts:
        verdicts.append(Verdict(state=State.FAILED, reason=END_UNKNOWN))
    worst = min(verdicts, key=lambda verdict: WORST_FIRST.index(verdict.state))
    return replace(worst, ended_at=ended_at)
