"""The places of concurrency groups: how many tasks may be in ECS at once.

A group has one item, with what each key holds of it and the sum. A message that finds no place is
put on the list of those that wait, and the next place is for the oldest of them: a newcomer takes
one only if there are more than they need.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from function.failures.reasons import RetryableFailure
from function.launch.waiters import Waiters
from function.table import EXPIRES, KEY, LISTED, LISTED_AT, ConditionFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.table import Table

# What the items of the groups are listed as.
LEASE: Final = "lease"

# The keys of the items: that of a message has no `/`.
_LEASE_PREFIX: Final = "lease/"

# The attributes of a group: the sum, and what each key holds.
_USED: Final = "used"
_HOLDER_PREFIX: Final = "holder/"

# Groups that a sweep looks at.
_MAX_GROUPS: Final = 1000

# How often a change of a group is tried again because another one came first.
_MAX_TRIES: Final = 12

_MILLISECONDS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a message needs of a concurrency group.

    Attributes:
        group: The group.
        max: How many tasks of it may be in ECS at once, at most.
        tasks: How many tasks the message starts.
        sent_at: When the message was sent: the oldest comes first.
        receipt_handle: Of its delivery, with which it is made visible when there is a place.
        receives: How often it has been received.
    """

    group: str
    max: int
    tasks: int
    sent_at: float
    receipt_handle: str
    receives: int


@dataclass(frozen=True, kw_only=True)
class Holder:
    """That a key holds a place.

    Attributes:
        group: The group.
        key: The idempotency key.
        since: Since when, in seconds since 1970.
    """

    group: str
    key: str
    since: float


