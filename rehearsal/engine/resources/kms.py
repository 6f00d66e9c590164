"""Keys and their aliases."""

from __future__ import annotations

from typing import Final

from rehearsal.engine.resource_types import CreateContext, Created, ResourceType


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
    inputs, client, old = context.inputs, context.client("kms"), context.old
    assert old is not None  # noqa: S101 - an update has an old resource
    client.put_key_policy(KeyId=old.id, PolicyName="default", Policy=inputs.require("policy"))
    client.update_key_description(KeyId=old.id, Description=inputs.get("description", ""))
    if inputs.get("enableKeyRotation"):
        client.enable_key_rotation(KeyId=old.id)
    context.tags()
    return Created(old.id, {key: old.outputs[key] for key in ("arn", "keyId", "multiRegion")})


def _alias(context: CreateContext) -> Created:
    name = context.physical_name()
    name = name if name.startswith("alias/") else f"alias/{name}"
    key = context.inputs.require("targetKeyId")
    client = context.client("kms")
    client.create_alias(AliasName=name, TargetKeyId=key)
    arn = client.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    alias = context.provider.arn("kms", name)
    return Created(name, {"name": name, "arn": alias, "targetKeyArn": arn, "targetKeyId": key})


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:kms/key:Key",
        create=_key,
        update=_update_key,
        ignored=("deletionWindowInDays",),
    ),
    ResourceType(type="aws:kms/alias:Alias", create=_alias),
)
