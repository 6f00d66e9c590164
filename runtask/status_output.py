"""Prints what is known of one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtask import console
from runtask.key_report import asked_words, key_report, task_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtask.sight import Sight


def show_key(sight: Sight, stage: str) -> None:
    """Print what is known of a key, in words.

    Args:
        sight: What is known.
        stage: The stage.
    """
    report = key_report(sight, stage)
    console.table(("key", report["key"]), list(_facts(sight, report)))
    if report["timeline"]:
        console.gap()
        console.table(
            ("time", "what happened"), [(item["at"], item["what"]) for item in report["timeline"]]
        )
    containers = [
        _container(task, container) for task in report["tasks"] for container in task["containers"]
    ]
    if containers:
        console.gap()
        console.table(("task", "container", "exit code", "note"), containers)


def _facts(sight: Sight, report: dict[str, Any]) -> Iterator[tuple[str, object]]:
    reason = f" ({report['reason']})" if report["reason"] else ""
    yield "state", f"{report['state']}{reason}: {report['what']}"
    for name in ("error", "cause", "cure"):
        if report[name]:
            yield name, report[name]
    if report["exitCode"] is not None:
        yield "exit code", report["exitCode"]
    asked = asked_words(sight.history)
    if asked:
        yield "asked for", asked
    if report["asked"] and report["asked"]["limits"]:
        yield "limits", _shown(report["asked"]["limits"])
    if report["group"]:
        yield "group", report["group"]
    if report["restarts"]:
        causes = ", ".join(f"{cause} {number}" for cause, number in report["restarts"].items())
        yield "restarts", causes
    if report["messageId"]:
        yield "message id", report["messageId"]
    if report["tasks"]:
        yield "console", report["tasks"][-1]["console"] or report["tasks"][-1]["arn"]
        yield "log", f"runtask logs {report['key']} --stage {report['stage']}"


def _shown(limits: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {console.compact(value)}" if isinstance(value, dict | list) else f"{name} {value}"
        for name, value in limits.items()
    )


def _container(task: dict[str, Any], container: dict[str, Any]) -> tuple[object, ...]:
    notes = [container["reason"]]
    if task["replaced"]:
        notes.append("another task was started instead")
    if container["injected"]:
        notes.append("added by AWS; does not decide")
    elif container["overridden"]:
        notes.append("decides")
    if not container["ran"]:
        notes.append("never ran")
    code = "-" if container["exitCode"] is None else container["exitCode"]
    note = "; ".join(filter(None, notes)) or "-"
    return console.shown_digest(task_id(task["arn"])), container["name"], code, note
