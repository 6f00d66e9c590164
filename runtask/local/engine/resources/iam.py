"""Roles, policies and identity providers."""

from __future__ import annotations

from runtask.local.engine.kinds import Kind, Made, Making


def _role(making: Making) -> Made:
    inputs = making.inputs
    name = making.physical()
    request = inputs.as_api(
        {
            "description": "Description",
            "maxSessionDuration": "MaxSessionDuration",
            "path": "Path",
            "permissionsBoundary": "PermissionsBoundary",
        }
    )
    role = making.client("iam").create_role(
        RoleName=name,
        AssumeRolePolicyDocument=inputs.require("assumeRolePolicy"),
        Tags=making.tag_list(),
        **request,
    )["Role"]
    return Made(name, {"name": name, "arn": role["Arn"], "uniqueId": role["RoleId"]})


def _update_role(making: Making) -> Made:
    inputs, client, old = making.inputs, making.client("iam"), making.old
    assert old is not None  # noqa: S101 - an update has something to change
    name = old.id
    client.update_assume_role_policy(
        RoleName=name, PolicyDocument=inputs.require("assumeRolePolicy")
    )
    client.update_role(
        RoleName=name,
        Description=inputs.get("description", ""),
        MaxSessionDuration=inputs.get("maxSessionDuration", 3600),
    )
    making.physical()
    if boundary := inputs.get("permissionsBoundary"):
        client.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    making.tags()
    inputs.get("path")
    return Made(name, {key: old.outputs[key] for key in ("name", "arn", "uniqueId")})


def _role_policy(making: Making) -> Made:
    name, role = making.physical(), making.inputs.require("role")
    policy = making.inputs.require("policy")
    client = making.client("iam")
    client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
    return Made(f"{role}:{name}", {"name": name})


def _policy(making: Making) -> Made:
    inputs, name = making.inputs, making.physical()
    policy = making.client("iam").create_policy(
        PolicyName=name,
        PolicyDocument=inputs.require("policy"),
        Tags=making.tag_list(),
        **inputs.as_api({"description": "Description", "path": "Path"}),
    )["Policy"]
    outputs = {"name": name, "arn": policy["Arn"], "policyId": policy["PolicyId"]}
    return Made(policy["Arn"], outputs)


def _update_policy(making: Making) -> Made:
    inputs, client, old = making.inputs, making.client("iam"), making.old
    assert old is not None  # noqa: S101 - an update has something to change
    for version in client.list_policy_versions(PolicyArn=old.id)["Versions"]:
        if not version["IsDefaultVersion"]:  # IAM keeps five at most
            client.delete_policy_version(PolicyArn=old.id, VersionId=version["VersionId"])
    client.create_policy_version(
        PolicyArn=old.id, PolicyDocument=inputs.require("policy"), SetAsDefault=True
    )
    making.physical()
    making.tags()
    for fixed in ("path", "description"):
        inputs.get(fixed)
    return Made(old.id, {key: old.outputs[key] for key in ("name", "arn", "policyId")})


def _attachment(making: Making) -> Made:
    role, policy = making.inputs.require("role"), making.inputs.require("policyArn")
    making.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
    return Made(f"{role}/{policy}", {})


def _identity_provider(making: Making) -> Made:
    inputs = making.inputs
    arn = making.client("iam").create_open_id_connect_provider(
        Url=inputs.require("url"),
        ClientIDList=inputs.require("clientIdLists"),
        ThumbprintList=inputs.get("thumbprintLists") or [],
        Tags=making.tag_list(),
    )["OpenIDConnectProviderArn"]
    return Made(arn, {"arn": arn, "thumbprintLists": inputs.get("thumbprintLists") or []})


KINDS = (
    Kind("aws:iam/role:Role", _role, _update_role, ignored=("forceDetachPolicies",)),
    Kind("aws:iam/rolePolicy:RolePolicy", _role_policy, puts=True),
    Kind("aws:iam/policy:Policy", _policy, _update_policy),
    Kind("aws:iam/rolePolicyAttachment:RolePolicyAttachment", _attachment),
    Kind("aws:iam/openIdConnectProvider:OpenIdConnectProvider", _identity_provider),
)
