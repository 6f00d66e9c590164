"""How a history changes by an observation: pure, and the same in every order of the news.

The facts are merged so that neither order nor repetition matters: a task is replaced by a newer
version of itself only. What became of the key is judged anew each time (`settling`), and what is
to be done about it is decided once (`deciding`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from function.outcomes import asked_limits, deciding, settling
from function.outcomes.history import History, Run
from function.outcomes.observations import (
    Due,
    Launched,
    Observation,
    Rejected,
    RestartFailed,
    TaskMissing,
    TaskSeen,
)
from function.outcomes.policy import Policy
from function.outcomes.states import FINAL
from function.outcomes.stops import STOP_REASON_PREFIX

if TYPE_CHECKING:
    from function.outcomes.history import Asked, Rejection

__all__ = ["Policy", "open_tasks", "reduce", "stop_text"]

_LATEST: Final = float("inf")


def reduce(history: History, observation: Observation, policy: Policy, now: float) -> History:
    """Return a history after an observation.

    Only `Due` stops tasks, and asks again for a restart that nothing answered.

    Args:
        history: What was known; `History(key=…)` if nothing was.
        observation: What was observed of its key.
        policy: What the stage decides.
        now: The time, in seconds since 1970.
    """
    history = _learned(history, observation)
    if history.asked is None and history.rejection is None and not history.runs:
        return history
    if history.first_seen_at is None:
        history = replace(history, first_seen_at=now)
    history = deciding.with_restarts(history, policy, now)
    if isinstance(observation, Due):
        history = deciding.with_reminder(deciding.with_stops(history, now), now)
    verdict = settling.judge(history, policy.essential, now)
    final = verdict.state in FINAL
    history = replace(
        history,
        state=verdict.state,
        reason=verdict.reason,
        exit_code=verdict.exit_code,
        finished_at=verdict.ended_at if final else None,
        restart_due_at=history.restart_due_at if deciding.awaits_restart(history) else None,
    )
    history = deciding.with_end(history, policy)
    return replace(
        history, due_at=deciding.due_at(history, now, looked=isinstance(observation, Due))
    )


def open_tasks(history: History) -> tuple[str, ...]:
    """Return the ARNs of the tasks whose end is not known, for DescribeTasks."""
    return tuple(run.arn for run in history.runs if not settling.has_ended(run))


def stop_text(history: History) -> str:
    """Return the reason for StopTask of a task that ran for longer than `maxRuntime`."""
    limit = asked_limits.max_runtime_text(history.asked)
    return f"{STOP_REASON_PREFIX}maxRuntime of {limit} exceeded"


def _learned(history: History, observation: Observation) -> History:
    match observation:
        case Launched(asked=asked, tasks=tasks):
            history = replace(history, asked=_first(history.asked, asked))
            for arn in tasks:
                history = _with_run(history, Run(arn=arn))
            return history
        case Rejected(rejection=rejection):
            return replace(history, rejection=_last(history.rejection, rejection))
        case RestartFailed(generation=generation, reason=reason) if generation > 0:
            known = history.failed_restarts.get(str(generation), reason)
            failed = {**history.failed_restarts, str(generation): min(known, reason)}
            return replace(history, failed_restarts=failed)
        case TaskSeen(run=run):
            return _with_run(history, run)
        case TaskMissing(arn=arn):
            return _with_run(history, Run(arn=arn, missing=True))
        case _:
            return history


def _with_run(history: History, run: Run) -> History:
    runs = {known.arn: known for known in history.runs}
    runs[run.arn] = _merged(runs.get(run.arn, run), run)
    order = sorted(
        runs.values(),
        key=lambda item: (_LATEST if item.created_at is None else item.created_at, item.arn),
    )
    return replace(history, runs=tuple(order))


def _merged(one: Run, other: Run) -> Run:
    """Return the newer of two versions of a task, with what only the older one tells."""
    older, newer = sorted((one, other), key=_age)
    run = replace(
        newer,
        created_at=_earliest(older.created_at, newer.created_at),
        started_at=_earliest(older.started_at, newer.started_at),
        stopped_at=older.stopped_at if newer.stopped_at is None else newer.stopped_at,
        task_definition=newer.task_definition or older.task_definition,
        cluster=newer.cluster or older.cluster,
        containers=newer.containers or older.containers,
        cpu=newer.cpu or older.cpu,
        memory=newer.memory or older.memory,
        missing=older.missing or newer.missing,
    )
    return replace(run, missing=False) if run.status in settling.ENDED else run


def _age(run: Run) -> tuple[bool, int, int, int, str]:
    """Return what orders the versions of a task: nothing is newer than its end."""
    codes = sum(container.exit_code is not None for container in run.containers)
    text = json.dumps(asdict(run), sort_keys=True)
    return run.status == settling.STOPPED, run.version, codes, len(run.containers), text


def _earliest(one: float | None, other: float | None) -> float | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _first(known: Asked | None, found: Asked) -> Asked:
    """Return the report of the first launch: a message can be delivered, or sent, again."""
    return min(known or found, found, key=lambda asked: (asked.launched_at, _canonical(asked)))


def _last(known: Rejection | None, found: Rejection) -> Rejection:
    """Return the last rejection, but not one that only says that the key was used before."""
    return max(
        known or found,
        found,
        key=lambda item: (
            item.reason not in settling.OF_ANOTHER_MESSAGE,
            item.rejected_at,
            _canonical(item),
        ),
    )


def _canonical(value: Any) -> str:  # noqa: ANN401 - any dataclass
    return json.dumps(asdict(value), sort_keys=True, default=str)
