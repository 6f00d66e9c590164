"""The places of concurrency groups: how many tasks are in ECS at once, and who waits for a place.

A group has one item, with what each key holds of it and the sum. A message that finds no place
leaves an item of its own, listed under its group by the time when it was sent, so that the oldest
gets the next place: a release makes its message visible at once.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import RetryableFailure
from function.limits import (
    MAX_GROUPS_READ,
    MAX_WAITERS_READ,
    MIN_PLACE_WAIT_SECONDS,
    WAITER_GRACE_SECONDS,
)
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
_WAIT_PREFIX: Final = "wait/"

# The attributes of a group: the sum, and what each key holds.
_USED: Final = "used"
_HOLDER_PREFIX: Final = "holder/"

# How often a change of a group is tried again because another one came first.
_MAX_TRIES: Final = 12

_MILLISECONDS: Final = 1000

# How SQS says that a message is visible already, so that it need not be woken.
_VISIBLE: Final = "MessageNotInflight"


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


@dataclass(frozen=True, kw_only=True)
class _Waiter:
    key: str
    max: int
    tasks: int
    receipt_handle: str
    until: float


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
        self._sqs = sqs
        self._queue_url = queue_url
        self._retention_seconds = retention_seconds
        self._max_wait_seconds = max_wait_seconds
        self._clock = clock

    def acquire(self, key: str, place: Place) -> bool:
        """Take a place for a key, and return whether it had none before.

        Raises:
            RetryableFailure: `concurrency` if there is no place, or an older message is entitled to
                it; the message is on the list of those that wait then. `table-unavailable`.
        """
        held = self._take(key, place)
        if held is None:
            self._wait(key, place)
            # A place that was released in between has woken nobody.
            held = self._take(key, place)
        if held is None:
            raise RetryableFailure(
                "concurrency",
                f"{place.max} tasks of the concurrency group {place.group} may be in ECS at once,"
                " and there is no place for this message",
                seconds=self._wait_seconds(place),
            )
        if place.receives > 1 or held.waited:
            self._stop_waiting(key)
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
                self._change(group, item, name, None)
                break
        self.wake(group)

    def wake(self, group: str) -> int:
        """Make the oldest messages visible for which there are places; return how many.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        woken, used = 0, self._used(group)
        for waiter in self._waiters(group):
            if used + waiter.tasks > waiter.max:
                break
            if self._woken(waiter):
                used += waiter.tasks
                woken += 1
        return woken

    def groups(self) -> list[str]:
        """Return the groups that have or had a place taken.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        listed = self._table.listed(LEASE, None, MAX_GROUPS_READ)
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
            older, waited = self._older(key, place, free - place.tasks)
            if older > free - place.tasks:
                return None
            try:
                self._change(place.group, item, name, place.tasks)
            except ConditionFailedError:
                continue  # somebody else has taken or released a place
            return _Held(new=True, waited=waited)
        return None

    def _older(self, key: str, place: Place, spare: int) -> tuple[int, bool]:
        """Return how many tasks older messages wait to start, and whether this one waits, too.

        Only messages that were sent before are counted, and only until there are too many.
        """
        tasks, waited = 0, False
        sent_at = round(place.sent_at * _MILLISECONDS)
        for entry in self._table.listed(
            _WAIT_PREFIX + place.group, place.sent_at + 1, MAX_WAITERS_READ
        ):
            name = entry.key.removeprefix(_WAIT_PREFIX)
            if name == key:
                waited = True
            elif (round(entry.at * _MILLISECONDS), name) < (sent_at, key) and tasks <= spare:
                waiter = self._waiter(name)
                tasks += 0 if waiter is None else waiter.tasks
        return tasks, waited

    def _change(self, group: str, item: Mapping[str, Any], holder: str, tasks: int | None) -> None:
        """Write what a key holds; with None, it holds nothing.

        Raises:
            ConditionFailedError: if the group is not as it was read.
        """
        now = self._clock.time()
        used = int(item.get(_USED, {}).get("N", 0))
        values = {
            ":expires": {"N": str(int(now + self._retention_seconds))},
            ":listed": {"S": LEASE},
            ":now": {"N": str(round(now * _MILLISECONDS))},
        }
        if tasks is None:
            used -= int(item[holder]["S"].split()[0])
            change, condition, values[":held"] = "REMOVE #holder", "#holder = :held", item[holder]
        else:
            used += tasks
            change, condition = "", "attribute_not_exists(#holder)"
            values[":holder"] = {"S": f"{tasks} {round(now * _MILLISECONDS)}"}
        if _USED in item:
            condition += " AND #used = :before"
            values[":before"] = item[_USED]
        else:
            condition += " AND attribute_not_exists(#used)"
        values[":used"] = {"N": str(max(used, 0))}
        assignment = "" if tasks is None else ", #holder = :holder"
        self._table.call(
            "update_item",
            Key={KEY: {"S": _LEASE_PREFIX + group}},
            UpdateExpression=(
                "SET #used = :used, #expires = :expires, #listed = :listed,"
                f" #at = if_not_exists(#at, :now){assignment} {change}"
            ).strip(),
            ConditionExpression=condition,
            ExpressionAttributeNames={
                "#used": _USED,
                "#holder": holder,
                "#expires": EXPIRES,
                "#listed": LISTED,
                "#at": LISTED_AT,
            },
            ExpressionAttributeValues=values,
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

    def _wait_seconds(self, place: Place) -> float:
        doublings = min(place.receives - 1, 10)
        return min(MIN_PLACE_WAIT_SECONDS * 2.0**doublings, self._max_wait_seconds)

    def _wait(self, key: str, place: Place) -> None:
        """Put a message on the list of those that wait."""
        until = self._clock.time() + self._wait_seconds(place) + WAITER_GRACE_SECONDS
        self._table.call(
            "put_item",
            Item={
                KEY: {"S": _WAIT_PREFIX + key},
                LISTED: {"S": _WAIT_PREFIX + place.group},
                LISTED_AT: {"N": str(round(place.sent_at * _MILLISECONDS))},
                "max": {"N": str(place.max)},
                "tasks": {"N": str(place.tasks)},
                "receipt": {"S": place.receipt_handle},
                # Listed no longer than it is live, however its message has ended.
                EXPIRES: {"N": str(int(until) + 1)},
            },
        )

    def _stop_waiting(self, key: str) -> None:
        self._table.call(
            "update_item",
            Key={KEY: {"S": _WAIT_PREFIX + key}},
            UpdateExpression="SET #expires = :expires REMOVE #listed, #at",
            ExpressionAttributeNames={"#expires": EXPIRES, "#listed": LISTED, "#at": LISTED_AT},
            ExpressionAttributeValues={":expires": {"N": str(int(self._clock.time()))}},
        )

    def _waiters(self, group: str) -> Iterator[_Waiter]:
        """Yield the messages that wait, the oldest first."""
        for entry in self._table.listed(_WAIT_PREFIX + group, None, MAX_WAITERS_READ):
            waiter = self._waiter(entry.key.removeprefix(_WAIT_PREFIX))
            if waiter is not None:
                yield waiter

    def _waiter(self, key: str) -> _Waiter | None:
        """Return the message that waits with a key, None if it does not wait any more."""
        item = self._table.get(_WAIT_PREFIX + key)
        if item is None or LISTED not in item:
            return None
        return _Waiter(
            key=key,
            max=int(item["max"]["N"]),
            tasks=int(item["tasks"]["N"]),
            receipt_handle=item["receipt"]["S"],
            until=float(item[EXPIRES]["N"]),
        )

    def _woken(self, waiter: _Waiter) -> bool:
        """Make a message visible, and return whether it will be received."""
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url,
                ReceiptHandle=waiter.receipt_handle,
                VisibilityTimeout=0,
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code.rpartition(".")[2] == _VISIBLE:
                return True
            # It was deleted, or received again: whatever it is, it does not wait with this receipt.
            self._stop_waiting(waiter.key)
            return False
        except BotoCoreError:
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A place that a key has.

    Attributes:
        new: Whether it had none before.
        waited: Whether it is on the list of those that wait.
    """

    new: bool
    waited: bool = False
