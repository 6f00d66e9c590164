"""Reads what a stage remembers of its keys."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from function.ledger import Item
from function.ledger import decoded as launch_of
from function.message.idempotency import valid_key
from function.outcomes.states import PROBLEMS, State
from function.outcomes.store import ACTIVE, PROBLEM
from function.outcomes.store import decoded as history_of
from function.table import EXPIRES, KEY, LISTED, LISTED_AT, LISTED_INDEX
from runtask.errors import UnknownKeyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from function.clock import Clock
    from function.outcomes.history import History
    from runtask.stage_access import StageAccess

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_MAX_BATCH: Final = 100

# Before what BatchGetItem left out is asked for again.
_RETRY_SECONDS: Final = 0.5

_MILLISECONDS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the table has of a key.

    Attributes:
        key: The key.
        history: What became of it; None if the stage keeps no histories, or nothing was told yet.
        launch: What was started; None for a message that was rejected before it was begun.
    """

    key: str
    history: History | None
    launch: Item | None


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which keys a table shows.

    Attributes:
        states: Their states.
        since: Only keys of which something changed at this time or later, in seconds since 1970;
            None for any.
        limit: The most keys.
    """

    states: frozenset[State]
    since: float | None
    limit: int


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What was found for a selection.

    Attributes:
        histories: The newest first.
        more: Whether the limit has left some out.
        scanned: Whether the whole table was read.
    """

    histories: tuple[History, ...]
    more: bool
    scanned: bool


