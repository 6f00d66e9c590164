"""Tables."""

from __future__ import annotations

from typing import Any

from runtask.local.engine.kinds import Kind, Made, Making


def _table(making: Making) -> Made:
    inputs, client = making.inputs, making.client("dynamodb")
    name = making.physical()
    request: dict[str, Any] = {
        "TableName": name,
        "BillingMode": inputs.get("billingMode") or "PROVISIONED",
        "AttributeDefinitions": [
            part.as_api({"name": "AttributeName", "type": "AttributeType"})
            for part in inputs.parts("attributes")
        ],
        "KeySchema": _keys(inputs.require("hashKey"), inputs.get("rangeKey")),
        "Tags": making.tag_list(),
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
    _after(making, name)
    return Made(name, {"name": name, "arn": table["TableArn"]})


def _after(making: Making, name: str) -> None:
    """Set what CreateTable does not take."""
    client = making.client("dynamodb")
    if part := making.inputs.part("ttl"):
        names = {"attributeName": "AttributeName", "enabled": "Enabled"}
        client.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": True, **part.as_api(names)}
        )
    if part := making.inputs.part("pointInTimeRecovery"):
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


KINDS = (Kind("aws:dynamodb/table:Table", _table),)
