"""Conditions that tests change: how events are delivered, how long a minute is, what ECS forgets.

Without a change the embedded AWS is well-behaved: every event arrives once and in order. AWS
promises less: at least once, and in any order.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_cwet_handling.html

The parent writes them, the child reads them. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class MissingPath(StrEnum):
    """What the output of an input transformer holds where a variable's path is missing.

    AWS: "If you specify a variable to match a JSON path that doesn't exist in the event, that
    variable isn't created and won't appear in the output." What that means for a JSON template is
    not documented.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """

    # Nothing, which makes the output of a JSON template invalid; it is delivered as text.
    REMOVED = "removed"
    # Output that is not valid JSON is not delivered. The strictest reading.
    UNDELIVERED = "undelivered"
    # An empty text in quotes: what MiniStack does.
    EMPTY = "empty"


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """How the embedded AWS behaves, as far as tests change it.

    Attributes:
        events_twice: Whether each event of a task is delivered twice.
        events_reversed: Whether the events of a task are held back, and delivered last first:
            when the task has stopped, or 0.3 seconds after the first of them.
        lose_every: Of the events of tasks with the same `lastStatus`, each with this number is
            lost; 0 loses none.
        deleted: Whether a stopped task goes on to DELETED, a state of which AWS says that it is
            shown in DescribeTasks only.
            https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
        described_seconds: How long a stopped task is described; AWS says "at least one hour".
        minute_seconds: How many seconds a minute of a rule's `rate(...)` has.
        missing_path: See `MissingPath`.
    """

    events_twice: bool = False
    events_reversed: bool = False
    lose_every: int = 0
    deleted: bool = False
    described_seconds: float = 3600.0
    minute_seconds: float = 60.0
    missing_path: str = MissingPath.UNDELIVERED


def conditions_file(folder: Path) -> Path:
    """Return the file of the conditions in an emulator's private folder."""
    return folder / "conditions.json"
