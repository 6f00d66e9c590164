"""Keys and their aliases."""

from __future__ import annotations

from typing import Final

from rehearsal.engine.resource_types import CreateContext, Created, DeleteContext, ResourceType


def _key(context: CreateContext) -> Created:
    inputs, client = context.inputs, context.client("kms")
    request = inputs.as_api(
        {
            "description": "Description",
            "policy": "Policy",
            "keyUsage": "KeyUsage",
            "customerMasterKeySpec": "KeySpec",
            "multiRegion": "MultiRegion",
            "bypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck",
        }
    )
    tags = [{"TagKey": key, "TagValue": value} for key, value in context.tags().items()]
    key = client.create_key(**request, Tags=tags)["KeyMetadata"]
    if inputs.get("enableKeyRotation"):
        period = inputs.as_api({"rotationPeriodInDays": "RotationPeriodInDays"})
        client.enable_key_rotation(KeyId=key["KeyId"], **period)
    return Created(key["KeyId"], {"arn": key["Arn"], "keyId": key["KeyId"], "multiRegion": False})


def _update_key(context: CreateContext) -> Created:
    inputs, client, key = context.inputs, context.client("kms"), context.existing.id
    client.put_key_policy(KeyId=key, PolicyName="default", Policy=inputs.require("policy"))
    client.update_key_description(KeyId=key, Description=inputs.get("description", ""))
    if inputs.get("enableKeyRotation"):
        client.enable_key_rotation(KeyId=key)
    changed, removed = context.changed_tags()
    if changed:
        pairs = [{"TagKey": name, "TagValue": value} for name, value in changed.items()]
        client.tag_resource(KeyId=key, Tags=pairs)
    if removed:
        client.untag_resource(KeyId=key, TagKeys=removed)
    return Created(key, context.kept("arn", "keyId", "multiRegion"))


def _delete_key(context: DeleteContext) -> None:
    client = context.client("kms")
    window = context.resource.inputs.get("deletionWindowInDays")
    client.schedule_key_deletion(
        KeyId=context.id, **({"PendingWindowInDays": window} if window else {})
    )
    client.describe_key(KeyId=context.id)


def _alias(context: CreateContext) -> Created:
    name = context.physical_name()
    name = name if name.startswith("alias/") else f"alias/{name}"
    key = context.inputs.require("targetKeyId")
    client = context.client("kms")
    client.create_alias(AliasName=name, TargetKeyId=key)
    arn = client.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    alias = context.provider.arn("kms", name)
    return Created(name, {"name": name, "arn": alias, "targetKeyArn": arn, "targetKeyId": key})


def _update_alias(context: CreateContext) -> Created:
    name, key = context.existing.id, context.inputs.require("targetKeyId")
    client = context.client("kms")
    context.physical_name()
    client.update_alias(AliasName=name, TargetKeyId=key)
    arn = client.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    return Created(name, {**context.kept("name", "arn"), "targetKeyArn": arn, "targetKeyId": key})


def _delete_alias(context: DeleteContext) -> None:
    context.client("kms").delete_alias(AliasName=context.id)


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:kms/key:Key",
        create=_key,
        update=_update_key,
        delete=_delete_key,
        replace_on=("keyUsage", "customerMasterKeySpec", "multiRegion"),
        named_by="",
        ignored=("deletionWindowInDays",),
    ),
    ResourceType(
        type="aws:kms/alias:Alias",
        create=_alias,
        update=_update_alias,
        delete=_delete_alias,
        replace_on=("name", "namePrefix"),
    ),
)
