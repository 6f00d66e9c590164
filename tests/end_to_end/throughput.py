"""How much of a concurrency limit is used: `python -m tests.end_to_end.throughput [SECONDS]`.

Sends the 30 messages of the limited kind, three of which may run at once, to a stage on the
embedded AWS, and compares the time that their tasks existed with three times the time that all of
them took. It is a measurement, and no test: the figure depends on what else the machine does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import pytest

from rehearsal.fault_injection import FaultyEmulator
from tests.end_to_end import outcome_kinds, outcome_stage

AT_ONCE = 3


def measure(seconds: float) -> None:
    """Print the throughput of tasks that run for so many seconds."""
    outcome_kinds.LIMITED_SECONDS = seconds  # type: ignore[misc]
    outcome_stage.MAX_WAIT_SECONDS = 60 + 30 * seconds  # type: ignore[misc]
    with (
        tempfile.TemporaryDirectory(prefix="ecs-run-task-throughput-") as name,
        pytest.MonkeyPatch.context() as patch,
        FaultyEmulator.start() as emulator,
    ):
        folder = Path(name)
        (folder / "content").mkdir()
        kinds = [kind for kind in outcome_kinds.kinds(folder / "content") if kind.name == "limited"]
        stage = outcome_stage.deploy_outcomes(emulator, folder / "stage", patch)
        stage.send(kinds)
        stage.settled(outcome_kinds.fates(kinds))
        tasks = stage.described("limited-")
        used = sum((task["stoppedAt"] - task["createdAt"]).total_seconds() for task in tasks)
        first = min(task["createdAt"] for task in tasks)
        span = (max(task["stoppedAt"] for task in tasks) - first).total_seconds()
    print(f"{len(tasks)} tasks of {seconds:g} s, {AT_ONCE} at once: {span:.1f} s in all")  # noqa: T201 - the result
    print(f"throughput {used / (AT_ONCE * span):.3f} of what {AT_ONCE} at once allow")  # noqa: T201 - the result


if __name__ == "__main__":
    measure(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0)
