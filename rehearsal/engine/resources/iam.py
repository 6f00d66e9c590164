"""Roles, policies and identity providers."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.engine.resource_types import CreateContext, Created, DeleteContext, ResourceType


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
    inputs, client, name = context.inputs, context.client("iam"), context.existing.id
    if (trust := inputs.require("assumeRolePolicy")) != context.existing.inputs["assumeRolePolicy"]:
        client.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    client.update_role(
        RoleName=name,
        Description=inputs.get("description", ""),
        MaxSessionDuration=inputs.get("maxSessionDuration", 3600),
    )
    context.physical_name()
    if boundary := inputs.get("permissionsBoundary"):
        client.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    changed, removed = context.changed_tags()
    if changed:
        client.tag_role(RoleName=name, Tags=_pairs(changed))
    if removed:
        client.untag_role(RoleName=name, TagKeys=removed)
    inputs.get("path")
    return Created(name, context.kept("name", "arn", "uniqueId"))


def _delete_role(context: DeleteContext) -> None:
    client = context.client("iam")
    client.list_instance_profiles_for_role(RoleName=context.id)
    client.list_role_policies(RoleName=context.id)
    client.delete_role(RoleName=context.id)


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _role_policy(context: CreateContext) -> Created:
    name, role = context.physical_name(), context.inputs.require("role")
    policy = context.inputs.require("policy")
    client = context.client("iam")
    client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
    return Created(f"{role}:{name}", {"name": name})


def _delete_role_policy(context: DeleteContext) -> None:
    context.client("iam").delete_role_policy(RoleName=context["role"], PolicyName=context["name"])


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
    inputs, client, arn = context.inputs, context.client("iam"), context.existing.id
    _delete_old_versions(client, arn)  # IAM keeps five at most
    client.create_policy_version(
        PolicyArn=arn, PolicyDocument=inputs.require("policy"), SetAsDefault=True
    )
    context.physical_name()
    changed, removed = context.changed_tags()
    if changed:
        client.tag_policy(PolicyArn=arn, Tags=_pairs(changed))
    if removed:
        client.untag_policy(PolicyArn=arn, TagKeys=removed)
    for fixed in ("path", "description"):
        inputs.get(fixed)
    return Created(arn, context.kept("name", "arn", "policyId"))


def _delete_policy(context: DeleteContext) -> None:
    client = context.client("iam")
    _delete_old_versions(client, context.id)
    client.delete_policy(PolicyArn=context.id)


def _delete_old_versions(client: Any, arn: str) -> None:  # noqa: ANN401 - a client
    for version in client.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])


def _identity_provider(context: CreateContext) -> Created:
    inputs = context.inputs
    arn = context.client("iam").create_open_id_connect_provider(
        Url=inputs.require("url"),
        ClientIDList=inputs.require("clientIdLists"),
        ThumbprintList=inputs.get("thumbprintLists") or [],
        Tags=context.tag_list(),
    )["OpenIDConnectProviderArn"]
    return Created(arn, {"arn": arn, "thumbprintLists": inputs.get("thumbprintLists") or []})


def _delete_identity_provider(context: DeleteContext) -> None:
    context.client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=context.id)


RESOURCE_TYPES: Final = (
    ResourceType(
        type="aws:iam/role:Role",
        create=_role,
        update=_update_role,
        delete=_delete_role,
        replace_on=("name", "namePrefix", "path"),
        ignored=("forceDetachPolicies",),
    ),
    ResourceType(
        type="aws:iam/rolePolicy:RolePolicy",
        create=_role_policy,
        delete=_delete_role_policy,
        create_is_put=True,
        replace_on=("name", "namePrefix", "role"),
    ),
    ResourceType(
        type="aws:iam/policy:Policy",
        create=_policy,
        update=_update_policy,
        delete=_delete_policy,
        replace_on=("name", "namePrefix", "path", "description"),
    ),
    ResourceType(
        type="aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        create=_identity_provider,
        delete=_delete_identity_provider,
        replace_on=("url",),
        named_by="url",
    ),
)
