"""A model of one DynamoDB table with one index: the calls that the handler needs.

The index has the keys alone, and follows the table at once.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import EndpointConnectionError

from tests.model.expressions import Evaluator, ExpressionError, Item, Value
from tests.model.wire import error_of

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import GlobalSecondaryIndexTypeDef

    from tests.model.wire import Wire

_TYPES: Final = frozenset({"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS"})
_MAX_ITEM_BYTES: Final = 400 * 1024


# The table's one index, as CreateTable takes it.
LISTED_INDEX: Final[GlobalSecondaryIndexTypeDef] = {
    "IndexName": "listed",
    "KeySchema": [
        {"AttributeName": "listed", "KeyType": "HASH"},
        {"AttributeName": "listed_at", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}


class Away(StrEnum):
    """Why the table does not answer."""

    UNREACHABLE = "unreachable"
    THROTTLED = "throttled"
    DENIED = "denied"


@dataclass(kw_only=True)
class Table:
    """A table with a partition key alone.

    Attributes:
        name: of the table.
        key: the partition key's attribute.
        ttl: the attribute with the time to live, in seconds since 1970.
        away: why it does not answer, None while it does.
        items: by partition key.
        index: its one index has this name, and the attribute of this name as hash key; the
            attribute with `_at` behind it is its range key.
        reads: calls that only read.
        writes: calls that write, also those whose condition failed.
    """

    name: str
    key: str = "key"
    ttl: str = "expires"
    away: Away | None = None
    items: dict[str, Item] = field(default_factory=dict)
    index: str = "listed"
    reads: int = 0
    writes: int = 0

    def sweep(self, now: float) -> None:
        """Delete expired items, as DynamoDB does some time after they expired.

        Args:
            now: seconds since 1970.
        """
        for key, item in list(self.items.items()):
            if self.ttl in item and Decimal(item[self.ttl]["N"]) < Decimal(now):
                del self.items[key]


@dataclass(frozen=True, kw_only=True)
class DynamoDbClient:
    """The client of one execution environment.

    Attributes:
        wire: carries the calls.
        table: of the stage.
    """

    wire: Wire
    table: Table

    def get_item(self, **call: Any) -> dict[str, Any]:
        """Return an item."""
        return self.wire.call("GetItem", lambda: self._get(**call))

    def put_item(self, **call: Any) -> dict[str, Any]:
        """Replace an item."""
        return self.wire.call("PutItem", lambda: self._put(**call))

    def update_item(self, **call: Any) -> dict[str, Any]:
        """Change an item."""
        return self.wire.call("UpdateItem", lambda: self._update(**call))

    def query(self, **call: Any) -> dict[str, Any]:
        """Return a page of the index."""
        return self.wire.call("Query", lambda: self._query(**call))

    def _query(  # noqa: PLR0913 - as boto3's
        self,
        *,
        TableName: str,  # noqa: N803
        IndexName: str,  # noqa: N803
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeNames: dict[str, str],  # noqa: N803
        ExpressionAttributeValues: dict[str, Value],  # noqa: N803
        Limit: int,  # noqa: N803
        ExclusiveStartKey: Item | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        self.table.reads += 1
        self._check(TableName, "Query")
        if IndexName != self.table.index:
            text = f"The table does not have the specified index: {IndexName}"
            raise error_of("ValidationException", text, "Query")
        keys = (self.table.key, self.table.index, f"{self.table.index}_at")
        entries = [
            {name: item[name] for name in keys}
            for item in self.table.items.values()
            if all(name in item for name in keys)
        ]
        found, used = [], set()
        for entry in [*entries, {}]:  # the empty one, so that an expression is always read
            evaluator = Evaluator(ExpressionAttributeNames, ExpressionAttributeValues, entry)
            try:
                if evaluator.condition(KeyConditionExpression):
                    found.append(entry)
            except ExpressionError as error:
                raise error_of("ValidationException", str(error), "Query") from None
            used |= evaluator.used
        if ExpressionAttributeNames.keys() | ExpressionAttributeValues.keys() > used:
            raise error_of("ValidationException", "Value unused in expressions", "Query")
        found.sort(key=lambda entry: (Decimal(entry[keys[2]]["N"]), entry[keys[0]]["S"]))
        begin = 0 if ExclusiveStartKey is None else found.index(ExclusiveStartKey) + 1
        page = found[begin : begin + Limit]
        more = {"LastEvaluatedKey": page[-1]} if begin + Limit < len(found) else {}
        return {"Items": copy.deepcopy(page), "Count": len(page), **more}

    def _get(
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Item,  # noqa: N803
        ConsistentRead: bool = False,  # noqa: N803
    ) -> dict[str, Any]:
        self.table.reads += 1
        self._check(TableName, "GetItem")
        if not ConsistentRead:
            raise NotImplementedError("the model reads consistently, and expects to be asked so")
        item = self.table.items.get(self._key(Key, "GetItem"))
        return {} if item is None else {"Item": copy.deepcopy(item)}

    def _put(  # noqa: PLR0913 - as boto3's
        self,
        *,
        TableName: str,  # noqa: N803
        Item: Item,  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeNames: dict[str, str] | None = None,  # noqa: N803
        ExpressionAttributeValues: dict[str, Value] | None = None,  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str = "NONE",  # noqa: N803
    ) -> dict[str, Any]:
        self.table.writes += 1
        self._check(TableName, "PutItem")
        key = self._key(Item, "PutItem", whole=False)
        old = self.table.items.get(key, {})
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        evaluator = Evaluator(names, values, old)
        self._condition(
            evaluator, ConditionExpression, "PutItem", old, ReturnValuesOnConditionCheckFailure
        )
        self._all_used(evaluator, "PutItem")
        self._store(key, Item, "PutItem")
        return {"Attributes": old} if ReturnValues == "ALL_OLD" and old else {}

    def _update(  # noqa: PLR0913 - as boto3's
        self,
        *,
        TableName: str,  # noqa: N803
        Key: Item,  # noqa: N803
        UpdateExpression: str = "",  # noqa: N803
        ConditionExpression: str = "",  # noqa: N803
        ExpressionAttributeNames: dict[str, str] | None = None,  # noqa: N803
        ExpressionAttributeValues: dict[str, Value] | None = None,  # noqa: N803
        ReturnValues: str = "NONE",  # noqa: N803
        ReturnValuesOnConditionCheckFailure: str = "NONE",  # noqa: N803
    ) -> dict[str, Any]:
        self.table.writes += 1
        self._check(TableName, "UpdateItem")
        key = self._key(Key, "UpdateItem")
        old = self.table.items.get(key, {})
        names, values = ExpressionAttributeNames or {}, ExpressionAttributeValues or {}
        evaluator = Evaluator(names, values, old)
        self._condition(
            evaluator, ConditionExpression, "UpdateItem", old, ReturnValuesOnConditionCheckFailure
        )
        try:
            # An update of an item that is not there makes one with the key alone first.
            new = {**evaluator.update(UpdateExpression), **Key}
        except ExpressionError as error:
            raise error_of("ValidationException", str(error), "UpdateItem") from None
        self._all_used(evaluator, "UpdateItem")
        self._store(key, new, "UpdateItem")
        returned = {"ALL_NEW": new, "ALL_OLD": old, "NONE": {}}
        if ReturnValues not in returned:
            raise NotImplementedError(f"ReturnValues {ReturnValues}")
        answer = returned[ReturnValues]
        return {"Attributes": copy.deepcopy(answer)} if answer else {}

    def _check(self, name: str, operation: str) -> None:
        if self.table.away is Away.UNREACHABLE:
            raise EndpointConnectionError(endpoint_url="https://dynamodb.example")
        if self.table.away is Away.THROTTLED:
            raise error_of("ProvisionedThroughputExceededException", "too fast", operation)
        if self.table.away is Away.DENIED:
            raise error_of("AccessDeniedException", "is not authorized to perform", operation)
        if name.rpartition("/")[2] != self.table.name:
            raise error_of("ResourceNotFoundException", "Requested resource not found", operation)

    def _key(self, key: Item, operation: str, *, whole: bool = True) -> str:
        value = key.get(self.table.key, {}).get("S")
        if not value or (whole and len(key) != 1):
            text = "The provided key element does not match the schema"
            raise error_of("ValidationException", text, operation)
        return str(value)

    def _condition(
        self, evaluator: Evaluator, text: str, operation: str, old: Item, wanted: str
    ) -> None:
        try:
            holds = not text or evaluator.condition(text)
        except ExpressionError as error:
            raise error_of("ValidationException", str(error), operation) from None
        if holds:
            return
        failed = error_of(
            "ConditionalCheckFailedException", "The conditional request failed", operation
        )
        if wanted == "ALL_OLD" and old:
            cast("Any", failed.response)["Item"] = copy.deepcopy(old)
        raise failed

    def _all_used(self, evaluator: Evaluator, operation: str) -> None:
        if evaluator.unused():
            text = f"Value unused in expressions: {evaluator.unused()}"
            raise error_of("ValidationException", text, operation)

    def _store(self, key: str, item: Item, operation: str) -> None:
        for value in item.values():
            _checked(value, operation)
        if len(repr(item)) > _MAX_ITEM_BYTES:
            raise error_of("ValidationException", "Item size has exceeded", operation)
        self.table.items[key] = copy.deepcopy(item)


def _checked(value: Value, operation: str) -> None:
    """Refuse what is no attribute value."""
    if len(value) != 1 or not value.keys() <= _TYPES:
        raise error_of("ValidationException", f"no attribute value: {value}", operation)
    ((kind, content),) = value.items()
    if kind in {"N", "S"} and not isinstance(content, str):
        # botocore finds this before it sends the request.
        raise TypeError(f"a value of type {kind} is written as a text, got {content!r}")
    if kind == "N":
        Decimal(content)
    if kind == "L":
        for inside in content:
            _checked(inside, operation)
