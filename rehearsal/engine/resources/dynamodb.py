"""Tables of DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rehearsal.engine.resource_types import (
    CreateContext,
    Created,
    DeleteContext,
    ResourceType,
    wait_until_gone,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.engine.inputs import Inputs

# Inputs of UpdateTable, besides the encryption.
_ATTRIBUTES: Final = {
    "billingMode": "BillingMode",
    "deletionProtectionEnabled": "DeletionProtectionEnabled",
    "tableClass": "TableClass",
}

_INDEXES: Final = "GlobalSecondaryIndexes"

# Inputs that have a call of their own.
_TTL: Final = "ttl"
_BACKUPS: Final = "pointInTimeRecovery"


def _table(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("dynamodb")
    name = context.physical_name()
    table = client.create_table(
        TableName=name,
        AttributeDefinitions=_attributes(inputs),
        KeySchema=[{"AttributeName": inputs.require("hashKey"), "KeyType": "HASH"}],
        **({_INDEXES: indexes} if (indexes := _indexes(inputs)) else {}),
        Tags=context.tag_list(),
        **inputs.as_api(_ATTRIBUTES),
        **_encryption(inputs),
    )["TableDescription"]
    _set_time_to_live(client, name, inputs)
    _set_backups(client, name, inputs)
    return Created(name, {"name": name, "arn": table["TableArn"]})


def _update_table(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("dynamodb")
    name, before = context.physical_name(), context.existing.inputs
    inputs.get("hashKey")
    changes = {**inputs.as_api(_ATTRIBUTES), **_encryption(inputs)}
    now = {key: inputs.get(key) for key in (*_ATTRIBUTES, "serverSideEncryption")}
    if any(value != before.get(key) for key, value in now.items()):
        client.update_table(TableName=name, **changes)
    _update_indexes(client, name, inputs, before)
    if inputs.get(_TTL) != before.get(_TTL):
        _set_time_to_live(client, name, inputs)
    if inputs.get(_BACKUPS) != before.get(_BACKUPS):
        _set_backups(client, name, inputs)
    arn = context.existing.outputs["arn"]
    changed, removed = context.changed_tags()
    if changed:
        tags = [{"Key": key, "Value": value} for key, value in changed.items()]
        client.tag_resource(ResourceArn=arn, Tags=tags)
    if removed:
        client.untag_resource(ResourceArn=arn, TagKeys=removed)
    return Created(context.existing.id, context.kept("name", "arn"))


def _delete_table(context: DeleteContext) -> None:
    client = context.client("dynamodb")
    client.delete_table(TableName=context.id)
    wait_until_gone(
        lambda: client.describe_table(TableName=context.id), "ResourceNotFoundException"
    )


def _attributes(inputs: Inputs) -> list[dict[str, str]]:
    names = {"name": "AttributeName", "type": "AttributeType"}
    return [part.as_api(names) for part in inputs.parts("attributes")]


def _indexes(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the global secondary indexes by the API's names."""
    found = []
    for part in inputs.parts("globalSecondaryIndexes"):
        keys = (("hashKey", "HASH"), ("rangeKey", "RANGE"))
        named = [(part.get(key), kind) for key, kind in keys]
        found.append(
            {
                "IndexName": part.require("name"),
                "KeySchema": [{"AttributeName": n, "KeyType": kind} for n, kind in named if n],
                "Projection": part.as_api({"projectionType": "ProjectionType"}),
            }
        )
    return found


def _update_indexes(
    client: Any,  # noqa: ANN401 - a client
    name: str,
    inputs: Inputs,
    before: Mapping[str, Any],
) -> None:
    """Create and delete indexes, one at a time, as DynamoDB demands."""
    attributes = _attributes(inputs)
    wanted = {index["IndexName"]: index for index in _indexes(inputs)}
    was = {index["name"] for index in before.get("globalSecondaryIndexes") or ()}
    changes: list[dict[str, Any]] = [
        *({"Delete": {"IndexName": gone}} for gone in sorted(was - wanted.keys())),
        *({"Create": wanted[new]} for new in sorted(wanted.keys() - was)),
    ]
    for change in changes:
        client.update_table(
            TableName=name,
            AttributeDefinitions=attributes,
            GlobalSecondaryIndexUpdates=[change],
        )
        # The provider waits until the index is there, or gone.
        client.describe_table(TableName=name)


def _encryption(inputs: Inputs) -> dict[str, Any]:
    part = inputs.part("serverSideEncryption")
    if not part:
        return {}
    names = {"enabled": "Enabled", "kmsKeyArn": "KMSMasterKeyId"}
    return {"SSESpecification": {"SSEType": "KMS", **part.as_api(names)}}


def _set_time_to_live(client: Any, name: str, inputs: Inputs) -> None:  # noqa: ANN401 - a client
    if part := inputs.part(_TTL):
        names = {"attributeName": "AttributeName", "enabled": "Enabled"}
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=part.as_api(names))


def _set_backups(client: Any, name: str, inputs: Inputs) -> None:  # noqa: ANN401 - a client
    if part := inputs.part(_BACKUPS):
        names = {
            "enabled": "PointInTimeRecoveryEnabled",
            "recoveryPeriodInDays": "RecoveryPeriodInDays",
        }
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification=part.as_api(names)
        )


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:dynamodb/table:Table",
        create=_table,
        update=_update_table,
        delete=_delete_table,
        replace_on=("name", "hashKey"),
    ),
)
