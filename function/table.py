"""The stage's DynamoDB table: the calls, and what they raise.

Of one key, the table has one item. `Ledger` and the histories of `function.outcomes` use different
attributes of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import RetryableFailure
from function.limits import TABLE_FAILURE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from types_boto3_dynamodb import DynamoDBClient

    from function.clock import Clock

_CONDITION_FAILED: Final = "ConditionalCheckFailedException"
_MILLISECONDS: Final = 1000

# The partition key, and the attribute with the time to live.
KEY: Final = "key"
EXPIRES: Final = "expires"

# The index of the items that somebody looks for, and its two keys: what the item is listed as, and
# since or until when, in milliseconds since 1970. An item without these attributes is not in it.
LISTED_INDEX: Final = "listed"
LISTED: Final = "listed"
LISTED_AT: Final = "listed_at"

# Entries of one page of the index: each is read as a few hundred bytes.
_MAX_PAGE: Final = 1000


class ConditionFailedError(Exception):
    """The condition of a write does not hold.

    Attributes:
        found: The item as the table has it, if the call asked for it; None if it has none.
    """

    def __init__(self, found: Mapping[str, Any] | None) -> None:
        super().__init__("the item is not as expected")
        self.found = found


class Listed(NamedTuple):
    """An entry of the index.

    Attributes:
        key: The partition key of the item.
        at: The time under which it is listed, in seconds since 1970.
    """

    key: str
    at: float


class Table:
    """The table of a stage.

    Args:
        dynamodb: A client.
        name: The table's name.
        clock: Tells the time.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str, clock: Clock = time) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._clock = clock
        self._failed_at = float("-inf")

    @property
    def failing(self) -> bool:
        """Whether a call failed so recently that one on which nothing depends is not made."""
        return self._clock.monotonic() - self._failed_at < TABLE_FAILURE_SECONDS

    def get(self, key: str) -> Mapping[str, Any] | None:
        """Return the item of a key as the table has it now, None if there is none.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        found = self.call("get_item", Key={KEY: {"S": key}}, ConsistentRead=True).get("Item")
        return self.live(found)

    def live(self, found: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Return an item, None if it has expired: DynamoDB deletes it within days."""
        if found is None:
            return None
        expires = found.get(EXPIRES, {}).get("N")
        expired = expires is not None and int(expires) < int(self._clock.time())
        return None if expired else found

    def listed(self, name: str, until: float | None, limit: int) -> list[Listed]:
        """Return the items that are listed under a name, the earliest first.

        The index follows the table within moments, and may still have what has changed.

        Args:
            name: What they are listed as.
            until: The latest time, in seconds since 1970; None for any.
            limit: The most entries to return.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        found: list[Listed] = []
        for page in self._pages(name, until, limit):
            found += [
                Listed(item[KEY]["S"], int(item[LISTED_AT]["N"]) / _MILLISECONDS) for item in page
            ]
            if len(found) >= limit:
                break
        return found[:limit]

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3
        """Call an operation of the table.

        Args:
            operation: boto3's name of it.
            **arguments: Its arguments but the table's name.

        Raises:
            ConditionFailedError: if the condition of a write does not hold.
            RetryableFailure: `table-unavailable`.
        """
        try:
            answer: dict[str, Any] = getattr(self._dynamodb, operation)(
                TableName=self._name, **arguments
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == _CONDITION_FAILED:
                found: Any = error.response.get("Item")
                raise ConditionFailedError(found) from None
            raise self._unavailable(f"{error.operation_name} {code}") from None
        except BotoCoreError as error:
            raise self._unavailable(type(error).__name__) from None
        return answer

    def _pages(
        self, name: str, until: float | None, limit: int
    ) -> Iterator[list[Mapping[str, Any]]]:
        names, values = {"#listed": LISTED}, {":name": {"S": name}}
        condition = "#listed = :name"
        if until is not None:
            names["#at"] = LISTED_AT
            values[":until"] = {"N": str(int(until * _MILLISECONDS))}
            condition += " AND #at <= :until"
        more: dict[str, Any] = {}
        while True:
            answer = self.call(
                "query",
                IndexName=LISTED_INDEX,
                KeyConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                Limit=min(limit, _MAX_PAGE),
                **more,
            )
            yield answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _unavailable(self, cause: str) -> RetryableFailure:
        self._failed_at = self._clock.monotonic()
        return RetryableFailure("table-unavailable", f"the ledger table: {cause}")
