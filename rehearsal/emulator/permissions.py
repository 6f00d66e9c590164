"""The permissions that AWS checks, where MiniStack checks others or none.

From the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import (
    ecs,
    event_permissions,
    message_permissions,
    ministack_internals,
    object_permissions,
    table_permissions,
)
from rehearsal.emulator.launch_context import launch_context
from rehearsal.emulator.permission_check import PermissionCheck
from rehearsal.emulator.tag_permissions import TagOnCreate, tag_context, tag_on_create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rehearsal.emulator.request import Request


def permission_checks(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Yield the checks that AWS makes for a call.

    Args:
        request: The call.
        asked: The check that MiniStack would make.
    """
    special = _SPECIAL.get((request.service, request.action))
    if special is not None:
        checks = special(request, asked)
    elif request.service == "iam":
        checks = _role(request, asked)
    else:
        checks = iter((asked,))
    resource = asked.resource
    for number, check in enumerate(checks):
        resource = check.resource if number == 0 else resource
        yield _of_caller(request, check) if check.action.startswith("kms:") else check
    if permission := tag_on_create(request):
        yield _tags(request, permission, resource, asked)


def _of_caller(request: Request, check: PermissionCheck) -> PermissionCheck:
    """Add the account of the caller, a condition key that key policies use."""
    return check._replace(context={**check.context, "kms:CallerAccount": request.account})


def _tags(
    request: Request, permission: TagOnCreate, resource: str, asked: PermissionCheck
) -> PermissionCheck:
    """Return the check of the tags that a call sets on what it creates."""
    if permission.resource:
        service, _, name = permission.resource.partition(":")
        resource = f"arn:aws:{service}:{request.region}:{request.account}:{name}"
    return PermissionCheck(permission.action, resource, tag_context(asked.context))


def role_arns(request: Request, definition: dict[str, Any]) -> list[str]:
    """Return the ARNs of the roles that a task would get: the definition's, unless overridden."""
    overrides = request.parameters.get("overrides") or {}
    arns = [overrides.get(k) or definition.get(k) for k in ("taskRoleArn", "executionRoleArn")]
    return [arn for arn in arns if arn]


def volume_role_arns(request: Request) -> list[str]:
    """Return the ARNs of the roles with which ECS would manage a task's volumes."""
    volumes = request.parameters.get("volumeConfigurations") or []
    arns = [(volume.get("managedEBSVolume") or {}).get("roleArn") for volume in volumes]
    return [arn for arn in arns if arn]


def _pass_role(arn: str, service: str) -> PermissionCheck:
    return PermissionCheck("iam:PassRole", arn, {"iam:PassedToService": service})


