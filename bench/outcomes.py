"""What it costs to know what became of a message, option by option, and how much memory pays.

A key without trouble: one launch, one report, the two events of its task. What an option adds is
the difference to the same without it, in calls, in units of the table, and in time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from bench import environment
from bench.handler import THIS_TREE, Bench, Tree, each, stub
from bench.share import MEGABYTES_OF_A_CPU

_QUEUES: Final = f"https://sqs.{environment.REGION}.amazonaws.com/{environment.ACCOUNT}"
_WARM: Final = 10
_AT_THE_SHARE: Final = 5

# The messages that pass on what happened: the report, and the events of one task.
_EVENTS: Final = 2

_OUTCOMES: Final = {"EVENTS_QUEUE_URL": f"{_QUEUES}/work-events", "ANNOUNCE": "[]"}
OPTIONS: Final = {
    "outcomes": _OUTCOMES,
    "maxRuntime": {**_OUTCOMES, "LIMITS": json.dumps({"*": {"maxRuntime": "4h"}})},
    "concurrency": {**_OUTCOMES, "LIMITS": json.dumps({"*": {"concurrency": 1000}})},
    "results": {**_OUTCOMES, "RESULTS_QUEUE_URL": f"{_QUEUES}/work-results"},
}

MEMORIES_MEGABYTES: Final = (256, 512)
FIGURES: Final = ("sent", "received", "reads", "writes", "gigabyte_seconds", "log_kilobytes")
TIMES: Final = ("after the launch, CPU ms", "after the launch, wall ms")
REPORTED: Final = ("with a report, CPU, times without", "with a report, wall, times without")
AT_MEMORY: Final = (
    "first batch, s",
    "launch, ms a message",
    "outcome, ms a message",
    "GB-s of a message that comes alone",
)


def _tree(variables: dict[str, str]) -> Tree:
    return replace(THIS_TREE, variables={**THIS_TREE.variables, **variables})


def _calls(bench: Bench, name: str, tree: Tree) -> dict[str, float]:
    """Return what one message takes, from its launch to the end of its task."""
    log = bench.folder / f"{name}.log"
    before = log.stat().st_size if log.exists() else 0
    found = bench.measure(name, _WARM, tree=tree)
    messages = found["size"] * (_WARM + 1)
    calls = found["calls"]
    sending = calls.get("SendMessageBatch", 0) + calls.get("SendMessage", 0)
    events = _EVENTS if name == "outcomes" else 0
    return {
        "sent": sending / messages + events,
        "received": events + (1 if "SendMessageBatch" in calls else 0),
        "reads": calls.get("read units", 0) / messages,
        "writes": calls.get("write units", 0) / messages,
        "log_kilobytes": (log.stat().st_size - before) / messages / 1000,
        "cpu ms": each(found, "cpu"),
        "wall ms": each(found, "wall"),
        "peak MB": found["peak"],
    }


def _seconds(bench: Bench, name: str, tree: Tree, megabytes: int) -> dict[str, float]:
    """Return the seconds of a message, and of the first batch, at the CPU share of a memory."""
    found = bench.measure(name, _AT_THE_SHARE, megabytes / MEGABYTES_OF_A_CPU, tree)
    return {"each": each(found, "wall") / 1000, "first": found["first"]["wall"]}


def run_once(bench: Bench) -> dict[str, dict[str, float]]:
    """Return the figures of one run."""
    usual = environment.MEMORY_GIGABYTES
    megabytes = round(usual * 1024)
    plain = _tree({})
    without = _calls(bench, "ours", plain)
    launch = _seconds(bench, "ours", plain, megabytes)["each"]
    found: dict[str, dict[str, float]] = {"launch": without, "with a key": {}}
    found["with a key"]["writes"] = _calls(bench, "with_key", plain)["writes"]
    totals: dict[str, dict[str, float]] = {}
    for option, variables in OPTIONS.items():
        tree = _tree(variables)
        total = _calls(bench, "outcomes", tree)
        reported = _seconds(bench, "ours", tree, megabytes)["each"]
        after = _seconds(bench, "outcomes", tree, megabytes)["each"]
        total["gigabyte_seconds"] = (reported - launch + after) * usual
        totals[option] = total
        base = {**without, "gigabyte_seconds": 0.0} if option == "outcomes" else totals["outcomes"]
        found[option] = {name: max(0.0, total[name] - base[name]) for name in FIGURES}
        found[option] |= dict(zip(TIMES, (total["cpu ms"], total["wall ms"]), strict=True))
    reports = _calls(bench, "ours", _tree(_OUTCOMES))
    for name, kind in zip(REPORTED, ("cpu ms", "wall ms"), strict=True):
        found["launch"][name] = reports[kind] / without[kind]
    for memory in MEMORIES_MEGABYTES:
        tree = _tree(_OUTCOMES)
        launched = _seconds(bench, "ours", tree, memory)
        after = _seconds(bench, "outcomes", tree, memory)["each"]
        seconds = launched["each"] + after
        values = (launched["first"], launched["each"] * 1000, after * 1000, seconds * memory / 1024)
        found[f"{memory} MB"] = dict(zip(AT_MEMORY, values, strict=True))
    return found


def run(runs: int) -> list[dict[str, dict[str, Any]]]:
    """Return the figures of several runs, after one that only writes the compiled files."""
    with stub() as bench:
        for name in ("ours", "with_key", "outcomes"):
            bench.measure(name, 0, tree=_tree(_OUTCOMES))
        return [run_once(bench) for _ in range(runs)]
