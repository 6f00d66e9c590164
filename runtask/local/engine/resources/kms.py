"""Keys and their aliases."""

from __future__ import annotations

from runtask.local.engine.kinds import Kind, Made, Making


def _key(making: Making) -> Made:
    inputs, client = making.inputs, making.client("kms")
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
    tags = [{"TagKey": key, "TagValue": value} for key, value in making.tags().items()]
    key = client.create_key(**request, Tags=tags)["KeyMetadata"]
    if inputs.get("enableKeyRotation"):
        period = inputs.as_api({"rotationPeriodInDays": "RotationPeriodInDays"})
        client.enable_key_rotation(KeyId=key["KeyId"], **period)
    return Made(key["KeyId"], {"arn": key["Arn"], "keyId": key["KeyId"], "multiRegion": False})


def _update_key(making: Making) -> Made:
    inputs, client, old = making.inputs, making.client("kms"), making.old
    assert old is not None  # noqa: S101 - an update has something to change
    client.put_key_policy(KeyId=old.id, PolicyName="default", Policy=inputs.require("policy"))
    client.update_key_description(KeyId=old.id, Description=inputs.get("description", ""))
    if inputs.get("enableKeyRotation"):
        client.enable_key_rotation(KeyId=old.id)
    making.tags()
    return Made(old.id, {key: old.outputs[key] for key in ("arn", "keyId", "multiRegion")})


def _alias(making: Making) -> Made:
    name = making.physical()
    name = name if name.startswith("alias/") else f"alias/{name}"
    key = making.inputs.require("targetKeyId")
    client = making.client("kms")
    client.create_alias(AliasName=name, TargetKeyId=key)
    arn = client.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    alias = making.provider.arn("kms", name)
    return Made(name, {"name": name, "arn": alias, "targetKeyArn": arn, "targetKeyId": key})


def _key_policy(making: Making) -> Made:
    key = making.inputs.require("keyId")
    making.client("kms").put_key_policy(
        KeyId=key,
        PolicyName="default",
        Policy=making.inputs.require("policy"),
        BypassPolicyLockoutSafetyCheck=making.inputs.get("bypassPolicyLockoutSafetyCheck", False),
    )
    return Made(key, {})


KINDS = (
    Kind("aws:kms/key:Key", _key, _update_key, ignored=("deletionWindowInDays",)),
    Kind("aws:kms/alias:Alias", _alias),
    Kind("aws:kms/keyPolicy:KeyPolicy", _key_policy, puts=True),
)
