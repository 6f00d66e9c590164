"""The model of the table answers as moto's does."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from moto import mock_aws
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.model.clock import Clock, Kernel
from tests.model.dynamodb import LISTED_INDEX, Away, DynamoDbClient, Table
from tests.model.expressions import RESERVED_WORDS
from tests.model.wire import Fault, Wire

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY: dict[str, Any] = {"key": {"S": "job"}}
ITEM: dict[str, Any] = {
    **KEY,
    "request": {"S": "a1"},
    "attempt": {"N": "0"},
    "tasks": {"L": [{"S": "arn:1"}]},
    "called_at": {"N": "1800000000.5"},
    "expires": {"N": "1800001000"},
}
NEW = "attribute_not_exists(#key) OR expires < :now"
JOIN = (
    "SET called_at = if_not_exists(called_at, :now), #request = if_not_exists(#request, :request),"
    " joined = if_not_exists(joined, :zero) + :one"
)


def put(condition: str = NEW, **changes: Any) -> tuple[str, dict[str, Any]]:
    call = {
        "Item": ITEM,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#key": "key"},
        "ExpressionAttributeValues": {":now": {"N": "1800000500"}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        **changes,
    }
    return "put_item", {name: value for name, value in call.items() if value is not None}


def update(text: str, condition: str | None = None, **changes: Any) -> tuple[str, dict[str, Any]]:
    used = f"{text} {condition}"
    names = {"#key": "key", "#request": "request"}
    values = {
        ":now": {"N": "1800000500"},
        ":request": {"S": "a1"},
        ":zero": {"N": "0"},
        ":one": {"N": "1"},
        ":more": {"L": [{"S": "arn:2"}]},
    }
    call = {
        "Key": KEY,
        "UpdateExpression": text,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {n: v for n, v in names.items() if n in used} or None,
        "ExpressionAttributeValues": {n: v for n, v in values.items() if n in used} or None,
        "ReturnValues": "ALL_NEW",
        **changes,
    }
    return "update_item", {name: value for name, value in call.items() if value is not None}


GET: tuple[str, dict[str, Any]] = ("get_item", {"Key": KEY, "ConsistentRead": True})

OPERATIONS = {
    "put twice": [put(), put(), GET],
    "put over an expired item": [
        put(),
        put(ExpressionAttributeValues={":now": {"N": "1800001001"}}),
        GET,
    ],
    "put without a condition": [
        put(None, ExpressionAttributeNames=None, ExpressionAttributeValues=None),  # type: ignore[arg-type]
        GET,
    ],
    "put fails and returns nothing": [put(), put(ReturnValuesOnConditionCheckFailure="NONE")],
    "join a new item": [update(JOIN), update(JOIN), GET],
    "join an item": [put(), update(JOIN, "attribute_not_exists(#request) OR #request = :request")],
    "advance": [
        put(),
        update(
            "SET attempt = :one, tasks = list_append(tasks, :more) REMOVE called_at",
            "attempt = :zero",
        ),
        update("SET attempt = :one REMOVE called_at", "attempt = :zero"),
        GET,
    ],
    "advance an item that is not there": [
        update("SET attempt = :one", "attribute_not_exists(#key) OR attempt = :zero"),
        GET,
    ],
    "a condition on an item that is not there": [
        update("SET attempt = :one", "attempt = :zero"),
        GET,
    ],
    "a failed update returns the item": [
        put(),
        update(
            "SET attempt = :one", "attempt > :zero", ReturnValuesOnConditionCheckFailure="ALL_OLD"
        ),
    ],
    "remove what is not there": [put(), update("REMOVE nothing"), GET],
    "not, and, or, brackets": [
        put(),
        update(
            "SET attempt = :one",
            "NOT (attempt = :one OR attempt <> :zero) AND attribute_exists(#key)",
        ),
        GET,
    ],
    "numbers compare as numbers": [
        put(Item={**ITEM, "expires": {"N": "9"}}),
        update("SET attempt = :one", "expires < :now"),
        GET,
    ],
    "a bare reserved word": [
        put(
            "attribute_not_exists(key)",
            ExpressionAttributeNames=None,
            ExpressionAttributeValues=None,
        )
    ],
    "an operand that is not there": [update("SET joined = joined + :one")],
    "the old item": [put(), update("SET attempt = :one", ReturnValues="ALL_OLD")],
    "no key": [("get_item", {"Key": {"other": {"S": "job"}}, "ConsistentRead": True})],
}


@pytest.fixture(scope="module")
def moto_client() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", "eu-central-1")
        client.create_table(
            TableName="ledger",
            AttributeDefinitions=[
                {"AttributeName": "key", "AttributeType": "S"},
                {"AttributeName": "listed", "AttributeType": "S"},
                {"AttributeName": "listed_at", "AttributeType": "N"},
            ],
            GlobalSecondaryIndexes=[LISTED_INDEX],
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def model_client(table: Table) -> tuple[DynamoDbClient, Wire]:
    wire = Wire(Clock(Kernel()), random.Random(0))  # noqa: S311 - a simulation
    return DynamoDbClient(wire=wire, table=table), wire


def answer(client: Any, operation: str, call: dict[str, Any]) -> object:
    try:
        found = getattr(client, operation)(TableName="ledger", **call)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response.get("Item")
    return found.get("Item"), found.get("Attributes")


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_model_answers_as_moto_does(moto_client: Any, name: str) -> None:
    model, _ = model_client(Table(name="ledger"))
    moto_client.delete_item(TableName="ledger", Key=KEY)
    for operation, call in OPERATIONS[name]:
        assert answer(model, operation, call) == answer(moto_client, operation, call)


def listed(name: str, until: int | None = None, limit: int = 100) -> dict[str, Any]:
    condition, names = "#l = :name", {"#l": "listed"}
    values: dict[str, Any] = {":name": {"S": name}}
    if until is not None:
        condition += " AND #at <= :until"
        names["#at"], values[":until"] = "listed_at", {"N": str(until)}
    return {
        "IndexName": "listed",
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "Limit": limit,
    }


def test_the_index_of_the_model_answers_as_motos_does(moto_client: Any) -> None:
    model, _ = model_client(Table(name="ledger"))
    moto_client.delete_item(TableName="ledger", Key=KEY)
    items = [("a", "active", 30), ("b", "active", 9), ("c", "problem", 1), ("d", "active", 100)]
    for client in (model, moto_client):
        for key, name, at in items:
            item = {"key": {"S": key}, "listed": {"S": name}, "more": {"S": "x"}}
            item["listed_at"] = {"N": str(at)}
            client.put_item(TableName="ledger", Item=item)
        client.put_item(TableName="ledger", Item={"key": {"S": "e"}, "listed": {"S": "active"}})

    for query in (listed("active"), listed("active", 30), listed("none"), listed("active", 99, 1)):
        found = model.query(TableName="ledger", **query)
        wanted = moto_client.query(TableName="ledger", **query)
        assert found["Items"] == wanted["Items"]
        assert found.get("LastEvaluatedKey") == wanted.get("LastEvaluatedKey")


@pytest.mark.parametrize(
    "call",
    [
        put("attribute_not_exists(#key)"),
        put("attribute_not_exists(#key) OR expires < :then"),
        put("attribute_not_exists(#key) OR"),
        put("attribute_not_exists(#key) OR size(tasks) < :now"),
    ],
    ids=["a value is not used", "a value is not there", "it ends early", "it is not known"],
)
def test_an_expression_that_cannot_be_read_is_refused(call: tuple[str, dict[str, Any]]) -> None:
    # moto reads some of these differently than DynamoDB.
    model, _ = model_client(Table(name="ledger"))
    assert answer(model, *call) == ("ValidationException", None)


def test_a_number_and_a_text_do_not_compare() -> None:
    table = Table(name="ledger", items={"job": ITEM})
    model, _ = model_client(table)
    call = update("SET attempt = :one", "#request < :now")
    assert answer(model, *call)[0] == "ConditionalCheckFailedException"  # type: ignore[index]


def test_the_models_reserved_words_are_reserved() -> None:
    assert set(ReservedKeywords.get_reserved_keywords()) >= RESERVED_WORDS


@pytest.mark.parametrize("away", list(Away))
def test_a_table_that_is_away_raises_and_keeps_what_it_has(away: Away) -> None:
    table = Table(name="ledger", items={"job": ITEM}, away=away)
    model, _ = model_client(table)
    with pytest.raises((ClientError, BotoCoreError)):
        model.update_item(TableName="ledger", **update(JOIN)[1])
    assert table.items == {"job": ITEM}


def test_a_lost_answer_has_its_effect_and_a_retried_put_meets_its_own_item() -> None:
    for fault in (Fault.LOST_ANSWER, Fault.REPEATED):
        table = Table(name="ledger")
        model, wire = model_client(table)
        wire.expect({"PutItem": fault})
        with pytest.raises((ClientError, BotoCoreError)):
            model.put_item(TableName="ledger", **put()[1])
        assert table.items["job"] == ITEM


def test_an_expired_item_is_there_until_it_is_swept() -> None:
    table = Table(name="ledger", items={"job": ITEM})
    table.sweep(1_800_000_999)
    assert table.items
    table.sweep(1_800_001_001)
    assert not table.items
