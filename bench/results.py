"""The figures: stored in `results.json`, reported as medians with their range."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.goals import GOALS, Goal

FILE: Final = Path(__file__).parent / "results.json"

# For each benchmark: `meta`, and `runs`, a list of subject → figure → number or curve.
Results = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """A figure over all runs."""

    middle: float
    least: float
    most: float

    def __str__(self) -> str:
        """Show the median, and the range where there is one."""
        if shown(self.least) == shown(self.most):
            return shown(self.middle)
        return f"{shown(self.middle)} ({shown(self.least)} to {shown(self.most)})"


def shown(value: float) -> str:
    """Return a number with three or four significant digits."""
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 100:  # noqa: PLR2004 - three digits before the point
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004 - as above


def load() -> Results:
    """Return the stored results."""
    if not FILE.exists():
        return {}
    results: Results = json.loads(FILE.read_text(encoding="utf-8"))
    return results


def save(results: Results) -> None:
    """Store the results."""
    text = json.dumps(_rounded(results), indent=1, sort_keys=True)
    FILE.write_text(text + "\n", encoding="utf-8")


def spread(results: Results, bench: str, subject: str, figure: str) -> Spread | None:
    """Return a figure over all runs, None if it was not measured."""
    runs = results.get(bench, {}).get("runs", [])
    values = [run[subject][figure] for run in runs if figure in run.get(subject, {})]
    return Spread(median(values), min(values), max(values)) if values else None


def judged(results: Results) -> list[tuple[Goal, Spread, bool]]:
    """Return each goal that was measured, the figure, and whether its median meets the goal."""
    found = []
    for goal in GOALS:
        value = spread(results, goal.bench, goal.subject, goal.figure)
        if value is not None:
            found.append((goal, value, goal.holds(value.middle)))
    return found


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