class Leases:
    """The places of a stage.

    Args:
        table: The stage's table.
        sqs: A client for the work queue.
        queue_url: The work queue.
        retention_seconds: How long an item is remembered after its last change.
        max_wait_seconds: The longest that a message waits before it asks again by itself.
        clock: Tells the time.
    """

    def __init__(  # noqa: PLR0913 - the table, the queue, and their times
        self,
        table: Table,
        sqs: SQSClient,
        queue_url: str,
        *,
        retention_seconds: float,
        max_wait_seconds: float,
        clock: Clock = time,
    ) -> None:
        self._table = table
        self._retention_seconds = retention_seconds
        self._waiters = Waiters(
            table=table,
            sqs=sqs,
            queue_url=queue_url,
            max_wait_seconds=max_wait_seconds,
            clock=clock,
        )
        self._clock = clock

    def acquire(self, key: str, place: Place) -> bool:
        """Take a place for a key, and return whether it had none before.

        Raises:
            RetryableFailure: `concurrency` if there is no place, or an older message is entitled to
                it; the message is on the list of those that wait then. `table-unavailable`.
        """
        held = self._take(key, place)
        if held is None:
            self._waiters.add(key, place)
            # A place that was released in between has woken nobody.
            held = self._take(key, place)
        if held is None:
            raise RetryableFailure(
                "concurrency",
                f"{place.max} tasks of the concurrency group {place.group} may be in ECS at once,"
                " and there is no place for this message",
                seconds=self._waiters.wait_seconds(place),
            )
        if place.receives > 1 or held.waited:
            self._waiters.remove(key)
        return held.new

    def release(self, group: str, key: str) -> None:
        """Give the place of a key back, if it has one, and wake who waits for it.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        name = _HOLDER_PREFIX + key
        for _ in range(_MAX_TRIES):
            item = self._group(group)
            if name not in item:
                break
            with contextlib.suppress(ConditionFailedError):
                self._drop(group, key, item[name])
                break
        self.wake(group)

    def wake(self, group: str) -> int:
        """Make the oldest messages visible for which there are places; return how many.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        woken, used = 0, self._used(group)
        for waiter in self._waiters.oldest(group):
            if used + waiter.tasks > waiter.max:
                break
            if self._waiters.wake(waiter):
                used += waiter.tasks
                woken += 1
        return woken

    def groups(self) -> list[str]:
        """Return the groups that have or had a place taken.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        listed = self._table.listed(LEASE, None, _MAX_GROUPS)
        return [entry.key.removeprefix(_LEASE_PREFIX) for entry in listed]

    def holders(self) -> Iterator[Holder]:
        """Yield who holds a place, of all groups.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        for group in self.groups():
            for name, value in self._group(group).items():
                if name.startswith(_HOLDER_PREFIX):
                    yield Holder(
                        group=group,
                        key=name.removeprefix(_HOLDER_PREFIX),
                        since=int(value["S"].split()[1]) / _MILLISECONDS,
                    )

    def _take(self, key: str, place: Place) -> _Held | None:
        """Take a place; return None if there is none."""
        name = _HOLDER_PREFIX + key
        for _ in range(_MAX_TRIES):
            item = self._group(place.group)
            if name in item:
                return _Held(new=False)
            free = place.max - int(item.get(_USED, {}).get("N", 0))
            if place.tasks > free:
                return None
            older, waited = self._waiters.older(key, place, free - place.tasks)
            if older > free - place.tasks:
                return None
            try:
                self._put(key, place)
            except ConditionFailedError:
                continue  # somebody else has taken or released a place
            return _Held(new=True, waited=waited)
        return None

    def _put(self, key: str, place: Place) -> None:
        """Write what a key holds.

        Raises:
            ConditionFailedError: if it holds something already, or there is no place.
        """
        now = round(self._clock.time() * _MILLISECONDS)
        self._change(
            place.group,
            _HOLDER_PREFIX + key,
            place.tasks,
            assignment=", #holder = :holder",
            condition="attribute_not_exists(#holder)"
            " AND (attribute_not_exists(#used) OR #used <= :most)",
            values={
                ":holder": {"S": f"{place.tasks} {now}"},
                ":most": {"N": str(place.max - place.tasks)},
            },
        )

    def _drop(self, group: str, key: str, held: Mapping[str, Any]) -> None:
        """Remove what a key holds.

        Raises:
            ConditionFailedError: if it holds something else, or nothing.
        """
        self._change(
            group,
            _HOLDER_PREFIX + key,
            -int(held["S"].split()[0]),
            assignment=" REMOVE #holder",
            condition="#holder = :held",
            values={":held": held},
        )

    def _change(  # noqa: PLR0913 - the parts of two expressions
        self,
        group: str,
        holder: str,
        tasks: int,
        *,
        assignment: str,
        condition: str,
        values: Mapping[str, Any],
    ) -> None:
        now = self._clock.time()
        self._table.call(
            "update_item",
            Key={KEY: {"S": _LEASE_PREFIX + group}},
            UpdateExpression="SET #used = if_not_exists(#used, :zero) + :tasks,"
            " #expires = :expires, #listed = :listed,"
            f" #at = if_not_exists(#at, :now){assignment}",
            ConditionExpression=condition,
            ExpressionAttributeNames={
                "#used": _USED,
                "#holder": holder,
                "#expires": EXPIRES,
                "#listed": LISTED,
                "#at": LISTED_AT,
            },
            ExpressionAttributeValues={
                **values,
                ":zero": {"N": "0"},
                ":tasks": {"N": str(tasks)},
                ":expires": {"N": str(int(now + self._retention_seconds))},
                ":listed": {"S": LEASE},
                ":now": {"N": str(round(now * _MILLISECONDS))},
            },
        )

    def _group(self, group: str) -> Mapping[str, Any]:
        """Return the item of a group, also one that has expired: its tasks may still run."""
        found = self._table.call(
            "get_item", Key={KEY: {"S": _LEASE_PREFIX + group}}, ConsistentRead=True
        )
        item: Mapping[str, Any] = found.get("Item", {})
        return item

    def _used(self, group: str) -> int:
        item = self._group(group)
        return int(item.get(_USED, {}).get("N", 0))


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A place that a key has.

    Attributes:
        new: Whether it had none before.
        waited: Whether it is on the list of those that wait.
    """

    new: bool
    waited: bool = False
