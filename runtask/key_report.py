"""What is known of a key, as values and in words: for `runtask status`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from function.outcomes import exit_codes, settling, stops
from function.outcomes.explanations import console_links, explain
from function.outcomes.states import FINAL, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from function.outcomes.history import History, Run
    from runtask.sight import Sight

# What a state means as long as there is no reason to name.
_STATE_WORDS: Final = {
    State.QUEUED: "it waits in the work queue, or its launch has not been reported yet",
    State.LAUNCHING: "its tasks are started, and do not run yet",
    State.RUNNING: "it runs",
    State.SUCCEEDED: "every container that decides ended with 0",
}


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Something that happened.

    Attributes:
        at: When, as ISO 8601.
        what: What, in words.
    """

    at: str
    what: str


def key_report(sight: Sight, stage: str) -> dict[str, Any]:
    """Return what is known of a key, as JSON holds it; all times are ISO 8601.

    Args:
        sight: What is known.
        stage: The stage.
    """
    history = sight.history
    asked, rejection = history.asked, history.rejection
    source = asked or rejection
    cause = _cause(history)
    started = [run.started_at for run in history.runs if run.started_at is not None]
    return {
        "key": history.key,
        "stage": stage,
        "state": str(history.state),
        "reason": history.reason,
        "what": cause["what"],
        "cause": cause["cause"],
        "cure": cause["cure"],
        "error": "" if rejection is None else rejection.error,
        "exitCode": history.exit_code,
        "recorded": sight.recorded,
        "attempts": history.generation + 1,
        "restarts": dict(history.restarts),
        "messageId": "" if source is None else source.message_id,
        "group": None if source is None else source.group,
        "asked": None
        if asked is None
        else {
            "parameters": dict(asked.parameters),
            "containers": list(asked.containers),
            "count": asked.count,
            "limits": dict(asked.limits),
        },
        "queuedAt": moment(source.queued_at if source else None),
        "launchedAt": moment(asked.launched_at if asked else None),
        "startedAt": moment(min(started, default=None)),
        "finishedAt": moment(history.finished_at),
        "timeline": [asdict(item) for item in timeline(history)],
        "tasks": [_task(history, run) for run in history.runs],
    }


def moment(at: float | None) -> str | None:
    """Return a time as ISO 8601, to the second; None for one that is not known."""
    if not at:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def timeline(history: History) -> list[Moment]:
    """Return what happened to a key, the earliest first."""
    found = sorted(_moments(history), key=lambda item: item[0])
    return [Moment(at=moment(at) or "", what=what) for at, what in found]


def task_id(arn: str) -> str:
    """Return the id of a task."""
    return arn.rpartition("/")[2]


def asked_words(history: History) -> str:
    """Return what a message asked for, in words; empty if that is not known."""
    asked = history.asked
    if asked is None:
        return ""
    named = asked.parameters
    definition = named.get("taskDefinition") or _of_runs(history, "task_definition")
    cluster = named.get("cluster") or _of_runs(history, "cluster")
    words = [f"{asked.count} task{'' if asked.count == 1 else 's'} of {definition or 'a service'}"]
    if named.get("service"):
        words.append(f"like service {named['service']}")
    if cluster:
        words.append(f"on cluster {str(cluster).rpartition('/')[2]}")
    if asked.containers:
        words.append(f"overriding {', '.join(asked.containers)}")
    return " ".join(words)


def what_words(history: History) -> str:
    """Return what became of a key, as the part of a sentence."""
    return _cause(history)["what"]


def _of_runs(history: History, field: str) -> str:
    found = next((getattr(run, field) for run in history.runs if getattr(run, field)), "")
    return str(found).rpartition("/")[2]


def _cause(history: History) -> dict[str, str]:
    if not history.reason and history.state in _STATE_WORDS:
        return {"what": _STATE_WORDS[history.state], "cause": "", "cure": ""}
    found = explain(history.state, history.reason)
    return {"what": found.words, "cause": found.cause, "cure": found.cure}


def _task(history: History, run: Run) -> dict[str, Any]:
    overridden = () if history.asked is None else history.asked.containers
    links = console_links(run.arn, run.cluster)
    ended = settling.has_ended(run)
    return {
        "arn": run.arn,
        "status": run.status,
        "stopCode": run.stop_code,
        "stopReason": run.stop_reason,
        "cause": stops.cause_of(run).name if ended and not run.missing else "",
        "replaced": run.arn in history.replaced,
        "missing": run.missing,
        "taskDefinition": run.task_definition,
        "cluster": run.cluster,
        "createdAt": moment(run.created_at),
        "startedAt": moment(run.started_at),
        "stoppedAt": moment(run.stopped_at),
        "console": None if links is None else links.task,
        "containers": [
            {
                "name": container.name,
                "exitCode": container.exit_code,
                "reason": container.reason,
                "ran": container.ran,
                "overridden": container.name in overridden,
                "injected": exit_codes.is_injected(container.name),
            }
            for container in run.containers
        ],
    }


def _moments(history: History) -> Iterator[tuple[float, str]]:
    asked, rejection = history.asked, history.rejection
    source = asked or rejection
    if source is not None and source.queued_at:
        yield source.queued_at, "the message was sent"
    if asked is not None and asked.launched_at:
        after = f", {asked.launched_at - asked.queued_at:.0f} s later" if asked.queued_at else ""
        yield asked.launched_at, f"RunTask started it{after}"
    if rejection is not None:
        yield rejection.rejected_at, f"it was moved to the dead-letter queue: {rejection.reason}"
    for run in history.runs:
        name = f"task {task_id(run.arn)[:12]}"
        if run.created_at is not None:
            yield run.created_at, f"{name} was created"
        if run.started_at is not None:
            yield run.started_at, f"{name} began to run"
        if run.stopped_at is not None:
            why = ": ".join(text for text in (run.stop_code, run.stop_reason) if text)
            again = ", and is started again" if run.arn in history.replaced else ""
            yield run.stopped_at, f"{name} stopped{again}{f': {why}' if why else ''}"
    if history.finished_at is not None and history.state in FINAL:
        yield history.finished_at, f"the key is {history.state}"
