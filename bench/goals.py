"""The goals: upper or lower limits of figures. They are not adjusted to results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.against import FIGURES
from bench.drain import EVERY_SCENARIO


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One goal.

    Attributes:
        bench: The benchmark.
        name: Its name in the table.
        figure: The key of the figure in `results.json`.
        limit: The upper limit, or the lower one.
        subject: The policy, or the scenario and the policy, or empty.
        at_least: The limit is the lower one.
    """

    bench: str
    name: str
    figure: str
    limit: float
    subject: str = ""
    at_least: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a value meets the goal."""
        return value >= self.limit if self.at_least else value <= self.limit


_OURS: Final = "ours"

# How much slower a first delivery may have become.
_MAX_TIMES_REFERENCE: Final = 1.05

_SCENARIOS: Final = (
    "20/s",
    "5/s",
    "5/s, told 20/s",
    "100/s",
    "20/s, half taken",
    "20/s, refusals cost",
    "20/s, burst 100",
    "two hours without capacity",
)


def _drain(scenario: str, name: str, figure: str, limit: float) -> Goal:
    return Goal(
        bench="drain",
        name=f"{scenario}: {name}",
        subject=f"{scenario} | {_OURS}",
        figure=figure,
        limit=limit,
    )


GOALS: Final = (
    *(
        Goal(
            bench="against",
            name=f"{figure}, times the reference",
            figure=f"{figure}, times the reference",
            limit=_MAX_TIMES_REFERENCE,
        )
        for figure in FIGURES
    ),
    Goal(
        bench="handler",
        name="wall a message, times better than the ancestor",
        figure="wall, times better than the ancestor",
        limit=12,
        at_least=True,
    ),
    Goal(
        bench="handler",
        name="CPU a message, times better than the ancestor",
        figure="CPU, times better than the ancestor",
        limit=12,
        at_least=True,
    ),
    Goal(
        bench="handler",
        name="wall a message, times the floor",
        figure="wall, times the floor",
        limit=1.35,
    ),
    Goal(
        bench="handler",
        name="import, times boto3 with an ECS client",
        figure="import, times boto3 with a client",
        limit=1.3,
    ),
    Goal(
        bench="handler",
        name="peak memory, times boto3 with an ECS client",
        figure="peak memory, times boto3 with a client",
        limit=1.25,
    ),
    Goal(
        bench="handler",
        name="first delivery: table calls a message",
        figure="table calls ours",
        limit=0,
    ),
    Goal(
        bench="handler",
        name="first delivery with a key: table calls a message",
        figure="table calls with_key",
        limit=1,
    ),
    Goal(
        bench="handler",
        name="first batch of ten at the CPU share of 512 MB, s",
        figure="first batch at the share s",
        limit=0.75,
    ),
    _drain("20/s", "times the ideal", "ratio", 1.02),
    _drain("20/s", "GB-s", "gigabyte_seconds", 260),
    _drain("5/s", "times the ideal", "ratio", 1.1),
    _drain("5/s, told 20/s", "times the ideal", "ratio", 1.1),
    _drain("20/s, half taken", "times the ideal", "ratio", 1.1),
    _drain("20/s, with a key", "times the ideal", "ratio", 1.02),
    _drain("20/s, count 10", "times the ideal", "ratio", 1.02),
    _drain("5/s, burst 25, count 10", "times the ideal", "ratio", 1.1),
    *(_drain(scenario, "good messages in the DLQ", "dead", 0) for scenario in _SCENARIOS),
    *(
        Goal(
            bench="drain",
            name=f"{EVERY_SCENARIO}: {name}",
            subject=EVERY_SCENARIO,
            figure=figure,
            limit=0,
        )
        for name, figure in (
            ("good messages in the DLQ", "dead"),
            ("tasks started twice", "twice"),
            ("tasks not started", "missing"),
        )
    ),
    Goal(
        bench="realtime",
        name="times the ideal",
        subject=_OURS,
        figure="ratio",
        limit=1.05,
    ),
    Goal(
        bench="send",
        name="messages a second, times bare SendMessageBatch",
        figure="rate, times bare",
        limit=0.8,
        at_least=True,
    ),
)
