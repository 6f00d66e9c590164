"""How far the launch of a key has come: reads and writes its item in the ledger.

`Progress` decides which attempt a delivery may make. It makes no call of RunTask.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.failures.reasons import PermanentFailure, RetryableFailure
from function.ledger import LAUNCHED, ContendedError, Item, Ledger, Value
from function.limits import (
    MAX_REPLAY_SECONDS,
    MIN_ATTEMPT_INTERVAL_SECONDS,
    MIN_CONTENDED_INTERVAL_SECONDS,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from function.clock import Clock
    from function.launch.job import Job, LaunchStats

# How often a delivery begins again because another one changed the item in between.
_MAX_TRIES: Final = 4

# The attributes of an announced call.
_CLAIM: Final = ("called_at", "caller", "claim", "claimed_at", "open")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A call that may be made now, with the client token of this number.

    Attributes:
        number: The number, from 0.
        tasks: The tasks that are known; the call is for the others.
        recorded: Whether the ledger has announced it.
        called_at: Since when a call of this number may have been made.
        owner: Whether no call of this number was made before, so that a refusal says that there is
            none.
        contended: Whether another delivery may be at work with the same number.
        counted: Whether an earlier call of this number has counted its tasks for the day.
        supply: The number of the capacity provider.
    """

    number: int = 0
    tasks: tuple[str, ...] = ()
    recorded: bool = True
    called_at: float
    owner: bool = True
    contended: bool = False
    counted: bool = False
    supply: int = 0


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The items of the ledger, as the launches need them.

    Attributes:
        ledger: The table.
        list_tasks: Returns the tasks of a job that ECS lists.
        clock: Tells the time.
        timeout_seconds: How long a delivery may be at work.
    """

    ledger: Ledger
    list_tasks: Callable[[Job], list[str]]
    clock: Clock
    timeout_seconds: float

    def open(self, job: Job, stats: LaunchStats) -> Attempt | None:
        """Return the attempt to make, None if all tasks are started.

        Raises:
            PermanentFailure: `key-reused`; `outcome-unknown`, if nothing tells any more whether an
                earlier delivery has started tasks.
            RetryableFailure: `table-unavailable`, or `in-progress` if another delivery is at work.
        """
        now = self.clock.time()
        if job.unique:
            return Attempt(recorded=False, called_at=now)
        item: Item | None = None
        guess = not job.first  # most redeliveries are of the first attempt
        for _ in range(_MAX_TRIES):
            try:
                if guess:
                    return self._join(job, 0, stats)
                if item is None or not item.request:
                    return self._create(job, stats)
                return self._continue(job, item, stats)
            except ContendedError as error:
                item, guess = error.item, False
        raise RetryableFailure("in-progress", "other deliveries with this key are at work")

    def advance(
        self,
        job: Job,
        attempt: Attempt,
        tasks: Iterable[str],
        stats: LaunchStats,
        *,
        other_supply: bool = False,
    ) -> None:
        """Record an answer that leaves tasks missing, so that the next call has another token.

        Args:
            job: What to launch.
            attempt: The attempt that was answered.
            tasks: All tasks that are known.
            stats: Of the message; updated.
            other_supply: Whether the next call uses the next capacity provider.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        put: dict[str, Value] = {
            "attempt": attempt.number + 1,
            "tasks": tuple(dict.fromkeys(tasks)),
            "answered_at": self.clock.time(),
            **({"supply": attempt.supply + 1} if other_supply else {}),
        }
        same: dict[str, Value] = {"attempt": attempt.number, "state": None}
        stats.back_after = MIN_ATTEMPT_INTERVAL_SECONDS
        if not attempt.contended:
            with contextlib.suppress(ContendedError):
                if attempt.recorded:
                    drop = (*_CLAIM, "failing_at")
                    own = {**same, "claim": job.claim}
                    self.ledger.update(job.key, put=put, drop=drop, when=own)
                else:
                    self.ledger.create(job.item(**put, claim=job.claim))
                stats.recorded, stats.uncertain_since = True, None
                return
        # Another delivery may have made a call whose answer is not known yet.
        stats.back_after = MIN_CONTENDED_INTERVAL_SECONDS
        try:
            self.ledger.update(
                job.key,
                put=put,
                keep={"doubt_at": attempt.called_at, "caller": job.origin},
                add={"open": -1},
                drop=("called_at", "claim", "claimed_at", "failing_at"),
                when=same,
            )
        except ContendedError:
            self._answered(job)  # another delivery has advanced it

    def _answered(self, job: Job) -> None:
        """Record that one of several calls was answered; with the last one, the doubt ends."""
        last: dict[str, Value] = {"open": 1, "called_at": None, "state": None}
        try:
            self.ledger.update(job.key, put={}, drop=("doubt_at", "open", "caller"), when=last)
        except ContendedError:
            with contextlib.suppress(ContendedError):
                self.ledger.update(job.key, put={}, add={"open": -1}, when={"state": None})

    def release(self, job: Job, attempt: Attempt, stats: LaunchStats) -> None:
        """Record that the call was refused, so that no task was started by it."""
        if not attempt.recorded:
            stats.uncertain_since = None
            return
        if not attempt.owner:
            return
        try:
            self.ledger.update(
                job.key,
                put={},
                drop=_CLAIM,
                when={"attempt": attempt.number, "claim": job.claim, "state": None},
            )
        except ContendedError:
            pass
        except RetryableFailure:
            stats.table_failures += 1
        else:
            stats.uncertain_since = None

    def finish(self, job: Job, stats: LaunchStats) -> None:
        """Record that all tasks are started."""
        try:
            self.ledger.update(
                job.key,
                put={"state": LAUNCHED, "tasks": tuple(stats.task_arns)},
                drop=(*_CLAIM, "doubt_at", "answered_at", "failing_at"),
                # A restart that was begun meanwhile has tasks of its own to start.
                when={"request": job.request, "generation": stats.generation or None},
            )
        except ContendedError:
            pass
        except RetryableFailure:
            stats.table_failures += 1

    def mistrust(self, job: Job, stats: LaunchStats) -> None:
        """Record that the client token was used by a call of which nothing is known."""
        try:
            self.ledger.update(
                job.key, put={"called_at": 1.0, "caller": job.origin}, when={"claim": job.claim}
            )
        except ContendedError:
            pass
        except RetryableFailure:
            stats.table_failures += 1

    def _create(self, job: Job, stats: LaunchStats) -> Attempt | None:
        now, since = self.clock.time(), job.unrecorded_since
        item = job.item(
            called_at=now if since is None else since,
            caller=job.origin,
            claim=job.claim,
            claimed_at=now,
            open=1,
        )
        self.ledger.create(item)
        stats.recorded = True
        stats.uncertain_since = item.called_at
        if since is None:
            return Attempt(called_at=now)
        if now - since > MAX_REPLAY_SECONDS:
            self._decide(job, item, stats)
            return None
        return Attempt(called_at=since, owner=False, contended=now - since < self.timeout_seconds)

    def _continue(self, job: Job, item: Item, stats: LaunchStats) -> Attempt | None:
        if item.request != job.request:
            raise PermanentFailure(
                "key-reused",
                f"the key {job.key} was used for another request; use a new key for each request",
            )
        self._learn(item, stats)
        if item.state == LAUNCHED:
            return None
        now = self.clock.time()
        if stats.uncertain_since is not None and now - stats.uncertain_since > MAX_REPLAY_SECONDS:
            self._decide(job, item, stats)
            return None
        if item.attempt == 0 or item.called_at is not None:
            return self._join(job, item.attempt, stats)
        return self._begin(job, item, stats)

    def _join(self, job: Job, number: int, stats: LaunchStats) -> Attempt | None:
        """Announce a call of an attempt for which calls may have been made already."""
        now = self.clock.time()
        before = self.ledger.update(
            job.key,
            put={"claim": job.claim, "claimed_at": now},
            keep={"called_at": now, "caller": job.origin},
            add={"open": 1},
            when={"attempt": number, "request": job.request, "state": None},
        )
        self._learn(before, stats)
        since = stats.uncertain_since
        if since is not None and now - since > MAX_REPLAY_SECONDS:
            self._decide(job, before, stats)
            return None
        recent = before.claimed_at is not None and (
            now - before.claimed_at < MIN_CONTENDED_INTERVAL_SECONDS
        )
        owner = before.called_at is None
        stats.uncertain_since = now if since is None else since
        return Attempt(
            number=number,
            tasks=before.tasks,
            called_at=stats.uncertain_since,
            owner=owner,
            contended=not owner and recent,
            counted=not owner,
            supply=before.supply,
        )

    def _begin(self, job: Job, item: Item, stats: LaunchStats) -> Attempt | None:
        """Announce the first call of a later attempt.

        A failure is not fully trustworthy: its task may have been provisioned nevertheless. So the
        tasks that ECS lists are counted first.
        """
        now = self.clock.time()
        begin = (item.answered_at or 0.0) + MIN_ATTEMPT_INTERVAL_SECONDS
        if item.doubt_at is not None:
            # The call in doubt may still be to come, in a delivery that is at work.
            begin = max(
                begin + MIN_CONTENDED_INTERVAL_SECONDS, item.doubt_at + self.timeout_seconds
            )
        wait = begin - now
        if wait > 0:
            raise RetryableFailure(
                "in-progress", "the last attempt was answered moments ago", seconds=wait
            )
        stats.found(self.list_tasks(job))
        number, tasks = item.attempt, tuple(stats.task_arns)
        if len(tasks) >= job.count:
            self.finish(job, stats)
            return None
        when = {"request": job.request, "state": None, "called_at": None}
        if len(tasks) > len(item.tasks):
            number += 1
            self.ledger.update(
                job.key,
                put={"attempt": number, "tasks": tasks},
                when={**when, "attempt": item.attempt},
            )
        now = self.clock.time()
        before = self.ledger.update(
            job.key,
            put={
                "claim": job.claim,
                "claimed_at": now,
                "called_at": now,
                "caller": job.origin,
                "open": 1,
            },
            drop=("doubt_at",),
            when={**when, "attempt": number},
        )
        stats.uncertain_since = now
        return Attempt(number=number, tasks=before.tasks, called_at=now, supply=before.supply)

    def _decide(self, job: Job, item: Item, stats: LaunchStats) -> None:
        """Decide about a call so long ago that its client token is no longer safe.

        Raises:
            PermanentFailure: `outcome-unknown`.
        """
        stats.found(self.list_tasks(job))
        if len(stats.task_arns) >= job.count:
            self.finish(job, stats)
            return
        if item.caller not in {None, job.origin}:
            # The call was made for another message with this key, which was launched, or is in a
            # queue itself.
            return
        raise PermanentFailure(
            "outcome-unknown",
            f"a call of RunTask was made or begun whose answer was lost, and ECS lists"
            f" {len(stats.task_arns)} of {job.count} tasks; more may have run and ended since."
            f" If {job.started_by} did not run, send the request again with a new key",
        )

    def _learn(self, item: Item, stats: LaunchStats) -> None:
        stats.recorded = True
        stats.replaced = item.replaced
        stats.generation = item.generation
        stats.found(item.tasks)
        moments = [at for at in (item.called_at, item.doubt_at) if at is not None]
        stats.uncertain_since = min(moments, default=None)
