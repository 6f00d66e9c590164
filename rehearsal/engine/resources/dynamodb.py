"""Tables."""

from __future__ import annotations

from typing import Any

from rehearsal.engine.resource_types import CreateContext, Created, ResourceType


def _table(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("dynamodb")
    name = context.physical()
    request: dict[str, Any] = {
        "TableName": name,
        "BillingMode": inputs.get("billingMode") or "PROVISIONED",
        "AttributeDefinitions": [
            part.as_api({"name": "AttributeName", "type": "AttributeType"})
            for part in inputs.parts("attributes")
        ],
        "KeySchema": _keys(inputs.require("hashKey"), inputs.get("rangeKey")),
        "Tags": context.tag_list(),
        **inputs.as_api(
            {"deletionProtectionEnabled": "DeletionProtectionEnabled", "tableClass": "TableClass"}
        ),
    }
    if request["BillingMode"] == "PROVISIONED":
        request["ProvisionedThroughput"] = {
            "ReadCapacityUnits": inputs.require("readCapacity"),
            "WriteCapacityUnits": inputs.require("writeCapacity"),
        }
    if part := inputs.part("serverSideEncryption"):
        names = {"enabled": "Enabled", "kmsKeyArn": "KMSMasterKeyId"}
        request["SSESpecification"] = {"SSEType": "KMS", **part.as_api(names)}
    if inputs.get("streamEnabled"):
        view = inputs.require("streamViewType")
        request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
    indexes = [
        {
            "IndexName": index.require("name"),
            "KeySchema": _keys(index.require("hashKey"), index.get("rangeKey")),
            "Projection": index.as_api(
                {"projectionType": "ProjectionType", "nonKeyAttributes": "NonKeyAttributes"}
            ),
        }
        for index in inputs.parts("globalSecondaryIndexes")
    ]
    if indexes:
        request["GlobalSecondaryIndexes"] = indexes
    table = client.create_table(**request)["TableDescription"]
    _after(context, name)
    return Created(name, {"name": name, "arn": table["TableArn"]})


def _after(context: CreateContext, name: str) -> None:
    """Set what CreateTable does not take."""
    client = context.client("dynamodb")
    if part := context.inputs.part("ttl"):
        names = {"attributeName": "AttributeName", "enabled": "Enabled"}
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, **part.as_api(names)}
        )
    if part := context.inputs.part("pointInTimeRecovery"):
        client.update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification=part.as_api(
                {
                    "enabled": "PointInTimeRecoveryEnabled",
                    "recoveryPeriodInDays": "RecoveryPeriodInDays",
                }
            ),
        )


def _keys(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return [*keys, {"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else keys


RESOURCE_TYPES = (ResourceType("aws:dynamodb/table:Table", _table),)
