"""What must hold in every world: at any moment, and when everything has become quiet."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from function.failures.reasons import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model.ecs import Task
    from tests.model.history import Sent
    from tests.model.world import World

# Within this time the same key starts no second task: the time to live of the ledger's item
# (14 days), which counts from its last write, less what a message may wait before its launch.
KEPT_SECONDS: Final = 10 * 24 * 3600.0

# Why a valid message may be given up. `expired` and `outcome-unknown` are looked at more closely.
_REASONS_OF_VALID: Final = frozenset(
    {"expired", "outcome-unknown", "conflict-unresolved", "key-reused", "access-denied"}
)
_LEAST_EXPIRED_AGE_SECONDS: Final = 3.5 * 24 * 3600.0


class ViolationError(AssertionError):
    """An invariant does not hold."""


def check(world: World) -> None:
    """Check what holds at any moment.

    Raises:
        ViolationError: something does not hold.
    """
    refuse(world, [*_too_many(world), *_claims(world), *of_messages(world)])


def of_messages(world: World) -> Iterator[str]:
    """Yield what does not hold, of what has to hold whatever becomes of the tasks."""
    yield from world.history.violations
    yield from _uninvited(world)
    yield from _lost(world)
    yield from _letters(world)


def check_quiet(world: World) -> None:
    """Check what holds after `World.settle`.

    Raises:
        ViolationError: something does not hold.
    """
    check(world)
    refuse(world, list(_unequal(world)))


def refuse(world: World, found: list[str]) -> None:
    """Raise what does not hold.

    Raises:
        ViolationError: something does not hold.
    """
    if found:
        reading = world.ecs.reading
        raise ViolationError("\n".join([f"seed {world.options.seed}, {reading}:", *found]))


def _groups(world: World) -> dict[str, list[Task]]:
    groups: defaultdict[str, list[Task]] = defaultdict(list)
    for task in world.ecs.tasks:
        groups[task.started_by].append(task)
    return groups


def _counts(world: World) -> dict[int, int]:
    return {sent.job.number: sent.job.count for sent in world.history.all() if sent.job}


def _too_many(world: World) -> Iterator[str]:
    """Tasks of one key are never more than its count, and all of one request."""
    counts = _counts(world)
    for started_by, tasks in _groups(world).items():
        for number, first in enumerate(tasks):
            same = [t for t in tasks[number:] if t.created_at < first.created_at + KEPT_SECONDS]
            jobs = {task.job for task in same}
            if len(jobs) > 1:
                yield f"{started_by}: tasks of several requests, {sorted(jobs)}"
                break
            if len(same) > counts.get(first.job, 0):
                yield (
                    f"{started_by}: {len(same)} tasks instead of {counts.get(first.job, 0)},"
                    f" started at {[round(task.created_at, 2) for task in same]}"
                )
                break


def _uninvited(world: World) -> Iterator[str]:
    """No task is started that no valid message asked for."""
    asked = {
        (sent.started_by, sent.job.number, sent.job.cluster)
        for sent in world.history.all()
        if sent.job
    }
    for task in world.ecs.tasks:
        if (task.started_by, task.job, task.cluster) not in asked:
            yield f"a task that no valid message asked for: {task.started_by}, job {task.job}"
    for call in world.ecs.calls:
        if not 1 <= call.get("count", 1) <= 10:
            yield f"RunTask was called with count {call.get('count')}"


def _lost(world: World) -> Iterator[str]:
    """Every message is launched, queued or in the dead-letter queue."""
    pending = {sent.id for sent in world.history.pending()}
    for sent in world.history.all():
        known = sent.id in pending or sent.claims or sent.letters or sent.dropped
        if not known:
            yield f"{sent}: lost"


def _letters(world: World) -> Iterator[str]:
    """A message is in the dead-letter queue once, for a reason that it can have."""
    for sent in world.history.all():
        own = [letter for letter in sent.letters if letter.reason is not None]
        if len(own) > 1 + sent.spare_letters:
            yield f"{sent}: {len(own)} dead letters, {[letter.reason for letter in own]}"
        for letter in sent.letters:
            if letter.reason is None:
                if not letter.excused:
                    yield f"{sent}: SQS moved it after {letter.age:.0f} s, without a reason"
            elif letter.reason not in REASONS and letter.reason not in _REASONS_OF_VALID:
                yield f"{sent}: {letter.reason!r} is no reason of the table"
            elif sent.job is not None:
                yield from _wrong_reason(world, sent, letter.reason, letter.age)


def _wrong_reason(world: World, sent: Sent, reason: str, age: float) -> Iterator[str]:
    if reason not in _REASONS_OF_VALID:
        yield f"{sent}: it is valid, and was rejected: {reason}"
    if reason == "expired" and age < _LEAST_EXPIRED_AGE_SECONDS:
        yield f"{sent}: rejected as expired after {age:.0f} s"
    if reason == "key-reused" and not any(
        other.stage == sent.stage
        and other.key == sent.key
        and (other.job is None or sent.job is None or other.job.request != sent.job.request)
        for other in world.history.all()
    ):
        yield f"{sent}: rejected as key-reused, and no other request has that key"


def _claims(world: World) -> Iterator[str]:
    """What was deleted as launched has its tasks, or another message of its key has them to do."""
    for sent in world.history.all():
        for claim in sent.claims:
            if sent.job is None:
                yield f"{sent}: it must be rejected, and was deleted as launched"
            elif claim.tasks != sent.job.count and not claim.others:
                yield (
                    f"{sent}: deleted as launched at {claim.at:.3f} s with {claim.tasks} of"
                    f" {sent.job.count} tasks"
                )


def _unequal(world: World) -> Iterator[str]:
    """What was accepted has exactly its tasks; what must be rejected was."""
    groups = _groups(world)
    given_up = {(sent.stage, sent.key) for sent in world.history.all() if sent.letters}
    for sent in world.history.all():
        tasks = groups.get(sent.started_by, [])
        if sent.job is None:
            if not sent.letters and not sent.dropped:
                yield f"{sent}: it must be rejected, and has no dead letter"
        elif (
            sent.claims
            and (sent.stage, sent.key) not in given_up
            and len(tasks) != sent.job.count
            and world.kernel.now < sent.at + KEPT_SECONDS
        ):
            yield f"{sent}: {len(tasks)} tasks instead of {sent.job.count}, and nothing is left"
        elif sent.claims and tasks and all(task.job != sent.job.number for task in tasks):
            yield f"{sent}: deleted as launched, and the key's tasks are of another request"
