"""Counts what became of the keys, for the metrics of one invocation."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from function import observability
from function.outcomes.states import FINAL, State

if TYPE_CHECKING:
    from function.outcomes.history import History, Run

# The metrics of the states; a rejection is counted where the message is rejected.
_NAMES: Final = {
    State.SUCCEEDED: "Succeeded",
    State.FAILED: "Failed",
    State.NEVER_STARTED: "NeverStarted",
    State.TIMED_OUT: "TimedOut",
    State.STOPPED: "Stopped",
}
_RESTARTED: Final = "Restarted"

# 1024 CPU units are a vCPU, and 1024 MiB a GiB.
_PER_WHOLE: Final = 1024


class OutcomeMetrics:
    """Collects the numbers of an invocation; safe to use from several threads.

    Args:
        stage: The stage's name.
    """

    def __init__(self, stage: str) -> None:
        self._stage = stage
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._vcpu_seconds = 0.0
        self._memory_seconds = 0.0
        self._lag_seconds: float | None = None

    def changed(self, before: History, after: History) -> None:
        """Count what a change of a history, which was stored, says."""
        counts: Counter[tuple[str, str]] = Counter()
        name = _NAMES.get(after.state)
        if name is not None and before.state not in FINAL:
            counts[name, after.reason] += 1
        for cause, restarts in after.restarts.items():
            counts[_RESTARTED, cause] += restarts - before.restarts.get(cause, 0)
        known = {run.arn: _seconds(run) for run in before.runs}
        ended = [(run, _seconds(run)) for run in after.runs if not known.get(run.arn)]
        with self._lock:
            self._counts += counts
            self._vcpu_seconds += sum(run.cpu * seconds for run, seconds in ended) / _PER_WHOLE
            self._memory_seconds += sum(run.memory * seconds for run, seconds in ended) / _PER_WHOLE

    def swept(self, lag_seconds: float) -> None:
        """Note how late the most overdue history was."""
        with self._lock:
            self._lag_seconds = max(lag_seconds, self._lag_seconds or 0.0)

    def flush(self) -> None:
        """Write the metrics, and begin anew.

        Those that are 0 as well: an alarm divides one by the sum of several, and has no value
        where one of them has none.
        """
        with self._lock:
            reasons = dict(self._counts)
            counts = Counter(dict.fromkeys((*_NAMES.values(), _RESTARTED), 0))
            for (name, _), count in reasons.items():
                counts[name] += count
            seconds = {
                "VcpuSeconds": self._vcpu_seconds,
                "MemoryGibibyteSeconds": self._memory_seconds,
            }
            if self._lag_seconds is not None:
                seconds["SweepLag"] = self._lag_seconds
            self._clear()
        observability.emit(self._stage, counts, seconds, reasons)

    def _clear(self) -> None:
        self._counts = Counter()
        self._vcpu_seconds = self._memory_seconds = 0.0
        self._lag_seconds = None


def _seconds(run: Run) -> float:
    """Return how long a task ran, 0 if it did not, or has not ended."""
    if run.started_at is None or run.stopped_at is None:
        return 0.0
    return max(0.0, run.stopped_at - run.started_at)
