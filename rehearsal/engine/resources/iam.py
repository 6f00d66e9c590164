"""Roles, policies and identity providers."""

from __future__ import annotations

from typing import Final

from rehearsal.engine.resource_types import CreateContext, Created, ResourceType


def _role(context: CreateContext) -> Created:
    inputs = context.inputs
    name = context.physical_name()
    request = inputs.as_api(
        {
            "description": "Description",
            "maxSessionDuration": "MaxSessionDuration",
            "path": "Path",
            "permissionsBoundary": "PermissionsBoundary",
        }
    )
    role = context.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=inputs.require("assumeRolePolicy"),
        Tags=context.tag_list(),
        **request,
    )["Role"]
    return Created(name, {"name": name, "arn": role["Arn"], "uniqueId": role["RoleId"]})


def _update_role(context: CreateContext) -> Created:
    inputs, client, old = context.inputs, context.client("iam"), context.old
    assert old is not None  # noqa: S101 - an update has an old resource
    name = old.id
    client.update_assume_role_policy(
        RoleName=name, PolicyDocument=inputs.require("assumeRolePolicy")
    )
    client.update_role(
        RoleName=name,
        Description=inputs.get("description", ""),
        MaxSessionDuration=inputs.get("maxSessionDuration", 3600),
    )
    context.physical_name()
    if boundary := inputs.get("permissionsBoundary"):
        client.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    context.tags()
    inputs.get("path")
    return Created(name, {key: old.outputs[key] for key in ("name", "arn", "uniqueId")})


def _role_policy(context: CreateContext) -> Created:
    name, role = context.physical_name(), context.inputs.require("role")
    policy = context.inputs.require("policy")
    client = context.client("iam")
    client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
    return Created(f"{role}:{name}", {"name": name})


def _policy(context: CreateContext) -> Created:
    inputs, name = context.inputs, context.physical_name()
    policy = context.client("iam").create_policy(
        PolicyName=name,
        PolicyDocument=inputs.require("policy"),
        Tags=context.tag_list(),
        **inputs.as_api({"description": "Description", "path": "Path"}),
    )["Policy"]
    outputs = {"name": name, "arn": policy["Arn"], "policyId": policy["PolicyId"]}
    return Created(policy["Arn"], outputs)


def _update_policy(context: CreateContext) -> Created:
    inputs, client, old = context.inputs, context.client("iam"), context.old
    assert old is not None  # noqa: S101 - an update has an old resource
    for version in client.list_policy_versions(PolicyArn=old.id)["Versions"]:
        if not version["IsDefaultVersion"]:  # IAM keeps five at most
            client.delete_policy_version(PolicyArn=old.id, VersionId=version["VersionId"])
    client.create_policy_version(
        PolicyArn=old.id, PolicyDocument=inputs.require("policy"), SetAsDefault=True
    )
    context.physical_name()
    context.tags()
    for fixed in ("path", "description"):
        inputs.get(fixed)
    return Created(old.id, {key: old.outputs[key] for key in ("name", "arn", "policyId")})


def _identity_provider(context: CreateContext) -> Created:
    inputs = context.inputs
    arn = context.client("iam").create_open_id_connect_provider(
        Url=inputs.require("url"),
        ClientIDList=inputs.require("clientIdLists"),
        ThumbprintList=inputs.get("thumbprintLists") or [],
        Tags=context.tag_list(),
    )["OpenIDConnectProviderArn"]
    return Created(arn, {"arn": arn, "thumbprintLists": inputs.get("thumbprintLists") or []})


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:iam/role:Role",
        create=_role,
        update=_update_role,
        ignored=("forceDetachPolicies",),
    ),
    ResourceType(type="aws:iam/rolePolicy:RolePolicy", create=_role_policy, create_is_put=True),
    ResourceType(type="aws:iam/policy:Policy", create=_policy, update=_update_policy),
    ResourceType(
        type="aws:iam/openIdConnectProvider:OpenIdConnectProvider", create=_identity_provider
    ),
)
