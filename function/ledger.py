"""The ledger: a DynamoDB table that remembers, for each key, what was started.

One item per key, and one per day for `maxTasksPerDay`. Every write to a key has a condition, so
that of several deliveries at work for one key, none overwrites what another has learned.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from function.table import EXPIRES, KEY, ConditionFailedError, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from function.clock import Clock

_MILLISECONDS: Final = 1000

Value: TypeAlias = str | int | float | tuple[str, ...] | None

# The key of a day's item: that of a message has no `/`. The item has the number of tasks, and is
# kept for three days.
_DAY_PREFIX: Final = "tasks/"
_STARTED: Final = "started"
_DAY_KEPT_SECONDS: Final = 3 * 24 * 60 * 60

# The value of `state` when all tasks were launched.
LAUNCHED: Final = "launched"

# Attributes with a time, stored in milliseconds since 1970.
_TIMES: Final = frozenset({"called_at", "claimed_at", "doubt_at", "answered_at", "failing_at"})
_LISTS: Final = frozenset({"tasks", "replaced"})
_NUMBERS: Final = frozenset({"count", "attempt", "open", "supply", "generation", EXPIRES})


@dataclass(frozen=True, kw_only=True)
class Item:
    """What is known of a key. Times are seconds since 1970.

    Attributes:
        key: The idempotency key.
        request: The hash of what the sender asked for; empty for an item that has only a history.
        count: How many tasks that is.
        attempt: The number of the client token to use.
        tasks: The ARNs of the tasks that are known, of all attempts before.
        state: LAUNCHED, or nothing yet.
        called_at: Since when a call of this attempt may have been made whose answer is not
            recorded; None if there is no such call.
        caller: The id of the message for which it was made.
        claim: The delivery that announced a call last.
        claimed_at: When it did.
        open: How many calls were announced whose answers are not recorded.
        doubt_at: The same as `called_at` for a call of an earlier attempt.
        answered_at: When the attempt was advanced.
        failing_at: Since when the message fails for an environment failure.
        expires: When the item is forgotten.
        supply: Which of the capacity providers of the message the attempt uses, from 0; it is not
            taken modulo their number.
        generation: The last restart of the key that was begun.
        replaced: The ARNs of the tasks that do not count, because others were started for them.
    """

    key: str
    request: str = ""
    count: int = 0
    attempt: int = 0
    tasks: tuple[str, ...] = ()
    state: str | None = None
    called_at: float | None = None
    caller: str | None = None
    claim: str | None = None
    claimed_at: float | None = None
    open: int = 0
    doubt_at: float | None = None
    answered_at: float | None = None
    failing_at: float | None = None
    expires: float = 0.0
    supply: int = 0
    generation: int = 0
    replaced: tuple[str, ...] = ()


class ContendedError(Exception):
    """The condition of a write does not hold.

    Attributes:
        item: What the table has, None if it has nothing.
    """

    def __init__(self, item: Item | None) -> None:
        super().__init__("the item is not as expected")
        self.item = item


class Ledger:
    """The items of a stage.

    Args:
        table: The stage's table.
        retention_seconds: How long an item is remembered after its last change.
        clock: Tells the time.
    """

    def __init__(self, table: Table, retention_seconds: float, clock: Clock = time) -> None:
        self._table = table
        self._retention_seconds = retention_seconds
        self._clock = clock

    @property
    def failing(self) -> bool:
        """Whether a call failed so recently that one on which nothing depends is not made."""
        return self._table.failing

    def read(self, key: str) -> Item | None:
        """Return the item of a key.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        found = self._table.get(key)
        return None if found is None else decoded(found)

    def create(self, item: Item) -> None:
        """Write the item of a key that has none, or only a history.

        Raises:
            ContendedError: if it has one.
            RetryableFailure: `table-unavailable`.
        """
        values = {
            name: value
            for name, value in vars(item).items()
            if value not in (None, (), 0) or name == "attempt"
        }
        values[EXPIRES] = self._expiry()
        try:
            self._call(
                "put_item",
                Item=_encoded(values),
                ConditionExpression="attribute_not_exists(#key) OR #expires < :now",
                ExpressionAttributeNames={"#key": KEY, "#expires": EXPIRES},
                ExpressionAttributeValues=_encoded_values({":now": int(self._clock.time())}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ContendedError as error:
            found = error.item
            if found is not None and not found.request:
                # An event of a task was faster. The history stays.
                put = {name: value for name, value in values.items() if name not in {KEY, EXPIRES}}
                self.update(item.key, put=put, when={"request": None})
                return
            if found is None or found.claim is None or found.claim != item.claim:
                raise
            # botocore repeated the call after a lost response: the item is this one.

    def update(  # noqa: PLR0913 - the parts of one expression
        self,
        key: str,
        *,
        put: Mapping[str, Value],
        keep: Mapping[str, Value] | None = None,
        add: Mapping[str, int] | None = None,
        drop: Iterable[str] = (),
        when: Mapping[str, Value],
        present: Iterable[str] = (),
    ) -> Item:
        """Change the item of a key, and return it as it was before.

        Args:
            key: Its key.
            put: Attributes to write.
            keep: Attributes to write where there is none.
            add: Attributes to increase.
            drop: Attributes to remove.
            when: Attributes that have to have these values; None for those that must not exist.
            present: Attributes that have to exist.

        Raises:
            ContendedError: if the item does not exist, or is not as expected.
            RetryableFailure: `table-unavailable`.
        """
        put = {**put, EXPIRES: self._expiry()}
        keep, add, drop = keep or {}, add or {}, tuple(drop)
        values = {
            **{f":p_{name}": _value(name, value) for name, value in put.items()},
            **{f":k_{name}": _value(name, value) for name, value in keep.items()},
            **{
                f":w_{name}": _value(name, value)
                for name, value in when.items()
                if value is not None
            },
            **{f":a_{name}": _value(name, value) for name, value in add.items()},
            **({":zero": {"N": "0"}} if add else {}),
            ":now": {"N": str(int(self._clock.time()))},
        }
        names = {KEY, EXPIRES, *put, *keep, *add, *drop, *when, *present}
        assignments = [f"#{name} = :p_{name}" for name in put]
        assignments += [f"#{name} = if_not_exists(#{name}, :k_{name})" for name in keep]
        assignments += [f"#{name} = if_not_exists(#{name}, :zero) + :a_{name}" for name in add]
        conditions = [f"attribute_exists(#{KEY})", f"#{EXPIRES} >= :now"]
        conditions += [
            f"attribute_not_exists(#{name})" if value is None else f"#{name} = :w_{name}"
            for name, value in when.items()
        ]
        conditions += [f"attribute_exists(#{name})" for name in present]
        removal = f" REMOVE {', '.join(f'#{name}' for name in drop)}" if drop else ""
        found = self._call(
            "update_item",
            Key={KEY: {"S": key}},
            UpdateExpression=f"SET {', '.join(assignments)}{removal}",
            ConditionExpression=" AND ".join(conditions),
            ExpressionAttributeNames={f"#{name}": name for name in sorted(names)},
            ExpressionAttributeValues=values,
            ReturnValues="ALL_OLD",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return decoded(found["Attributes"])

    def add_tasks(self, day: str, tasks: int, limit: int | None = None) -> None:
        """Add to the number of tasks that the stage starts in a day.

        Args:
            day: The day of UTC, such as `2026-11-24`.
            tasks: What to add; below 0 for tasks that were not started.
            limit: The most that the sum may be; None to add in any case.

        Raises:
            ContendedError: if it would be more.
            RetryableFailure: `table-unavailable`.
        """
        values = {
            ":zero": 0,
            ":tasks": tasks,
            ":expires": int(self._clock.time()) + _DAY_KEPT_SECONDS,
        }
        condition: dict[str, str] = {}
        if limit is not None:
            # More than the limit at once is never started, also where the day has no item yet.
            none_yet = "attribute_not_exists(#started) OR " if tasks <= limit else ""
            condition["ConditionExpression"] = f"{none_yet}#started <= :most"
            values[":most"] = limit - tasks
        self._call(
            "update_item",
            Key={KEY: {"S": f"{_DAY_PREFIX}{day}"}},
            UpdateExpression="SET #started = if_not_exists(#started, :zero) + :tasks,"
            " #expires = :expires",
            ExpressionAttributeNames={"#started": _STARTED, "#expires": EXPIRES},
            ExpressionAttributeValues=_encoded_values(values),
            **condition,
        )

    def _expiry(self) -> int:
        return int(self._clock.time() + self._retention_seconds)

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        try:
            return self._table.call(operation, **arguments)
        except ConditionFailedError as error:
            found = self._table.live(error.found)
            raise ContendedError(None if found is None else decoded(found)) from None


def _encoded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in values.items()}


def _encoded_values(values: Mapping[str, int]) -> dict[str, Any]:
    return {name: {"N": str(value)} for name, value in values.items()}


def _value(name: str, value: Any) -> dict[str, Any]:  # noqa: ANN401 - of any attribute
    if name in _TIMES:
        return {"N": str(round(value * _MILLISECONDS))}
    if name in _NUMBERS:
        return {"N": str(value)}
    if isinstance(value, tuple):
        return {"L": [{"S": text} for text in value]}
    return {"S": value}


def decoded(found: Mapping[str, Any]) -> Item:
    """Return what an item of the table says of a launch."""
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name in _TIMES:
            values[name] = int(value["N"]) / _MILLISECONDS
        elif name in _NUMBERS:
            values[name] = int(value["N"])
        elif name in _LISTS:
            values[name] = tuple(item["S"] for item in value["L"])
        elif name in Item.__dataclass_fields__:
            values[name] = value["S"]
    return Item(**values)