class Histories:
    """The table of a stage, read by an operator.

    Args:
        access: The stage.
        clock: Tells the time.
    """

    def __init__(self, access: StageAccess, clock: Clock = time) -> None:
        self._access = access
        self._clock = clock
        self._dynamodb = access.client("dynamodb")

    def one(self, key: str) -> Known:
        """Return what is known of a key, as the table has it now.

        Raises:
            UsageError: if it cannot be a key.
            UnknownKeyError: if nothing is known of it.
            RuntaskError: if the table cannot be read.
        """
        check_key(key)
        answer = self._call("get_item", Key={KEY: {"S": key}}, ConsistentRead=True)
        known = self._known(answer.get("Item"))
        if known is None:
            raise unknown_key(self._access, [key])
        return known

    def many(self, keys: Collection[str]) -> dict[str, Known]:
        """Return what is known of several keys; one that is not known is left out.

        100 keys are one call.

        Raises:
            RuntaskError: if the table cannot be read.
        """
        found: dict[str, Known] = {}
        names = list(dict.fromkeys(keys))
        for start in range(0, len(names), _MAX_BATCH):
            for item in self._batch(names[start : start + _MAX_BATCH]):
                known = self._known(item)
                if known is not None:
                    found[known.key] = known
        return found

    def select(self, selection: Selection) -> Listing:
        """Return the histories of a selection.

        Keys that have succeeded are in no index: for them the whole table is read.

        Raises:
            RuntaskError: if the table cannot be read.
        """
        scanned = State.SUCCEEDED in selection.states
        if scanned:
            found = list(self._scan(selection.states))
        else:
            keys = self._indexed(selection)
            # The index follows the table within moments.
            found = [known.history for known in self.many(keys).values() if known.history]
        chosen = [
            history
            for history in found
            if history.state in selection.states
            and (selection.since is None or changed_at(history) >= selection.since)
        ]
        chosen.sort(key=changed_at, reverse=True)
        return Listing(
            histories=tuple(chosen[: selection.limit]),
            more=len(chosen) > selection.limit,
            scanned=scanned,
        )

    def _indexed(self, selection: Selection) -> list[str]:
        keys: list[str] = []
        if selection.states & PROBLEMS:
            keys += self._listed(PROBLEM, selection.since, selection.limit)
        # What has ended is active as long as something is to be done about it, and the time of
        # what is active is when the sweep looks at it. So no limit can be used here.
        keys += self._listed(ACTIVE, None, None)
        return keys

    def _listed(self, name: str, since: float | None, limit: int | None) -> list[str]:
        """Return the keys that are listed under a name, the newest first."""
        names, values = {"#listed": LISTED}, {":name": {"S": name}}
        condition = "#listed = :name"
        if since is not None:
            names["#at"] = LISTED_AT
            values[":since"] = {"N": str(int(since * _MILLISECONDS))}
            condition += " AND #at >= :since"
        keys: list[str] = []
        for page in self._pages(
            "query",
            IndexName=LISTED_INDEX,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
        ):
            keys += [item[KEY]["S"] for item in page]
            # One more tells that there are more.
            if limit is not None and len(keys) > limit:
                return keys[: limit + 1]
        return keys

    def _scan(self, states: frozenset[State]) -> Iterator[History]:
        values = {f":s{number}": {"S": str(state)} for number, state in enumerate(sorted(states))}
        for page in self._pages(
            "scan",
            FilterExpression=f"#status IN ({', '.join(values)})",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=values,
        ):
            for item in page:
                known = self._known(item)
                if known is not None and known.history is not None:
                    yield known.history

    def _pages(
        self,
        operation: str,
        **arguments: Any,  # noqa: ANN401 - as boto3
    ) -> Iterator[list[Mapping[str, Any]]]:
        more: dict[str, Any] = {}
        while True:
            answer = self._call(operation, **arguments, **more)
            yield answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _batch(self, keys: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        table = self._access.ledger_table
        wanted: dict[str, Any] = {
            table: {"Keys": [{KEY: {"S": key}} for key in keys], "ConsistentRead": True}
        }
        while wanted:
            with self._asking("BatchGetItem"):
                answer = self._dynamodb.batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(table, ())
            wanted = answer.get("UnprocessedKeys") or {}
            if wanted:
                self._clock.sleep(_RETRY_SECONDS)

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        action = "".join(part.capitalize() for part in operation.split("_"))
        with self._asking(action):
            answer: dict[str, Any] = getattr(self._dynamodb, operation)(
                TableName=self._access.ledger_table, **arguments
            )
        return answer

    def _asking(self, action: str) -> Any:  # noqa: ANN401 - a context manager
        return self._access.asking(
            f"table {self._access.ledger_table}",
            f"dynamodb:{action}",
            "kms:Decrypt (through DynamoDB)",
        )

    def _known(self, item: Mapping[str, Any] | None) -> Known | None:
        if item is None or int(item.get(EXPIRES, {}).get("N", "0")) < self._clock.time():
            return None
        key = item[KEY]["S"]
        if not valid_key(key):
            return None  # the number of tasks of a day, a lease, or a notice
        history = history_of(key, item)
        launch = launch_of(item)
        return Known(
            key=key,
            history=history if history.revision else None,
            launch=launch if launch.request else None,
        )


def check_key(key: str) -> None:
    """Check that a text can be a key.

    Raises:
        UsageError: if it cannot.
    """
    if not valid_key(key):
        raise UsageError(
            f"found {key[:60]!r}; expected a key: 1 to 48 letters, digits, - and _, as printed by: "
            "runtask send"
        )


def unknown_key(access: StageAccess, keys: Sequence[str]) -> UnknownKeyError:
    """Return the error that nothing is known of some keys."""
    return UnknownKeyError(
        f"stage {access.stage} knows nothing of {', '.join(keys)}: the message is still in the "
        "queue, was never sent to this stage, or was forgotten after "
        f"{access.config.key_retention_days} days (keyRetentionDays); to see the queue, run: "
        f"runtask status --stage {access.stage} --follow"
    )


def changed_at(history: History) -> float:
    """Return when something changed of a key, as far as it is known, in seconds since 1970."""
    if history.finished_at is not None:
        return history.finished_at
    times = [run.stopped_at or run.started_at or run.created_at for run in history.runs]
    if history.asked is not None:
        times.append(history.asked.launched_at)
    times.append(history.first_seen_at)
    return max((at for at in times if at is not None), default=0.0)
