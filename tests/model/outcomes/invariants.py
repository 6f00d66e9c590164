"""What must hold of the outcomes: at any moment, and when everything has become quiet."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from function.outcomes.states import FINAL
from tests.model.clock import EPOCH
from tests.model.invariants import of_messages, refuse
from tests.model.outcomes.fates import LimitedJob, is_clean
from tests.model.outcomes.truth import (
    TOO_LATE,
    UNKNOWN,
    Key,
    due_restarts,
    fact_of,
    facts,
    keys_of,
    was_hindered,
    was_unseen,
    worst,
)
from tests.model.outcomes.world import ANNOUNCED, SWEEP_SECONDS, holders_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.model.outcomes.ecs import Life
    from tests.model.outcomes.truth import Fact
    from tests.model.outcomes.world import FollowedWorld

# A sweep that has not heard that a task runs looks at it after this.
_LAUNCH_CHECK_SECONDS: Final = 600.0

# After faults an event may be out of sight for so long.
_MAX_BACKOFF_SECONDS: Final = 900.0

_MINUTE: Final = 60.0
_ROUNDING_SECONDS: Final = 1.0


def check(world: FollowedWorld) -> None:
    """Check what holds at any moment.

    Raises:
        ViolationError: something does not hold.
    """
    keys = keys_of(world)
    refuse(
        world,
        [
            *of_messages(world),
            *world.ecs.wrong,
            *(text for key in keys for text in _of_key(key)),
            *_groups(keys),
        ],
    )


def check_quiet(world: FollowedWorld) -> None:
    """Check what holds after `settle`.

    Raises:
        ViolationError: something does not hold.
    """
    check(world)
    found = {(key.stage, key.key): state_of(world, key) for key in keys_of(world)}
    refuse(
        world,
        [
            *(text for key in keys_of(world) for text in _of_end(world, key)),
            *(text for stage in world.stages for text in _of_stage(world, stage, found)),
        ],
    )


def state_of(world: FollowedWorld, key: Key) -> Fact:
    """Return state and reason in the table; both are empty if there is no history."""
    item: Any = world.stages[key.stage].table.items.get(key.key, {})
    if "history" not in item:
        return "", ""
    return item["status"]["S"], json.loads(item["history"]["S"]).get("reason", "")


# --- At any moment


def _of_key(key: Key) -> Iterator[str]:
    job = key.job
    if job is None:
        return
    for number, life in enumerate(key.lives):
        ended = [one for one in key.lives[:number] if one.task.stops_at <= life.task.created_at]
        if number >= job.count + due_restarts(job, ended):
            yield (
                f"{_named(key)}: task {number + 1} of {job.count} was started at"
                f" {life.task.created_at:.1f} s, and {len(ended)} had ended"
            )
        yield from _of_stop(key, job, life)
    for sent in key.sent:
        for claim in sent.claims:
            if claim.tasks < job.count and not claim.others:
                yield f"{sent}: deleted as launched with {claim.tasks} of {job.count} tasks"


def _of_stop(key: Key, job: LimitedJob, life: Life) -> Iterator[str]:
    if life.stopped_by is None:
        return
    at = life.stop_called_at or 0.0
    limit = (life.started_at or at) + job.minutes * _MINUTE
    if not job.minutes or life.started_at is None or at < limit - _ROUNDING_SECONDS:
        yield f"{_named(key)}: a task was stopped at {at:.1f} s, which may run until {limit:.1f} s"
    if f"maxRuntime of {job.minutes}m" not in life.stopped_by:
        yield f"{_named(key)}: a task was stopped because of {life.stopped_by!r}"


def _groups(keys: list[Key]) -> Iterator[str]:
    """The tasks of a concurrency group are never more than its maximum."""
    groups: dict[tuple[str, str], list[tuple[Life, int]]] = {}
    for key in keys:
        if key.job is not None and key.job.most:
            group = groups.setdefault((key.stage, key.job.group), [])
            group += [(life, key.job.most) for life in key.lives]
    for (stage, name), lives in groups.items():
        for life, most in lives:
            now = life.task.created_at
            alive = sum(one.task.created_at <= now < one.task.stops_at for one, _ in lives)
            if alive > most:
                yield f"{stage}: {alive} tasks of the group {name} at {now:.1f} s, not {most}"
                break


# --- When everything has become quiet


def _of_end(world: FollowedWorld, key: Key) -> Iterator[str]:
    state, reason = state_of(world, key)
    job = key.job
    after = world.after[key.stage]
    reported = key.key in after.told.reported
    letters = {letter.reason for sent in key.sent for letter in sent.letters}
    if job is None or (letters and not key.lives):
        wanted = {("expired" if one == "expired" else "rejected", one) for one in letters}
        # SQS may have moved it, or the report got lost.
        known = None not in letters and key.key in after.told.rejected
        if (state, reason) not in wanted and known:
            yield f"{_named(key)}: {state} ({reason}) instead of rejected ({letters})"
        return
    if not reported:
        # Its report got lost, or it was given up with some of its tasks.
        if state and state not in FINAL:
            yield f"{_named(key)}: still {state}, and its launch was not reported"
        return
    yield from _of_reported(world, key, job, (state, reason))
    for life in key.lives:
        yield from _of_runtime(world, key, job, life)


def _of_reported(world: FollowedWorld, key: Key, job: LimitedJob, found: Fact) -> Iterator[str]:
    unseen = [life for life in key.lives if was_unseen(world, key, life)]
    made = len(key.lives) - job.count
    wanted = facts(job, key.lives)
    if made == due_restarts(job, key.lives) and found in wanted:
        return
    lives = [life for life in key.lives if job.restarts(life.fate)[1]]
    late = any(was_hindered(world, key, life) for life in lives)
    if unseen or late:
        # What was not started again counts, and says why.
        fixed = [fact_of(life) for life in key.lives if life not in (*unseen, *lives)]
        seen = {UNKNOWN if life in unseen else fact_of(life) for life in key.lives}
        possible = found in seen | wanted | {UNKNOWN} and found in worst([*fixed, found])
        if possible or (found[0] == "never-started" and found[1] in TOO_LATE):
            return
    tasks = [
        (*fact_of(life), round(life.task.created_at), round(life.task.stops_at))
        for life in key.lives
    ]
    yield (
        f"{_named(key)}: {found} instead of {wanted}, with {made} restarts instead of"
        f" {due_restarts(job, key.lives)}; tasks: {tasks}"
    )


def _of_runtime(world: FollowedWorld, key: Key, job: LimitedJob, life: Life) -> Iterator[str]:
    if not job.minutes or life.started_at is None:
        return
    limit = life.started_at + job.minutes * _MINUTE
    latest = 3 * SWEEP_SECONDS + max(
        limit + (0.0 if "RUNNING" in life.heard else _LAUNCH_CHECK_SECONDS),
        (world.repaired_at or 0.0) + _MAX_BACKOFF_SECONDS,
    )
    if life.task.stops_at > latest:
        yield (
            f"{_named(key)}: a task ran until {life.task.stops_at:.0f} s; its limit was"
            f" {limit:.0f} s, and the faults ended at {world.repaired_at} s"
        )


def _of_stage(
    world: FollowedWorld, stage: str, found: dict[tuple[str, str], Fact]
) -> Iterator[str]:
    facts_by_key = {key: fact for (of, key), fact in found.items() if of == stage and fact[0]}
    yield from _of_results(world, stage, facts_by_key)
    yield from _of_notices(world, stage, facts_by_key)
    yield from _of_items(world, stage)


def _of_results(world: FollowedWorld, stage: str, found: dict[str, Fact]) -> Iterator[str]:
    """Each key that has ended has a result, and no other one."""
    told = world.after[stage].told
    results = {(result["key"], result["state"], result["reason"]) for result in told.results}
    for key, fact in found.items():
        if fact[0] in FINAL and (key, *fact) not in results:
            yield f"{stage}: no result says that {key} is {fact}"
    for key, state, _ in results:
        if state not in FINAL or key not in found:
            yield f"{stage}: a result says that {key} is {state}"


def _of_notices(world: FollowedWorld, stage: str, found: dict[str, Fact]) -> Iterator[str]:
    """The notices tell of every key."""
    counts: Counter[Fact] = Counter()
    for notice in world.after[stage].told.notices:
        if "count" in notice:
            counts[notice["state"], notice["reason"]] += notice["count"]
    for fact, number in Counter(found.values()).items():
        if fact[0] in ANNOUNCED and counts[fact] < number:
            yield f"{stage}: notices tell of {counts[fact]} keys that are {fact}, not {number}"


def _of_items(world: FollowedWorld, stage: str) -> Iterator[str]:
    """No place is held, nobody waits, and no value of an environment is kept."""
    now = EPOCH + world.kernel.now
    for name, item in world.stages[stage].table.items.items():
        if not is_clean(item):
            yield f"{stage}: the item {name} has a value of an environment"
        if holders_of(item) or item.get("used", {"N": "0"})["N"] != "0":
            yield f"{stage}: {name} is held by {holders_of(item)}, and all tasks have ended"
        if name.startswith("wait/") and "listed" in item and int(item["expires"]["N"]) > now:
            yield f"{stage}: {name} still waits"


def _named(key: Key) -> str:
    return f"{key.stage}, key {key.key[-8:]} ({key.job})"
