"""What must have become of a key, from what ECS did with its tasks: no code of the product.

The order of the news, and what got lost of it, does not matter here: only the lives of the tasks.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.model.outcomes.fates import LimitedJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.model.history import Sent
    from tests.model.outcomes.ecs import Life
    from tests.model.outcomes.world import FollowedWorld

Fact = tuple[str, str]

TIMED_OUT: Final = ("timed-out", "max-runtime")
UNKNOWN: Final = ("failed", "end-unknown")

# Where the tasks of a key end differently.
_WORST_FIRST: Final = ("never-started", "timed-out", "stopped", "failed", "succeeded")

# ECS describes a stopped task for an hour; the sweep looks at a running one each half an hour.
_SHOWN_SECONDS: Final = 3600.0
_CHECKED_SECONDS: Final = 1900.0
_RESTARTED_SECONDS: Final = 1000.0

# Why a restart is not made, if ECS has forgotten the task.
TOO_LATE: Final = frozenset({"bad-restart", "task-gone"})


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key with what was sent, and the lives of its tasks.

    Attributes:
        stage: its name.
        key: the key.
        sent: its messages.
        lives: of its tasks, in the order of their creation.
    """

    stage: str
    key: str
    sent: tuple[Sent, ...]
    lives: tuple[Life, ...]

    @property
    def job(self) -> LimitedJob | None:
        """What it asks for; all its messages ask for the same."""
        job = self.sent[0].job
        return job if isinstance(job, LimitedJob) else None


def keys_of(world: FollowedWorld) -> list[Key]:
    """Return all keys."""
    lives: dict[str, list[Life]] = {}
    for life in world.ecs.alive.values():
        lives.setdefault(life.task.started_by, []).append(life)
    sent: dict[tuple[str, str], list[Sent]] = {}
    for one in world.history.all():
        sent.setdefault((one.stage, one.key), []).append(one)
    return [
        Key(stage=stage, key=key, sent=tuple(of), lives=tuple(lives.get(of[0].started_by, ())))
        for (stage, key), of in sent.items()
    ]


def fact_of(life: Life) -> Fact:
    """Return what became of a key that has only this task."""
    return TIMED_OUT if life.stopped_by is not None else (life.fate.state, life.fate.reason)


def replaceable(job: LimitedJob, lives: Iterable[Life]) -> tuple[Counter[str], Counter[str]]:
    """Return how many tasks may be started again, and how many restarts that allows, by cause."""
    ended: Counter[str] = Counter()
    allowed: Counter[str] = Counter()
    for life in lives:
        cause, times = job.restarts(life.fate)
        if times and life.stopped_by is None:
            ended[cause] += 1
            allowed[cause] = times * job.count
    return ended, allowed


def due_restarts(job: LimitedJob, lives: Iterable[Life]) -> int:
    """Return how many restarts are due to tasks that have ended."""
    ended, allowed = replaceable(job, lives)
    return sum(min(number, allowed[cause]) for cause, number in ended.items())


def facts(job: LimitedJob, lives: Sequence[Life]) -> set[Fact]:
    """Return what may have become of a key all of whose tasks have ended, and were replaced."""
    ended, allowed = replaceable(job, lives)
    left = []
    for life in lives:
        cause, times = job.restarts(life.fate)
        again = bool(times) and life.stopped_by is None
        if not again or ended[cause] > allowed[cause]:
            left.append(fact_of(life))
    return worst(left)


def worst(found: Iterable[Fact]) -> set[Fact]:
    """Return the facts of the worst state."""
    found = set(found)
    states = {state for state, _ in found}
    state = next((state for state in _WORST_FIRST if state in states), "")
    return {fact for fact in found if fact[0] == state}


def was_unseen(world: FollowedWorld, key: Key, life: Life) -> bool:
    """Return whether a task's end can have remained unknown."""
    begin, end = life.task.stops_at, life.task.stops_at + _SHOWN_SECONDS
    seen = any(begin + _CHECKED_SECONDS < at < end - 60 for at in world.after[key.stage].sweeps)
    return "STOPPED" not in life.heard and not seen


def was_hindered(world: FollowedWorld, key: Key, life: Life) -> bool:
    """Return whether a task can have been forgotten by ECS before it was started again."""
    after = world.after[key.stage]
    stops_at = life.task.stops_at
    begin = max(stops_at, after.told.reported.get(key.key, stops_at)) + _RESTARTED_SECONDS
    end = stops_at + _SHOWN_SECONDS
    moves = sum(begin < at < end for at in after.moves)
    sweeps = sum(begin < at < end for at in after.sweeps)
    return moves < 3 or sweeps < 3 or world.was_hindered(begin - _RESTARTED_SECONDS, end)
