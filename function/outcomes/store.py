"""Reads and writes the history of a key, in the key's item of the table.

The ledger's attributes of the item are never touched, nor are those of the history by the ledger:
whichever writes first makes the item.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from function.limits import EFFECTS_RETRY_SECONDS
from function.outcomes.history import History
from function.outcomes.serialization import from_text, to_text
from function.outcomes.states import PROBLEMS
from function.table import EXPIRES, KEY, LISTED, LISTED_AT, ConditionFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from function.clock import Clock
    from function.table import Listed, Table

_MILLISECONDS: Final = 1000

_HISTORY: Final = "history"
_REVISION: Final = "revision"
_STATUS: Final = "status"

# The writer of the revision: tells a write whose answer was lost from somebody else's.
_WRITER: Final = "writer"

# What the items are listed as of which somebody has to look after, and of failures.
ACTIVE: Final = "active"
PROBLEM: Final = "problem"


class OutdatedError(Exception):
    """The history has been written by somebody else since it was loaded.

    Attributes:
        history: The history as it is now.
    """

    def __init__(self, history: History) -> None:
        super().__init__("the history was changed meanwhile")
        self.history = history


class HistoryStore:
    """The histories of a stage.

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
        """Whether a call failed so recently that the table is not asked again."""
        return self._table.failing

    def load(self, key: str) -> History:
        """Return the history of a key; one of revision 0 if there is none.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        return decoded(key, self._table.get(key))

    def save(self, old: History, new: History) -> History:
        """Write a history, and return it with its revision.

        Args:
            old: What was loaded.
            new: What it has become.

        Raises:
            OutdatedError: if the table does not have `old` any more.
            RetryableFailure: `table-unavailable`.
        """
        key, writer = old.key, uuid.uuid4().hex
        saved = replace(new, key=key, revision=old.revision + 1)
        values = self._values(saved, writer)
        try:
            self._update(old, values)
        except ConditionFailedError as error:
            found = error.found
            if found is not None and found.get(_WRITER, {}).get("S") == writer:
                return saved  # botocore repeated the call after a lost response
            if found is not None and self._table.live(found) is None:
                return self._replace(saved, values)
            raise OutdatedError(decoded(key, found)) from None
        return saved

    def listed(self, name: str, until: float | None, limit: int) -> list[Listed]:
        """Return the keys that are listed under a name, as `Table.listed`."""
        return self._table.listed(name, until, limit)

    def _values(self, history: History, writer: str) -> dict[str, dict[str, Any]]:
        listed = _listing(history)
        listing: dict[str, dict[str, Any]] = {}
        if listed is not None:
            name, at = listed
            listing = {LISTED: {"S": name}, LISTED_AT: {"N": str(round(at * _MILLISECONDS))}}
        return {
            _HISTORY: {"S": to_text(history)},
            _REVISION: {"N": str(history.revision)},
            _STATUS: {"S": str(history.state)},
            _WRITER: {"S": writer},
            EXPIRES: {"N": str(int(self._clock.time() + self._retention_seconds))},
            **listing,
        }

    def _update(self, old: History, values: Mapping[str, dict[str, Any]]) -> None:
        alive = f"(attribute_not_exists(#{EXPIRES}) OR #{EXPIRES} >= :now)"
        same = f"#{_REVISION} = :old" if old.revision else f"attribute_not_exists(#{_REVISION})"
        removed = () if LISTED in values else (LISTED, LISTED_AT)
        removal = f" REMOVE {', '.join(f'#{name}' for name in removed)}" if removed else ""
        self._table.call(
            "update_item",
            Key={KEY: {"S": old.key}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values) + removal,
            ConditionExpression=f"{same} AND {alive}",
            ExpressionAttributeNames={f"#{name}": name for name in (*values, *removed)},
            ExpressionAttributeValues={
                **{f":{name}": value for name, value in values.items()},
                **({":old": {"N": str(old.revision)}} if old.revision else {}),
                ":now": {"N": str(int(self._clock.time()))},
            },
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _replace(self, saved: History, values: Mapping[str, dict[str, Any]]) -> History:
        """Write a new item in the place of one that has expired, with all that it had."""
        if saved.revision > 1:
            raise OutdatedError(History(key=saved.key))
        try:
            self._table.call(
                "put_item",
                Item={KEY: {"S": saved.key}, **values},
                ConditionExpression=f"attribute_not_exists(#{KEY}) OR #{EXPIRES} < :now",
                ExpressionAttributeNames={f"#{KEY}": KEY, f"#{EXPIRES}": EXPIRES},
                ExpressionAttributeValues={":now": {"N": str(int(self._clock.time()))}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ConditionFailedError as error:
            if error.found is not None and error.found.get(_WRITER) == values[_WRITER]:
                return saved
            raise OutdatedError(decoded(saved.key, error.found)) from None
        return saved


def decoded(key: str, found: Mapping[str, Any] | None) -> History:
    """Return the history in an item of the table; one of revision 0 if there is none."""
    if found is None or _HISTORY not in found:
        return History(key=key)
    return from_text(found[_HISTORY]["S"], key=key, revision=int(found[_REVISION]["N"]))


def _listing(history: History) -> tuple[str, float] | None:
    """Return what a history is listed as and when, None if nobody has to look for it."""
    if history.todo and history.due_at is not None:
        # Whoever has written it is about to do it: the sweep need not.
        return ACTIVE, history.due_at + EFFECTS_RETRY_SECONDS
    if history.due_at is not None:
        return ACTIVE, history.due_at
    if history.state in PROBLEMS and history.finished_at is not None:
        return PROBLEM, history.finished_at
    return None
