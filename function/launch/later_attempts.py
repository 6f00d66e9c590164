"""Attempts that follow from more than an answer: another capacity provider, and restarts."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.failures.reasons import RetryableFailure
from function.ledger import ContendedError, Item

if TYPE_CHECKING:
    from function.launch.job import Job, LaunchStats
    from function.ledger import Ledger, Value

# What an item says of calls that were made for tasks which were replaced.
_ANSWERED: Final = ("state", "called_at", "claim", "claimed_at", "failing_at", "answered_at")

# How often a restart begins again because another delivery changed the item in between.
_MAX_TRIES: Final = 4


@dataclass(frozen=True, kw_only=True)
class Restart:
    """That tasks of a key are started again.

    Attributes:
        generation: Which restart of the key it is, from 1.
        replaced: The tasks that do not count any more.
        tasks: The tasks that are known.
        other_supply: Whether the next capacity provider is to be used.
    """

    generation: int
    replaced: tuple[str, ...]
    tasks: tuple[str, ...]
    other_supply: bool = False


def supply_of(ledger: Ledger, job: Job) -> int:
    """Return the number of the capacity provider that the next attempt of a job uses.

    Raises:
        RetryableFailure: `table-unavailable`.
    """
    if job.supplies <= 1 or job.first:
        return 0
    item = ledger.read(job.key)
    return 0 if item is None else item.supply


def is_another_left(job: Job, supply: int) -> bool:
    """Return whether there is a capacity provider that was not tried in this round."""
    return (supply + 1) % job.supplies != 0


def skip_supply(ledger: Ledger, job: Job, supply: int, stats: LaunchStats) -> None:
    """Record that the next attempt uses another capacity provider, though no call was made.

    Where a call may have been made whose answer is not known, nothing changes.

    Args:
        ledger: The table.
        job: What to launch.
        supply: The number of the provider that has no capacity.
        stats: Of the message; updated.

    Raises:
        RetryableFailure: `table-unavailable`.
    """
    with contextlib.suppress(ContendedError):
        if job.unrecorded_since is None and job.first:
            ledger.create(job.item(attempt=1, supply=supply + 1))
            stats.recorded = True
            return
        item = ledger.read(job.key)
        if item is None or item.supply != supply or item.called_at is not None:
            return
        ledger.update(
            job.key,
            put={"supply": supply + 1, "attempt": item.attempt + 1},
            when={
                "attempt": item.attempt,
                "request": job.request,
                "state": None,
                "called_at": None,
            },
        )


def begin_restart(ledger: Ledger, job: Job, restart: Restart) -> None:
    """Record that tasks are started again, so that an attempt follows.

    The item may have only a history: the first delivery of a message writes nothing if all goes
    well.

    Raises:
        RetryableFailure: `table-unavailable`, or `in-progress` if other deliveries are at work.
    """
    for _ in range(_MAX_TRIES):
        item = ledger.read(job.key) or Item(key=job.key)
        if item.generation >= restart.generation:
            return
        replaced = tuple(dict.fromkeys((*item.replaced, *restart.replaced)))
        known = dict.fromkeys((*item.tasks, *restart.tasks))
        put: dict[str, Value] = {
            "request": item.request or job.request,
            "count": job.count,
            "attempt": item.attempt + 1,
            "generation": restart.generation,
            "replaced": replaced,
            "tasks": tuple(arn for arn in known if arn not in replaced),
        }
        if restart.other_supply and job.supplies > 1:
            put["supply"] = item.supply + 1
        drop: tuple[str, ...] = _ANSWERED
        if len([arn for arn in known if arn not in item.replaced]) >= job.count:
            # All that the calls until now were for is known, whatever became of their answers.
            drop = (*drop, "doubt_at")
        elif item.called_at is not None:
            # What a call may do whose answer is not known is waited for.
            put["doubt_at"] = item.called_at
        when: dict[str, Value] = {
            "attempt": item.attempt if item.request else None,
            "generation": item.generation or None,
            # A call that was announced, or answered, since the item was read is not overlooked.
            "claim": item.claim,
            "state": item.state,
        }
        with contextlib.suppress(ContendedError):
            ledger.update(job.key, put=put, drop=drop, when=when)
            return
    raise RetryableFailure("in-progress", "other deliveries with this key are at work")