def _run_task(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    cluster = f"{_ecs(request)}:cluster/{_cluster(request)}"
    try:
        definition = ecs.find_definition(request.parameters)
    except ecs.Refusal:
        # There is no ARN of a definition that does not exist; one is made up from the name.
        name = str(request.parameters.get("taskDefinition", "")).rsplit("/", 1)[-1]
        definition = {"taskDefinitionArn": f"{_ecs(request)}:task-definition/{name}"}
    context = {**asked.context, "ecs:cluster": cluster}
    launch = {**context, **launch_context(request)}
    yield PermissionCheck(asked.action, definition["taskDefinitionArn"], launch)
    for arn in role_arns(request, definition):
        yield _pass_role(arn, "ecs-tasks.amazonaws.com")
    # The infrastructure role of a managed volume goes to ECS itself, not to the task.
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/infrastructure_IAM_role.html
    for arn in volume_role_arns(request):
        yield _pass_role(arn, "ecs.amazonaws.com")
    if request.parameters.get("tags") or request.parameters.get("propagateTags"):
        task = f"{_ecs(request)}:task/{_cluster(request)}/*"
        yield PermissionCheck("ecs:TagResource", task, {**context, "ecs:CreateAction": "RunTask"})


def _task_calls(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    names = request.parameters.get("tasks") or [request.parameters.get("task", "")]
    yield from _in_cluster(request, asked, "task", names)


def _list_tasks(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the container instances of the cluster; a task on Fargate has none."""
    yield from _in_cluster(request, asked, "container-instance", ["*"])


def _describe_services(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    yield from _in_cluster(request, asked, "service", request.parameters.get("services") or [])


def _in_cluster(
    request: Request, asked: PermissionCheck, kind: str, names: list[str]
) -> Iterator[PermissionCheck]:
    cluster = _cluster(request)
    context = {**asked.context, "ecs:cluster": f"{_ecs(request)}:cluster/{cluster}"}
    for name in names:
        arn = name if name.startswith("arn:") else f"{_ecs(request)}:{kind}/{cluster}/{name}"
        yield PermissionCheck(asked.action, arn, context)


def _on_everything(_: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    yield PermissionCheck(asked.action, "*", asked.context)


def _named(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the resource whose ARN is in the call's parameters."""
    arn = request.parameters.get("ResourceArn") or request.parameters.get("ResourceARN")
    yield PermissionCheck(asked.action, arn or asked.resource, asked.context)


def _alarms(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    for name in request.parameters.get("AlarmNames") or ():
        arn = f"arn:aws:cloudwatch:{request.region}:{request.account}:alarm:{name}"
        yield PermissionCheck(asked.action, arn, asked.context)


def _function(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    resource = asked.resource
    if name := request.parameters.get("FunctionName"):
        resource = f"arn:aws:lambda:{request.region}:{request.account}:function:{name}"
    yield PermissionCheck(asked.action, resource, asked.context)
    if role := request.parameters.get("Role"):
        yield _pass_role(role, "lambda.amazonaws.com")
    code = request.parameters.get("Code") or request.parameters
    if bucket := code.get("S3Bucket"):
        yield PermissionCheck("s3:GetObject", f"arn:aws:s3:::{bucket}/{code.get('S3Key')}")
    yield from _function_key(request)


def _function_key(request: Request) -> Iterator[PermissionCheck]:
    """Ask for the key that encrypts a function's environment.

    "Lambda uses your permissions to create a grant on the key": `kms:CreateGrant` and `kms:Encrypt`
    configure a customer managed key. Whether an update that does not name the key asks again is not
    documented; the stricter reading is taken. `kms:Decrypt`, which shows the variables to the
    caller, is not required.
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
    """
    name = request.path.rstrip("/").split("/functions", 1)[-1].strip("/").partition("/")[0]
    known = ministack_internals.lambda_svc._functions.get(urllib.parse.unquote(name)) or {}  # noqa: SLF001 - see ministack_internals
    key = request.parameters.get("KMSKeyArn") or (known.get("config") or {}).get("KMSKeyArn")
    if not key or request.action == "UpdateFunctionCode":
        return
    context = {"kms:ViaService": f"lambda.{request.region}.amazonaws.com"}
    yield PermissionCheck("kms:CreateGrant", key, {**context, "kms:GrantIsForAWSResource": "true"})
    yield PermissionCheck("kms:Encrypt", key, context)


def _create_grant(_: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Say that the caller itself makes the grant, and no service for it.

    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    yield asked._replace(context={**asked.context, "kms:GrantIsForAWSResource": "false"})


def _mapping(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Add the function of an event source mapping, a condition key that policies use.

    A mapping that is gone has no function, so a call that names it carries no such key. A mapping
    that an update gives to another function is checked for both.
    """
    _, _, mapping_id = request.path.rstrip("/").partition("/event-source-mappings/")
    mapping = ministack_internals.lambda_svc._esms.get(mapping_id) or {}  # noqa: SLF001 - see ministack_internals
    named = request.parameters.get("FunctionName") or ""
    if named and not named.startswith("arn:"):
        named = f"arn:aws:lambda:{request.region}:{request.account}:function:{named}"
    functions = {mapping.get("FunctionArn") or "", named} - {""}
    for function in sorted(functions):
        context = {**asked.context, "lambda:FunctionArn": function}
        yield PermissionCheck(asked.action, asked.resource, context)
    if not functions:
        yield asked


def _role(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Use the role's ARN with its path, and the condition keys that boundaries rely on."""
    name = request.parameters.get("RoleName", "")
    role = ministack_internals.roles.get(name) or {}
    path = request.parameters.get("Path") or "/"
    resource = asked.resource
    if name:
        resource = role.get("Arn") or f"arn:aws:iam::{request.account}:role{path}{name}"
    elif policy := request.parameters.get("PolicyName"):
        resource = f"arn:aws:iam::{request.account}:policy{path}{policy}"
    context = {
        "iam:PermissionsBoundary": request.parameters.get("PermissionsBoundary")
        or role.get("PermissionsBoundary"),
        "iam:PolicyARN": request.parameters.get("PolicyArn"),
    }
    present = {key: value for key, value in context.items() if value}
    yield PermissionCheck(asked.action, resource, {**asked.context, **present})


def _alias(request: Request, asked: PermissionCheck) -> Iterator[PermissionCheck]:
    """Check the alias and the key behind it, as KMS does."""
    alias = request.parameters.get("AliasName", "")
    key = ministack_internals.find_key(request.parameters.get("TargetKeyId") or alias)
    for arn in (
        f"arn:aws:kms:{request.region}:{request.account}:{alias}",
        key["Arn"] if key else asked.resource,
    ):
        yield PermissionCheck(asked.action, arn, asked.context)


def _cluster(request: Request) -> str:
    return str(ministack_internals.cluster_name(request.parameters.get("cluster") or "default"))


def _ecs(request: Request) -> str:
    return f"arn:aws:ecs:{request.region}:{request.account}"


_SPECIAL: Final[
    dict[tuple[str, str], Callable[[Request, PermissionCheck], Iterator[PermissionCheck]]]
] = {
    **event_permissions.CHECKS,
    ("ecs", "RunTask"): _run_task,
    ("ecs", "StopTask"): _task_calls,
    ("ecs", "DescribeTasks"): _task_calls,
    ("dynamodb", "CreateTable"): table_permissions.create_table,
    ("dynamodb", "GetItem"): table_permissions.item,
    ("dynamodb", "ListTagsOfResource"): _named,
    ("dynamodb", "PutItem"): table_permissions.item,
    ("dynamodb", "TagResource"): _named,
    ("dynamodb", "UntagResource"): _named,
    ("dynamodb", "UpdateItem"): table_permissions.item,
    ("ecs", "DescribeServices"): _describe_services,
    ("ecs", "ListTasks"): _list_tasks,
    ("ecs", "DescribeTaskDefinition"): _on_everything,
    ("lambda", "CreateFunction"): _function,
    ("lambda", "UpdateFunctionConfiguration"): _function,
    ("lambda", "UpdateFunctionCode"): _function,
    ("lambda", "CreateEventSourceMapping"): _mapping,
    ("lambda", "UpdateEventSourceMapping"): _mapping,
    ("lambda", "DeleteEventSourceMapping"): _mapping,
    ("lambda", "GetEventSourceMapping"): _mapping,
    ("lambda", "ListEventSourceMappings"): _mapping,
    ("monitoring", "DeleteAlarms"): _alarms,
    ("monitoring", "DescribeAlarms"): _on_everything,
    ("monitoring", "ListTagsForResource"): _named,
    ("monitoring", "TagResource"): _named,
    ("monitoring", "UntagResource"): _named,
    ("kms", "CreateAlias"): _alias,
    ("kms", "CreateGrant"): _create_grant,
    ("kms", "UpdateAlias"): _alias,
    ("kms", "DeleteAlias"): _alias,
    ("s3", "PutObject"): object_permissions.put_object,
    ("s3", "GetObject"): object_permissions.get_object,
    ("sqs", "SendMessage"): message_permissions.send,
    ("sqs", "SendMessageBatch"): message_permissions.send_batch,
    ("sqs", "ChangeMessageVisibilityBatch"): message_permissions.one_by_one,
    ("sqs", "DeleteMessageBatch"): message_permissions.one_by_one,
    ("sqs", "ReceiveMessage"): message_permissions.receive,
    ("sns", "ListTagsForResource"): _named,
    ("sns", "Publish"): message_permissions.send,
    ("sns", "PublishBatch"): message_permissions.send,
}
