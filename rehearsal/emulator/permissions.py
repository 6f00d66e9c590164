"""Which permissions AWS asks for, where MiniStack asks for others or for none.

From the service authorization reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import ecs, ministack_names
from rehearsal.emulator.request import Check, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def questions(request: Request, asked: Check) -> Iterator[Check]:
    """Give MiniStack's question, or better ones in its location, and those it leaves out."""
    special = _SPECIAL.get((request.service, request.action))
    if special is not None:
        yield from special(request, asked)
    elif request.service == "iam":
        yield from _role(request, asked)
    else:
        yield asked


def role_arns(request: Request, definition: dict[str, Any]) -> list[str]:
    """Return the roles that a task would get: the definition's, unless overridden."""
    overrides = request.parameters.get("overrides") or {}
    arns = [overrides.get(k) or definition.get(k) for k in ("taskRoleArn", "executionRoleArn")]
    return [arn for arn in arns if arn]


def _run_task(request: Request, asked: Check) -> Iterator[Check]:
    cluster = f"{_ecs(request)}:cluster/{_cluster(request)}"
    try:
        definition = ecs.find_definition(request.parameters)
    except ecs.Refusal:
        # What does not exist cannot be authorised; the name stands for its ARN.
        name = str(request.parameters.get("taskDefinition", "")).rsplit("/", 1)[-1]
        definition = {"taskDefinitionArn": f"{_ecs(request)}:task-definition/{name}"}
    context = {**asked.context, "ecs:cluster": cluster}
    yield Check(asked.action, definition["taskDefinitionArn"], context)
    for arn in role_arns(request, definition):
        yield Check("iam:PassRole", arn, {"iam:PassedToService": "ecs-tasks.amazonaws.com"})
    if request.parameters.get("tags") or request.parameters.get("propagateTags"):
        task = f"{_ecs(request)}:task/{_cluster(request)}/*"
        yield Check("ecs:TagResource", task, {**context, "ecs:CreateAction": "RunTask"})


def _task_calls(request: Request, asked: Check) -> Iterator[Check]:
    names = request.parameters.get("tasks") or [request.parameters.get("task", "")]
    yield from _in_cluster(request, asked, "task", names)


def _describe_services(request: Request, asked: Check) -> Iterator[Check]:
    yield from _in_cluster(request, asked, "service", request.parameters.get("services") or [])


def _in_cluster(request: Request, asked: Check, kind: str, names: list[str]) -> Iterator[Check]:
    cluster = _cluster(request)
    context = {**asked.context, "ecs:cluster": f"{_ecs(request)}:cluster/{cluster}"}
    for name in names:
        arn = name if name.startswith("arn:") else f"{_ecs(request)}:{kind}/{cluster}/{name}"
        yield Check(asked.action, arn, context)


def _on_everything(_: Request, asked: Check) -> Iterator[Check]:
    yield Check(asked.action, "*", asked.context)


def _named(request: Request, asked: Check) -> Iterator[Check]:
    """Ask about the resource whose ARN the call carries."""
    arn = request.parameters.get("ResourceArn") or asked.resource
    yield Check(asked.action, arn, asked.context)


def _function(request: Request, asked: Check) -> Iterator[Check]:
    resource = asked.resource
    if name := request.parameters.get("FunctionName"):
        resource = f"arn:aws:lambda:{request.region}:{request.account}:function:{name}"
    yield Check(asked.action, resource, asked.context)
    if role := request.parameters.get("Role"):
        yield Check("iam:PassRole", role, {"iam:PassedToService": "lambda.amazonaws.com"})
    code = request.parameters.get("Code") or request.parameters
    if bucket := code.get("S3Bucket"):
        yield Check("s3:GetObject", f"arn:aws:s3:::{bucket}/{code.get('S3Key')}")


def _mapping(request: Request, asked: Check) -> Iterator[Check]:
    """Name the function of an event source mapping, which policies limit it by."""
    mapping = ministack_names.lambda_svc._esms.get(request.path.rstrip("/").rsplit("/", 1)[-1])  # noqa: SLF001 - see ministack_names
    function = request.parameters.get("FunctionName") or (mapping or {}).get("FunctionArn", "")
    if not function.startswith("arn:"):
        function = f"arn:aws:lambda:{request.region}:{request.account}:function:{function}"
    # MiniStack takes a GET of one mapping for one of all.
    one = mapping and request.method == "GET"
    action = "lambda:GetEventSourceMapping" if one else asked.action
    yield Check(action, asked.resource, {**asked.context, "lambda:FunctionArn": function})


def _function_alias(request: Request, asked: Check) -> Iterator[Check]:
    """Tell one alias from all of them, which MiniStack does not."""
    one = not request.path.rstrip("/").endswith("/aliases")
    action = f"lambda:{_ALIAS_ACTIONS[request.method]}" if one else asked.action
    yield Check(action, asked.resource, asked.context)


def _role(request: Request, asked: Check) -> Iterator[Check]:
    """Give IAM's actions on a role its whole ARN, and the keys that limits are written with."""
    name = request.parameters.get("RoleName", "")
    role = ministack_names.roles.get(name) or {}
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
    yield Check(asked.action, resource, {**asked.context, **present})


def _alias(request: Request, asked: Check) -> Iterator[Check]:
    """Ask for an alias and for the key behind it, as KMS does."""
    alias = request.parameters.get("AliasName", "")
    key = ministack_names.find_key(request.parameters.get("TargetKeyId") or alias)
    for arn in (
        f"arn:aws:kms:{request.region}:{request.account}:{alias}",
        key["Arn"] if key else asked.resource,
    ):
        yield Check(asked.action, arn, asked.context)


def _put_object(request: Request, asked: Check) -> Iterator[Check]:
    bucket, _, _ = request.path.lstrip("/").partition("/")
    given = request.headers.get(_KEY_HEADER)
    context = {**asked.context, **({f"s3:{_KEY_HEADER}": given} if given else {})}
    yield Check(asked.action, asked.resource, context)
    if owner := ministack_names.bucket_owner(bucket):
        with ministack_names.request_scope(owner, request.region):
            default = ministack_names.default_encryption(bucket).get(_KEY_HEADER)
        yield from _use_key(request, given or default, "kms:GenerateDataKey")


def _get_object(request: Request, asked: Check) -> Iterator[Check]:
    yield asked
    bucket, _, key = request.path.lstrip("/").partition("/")
    name = urllib.parse.unquote(key)
    found = (
        ministack_names.buckets.get_scoped(ministack_names.bucket_owner(bucket), None, bucket) or {}
    )
    stored = found.get("objects", {}).get(name) or {}
    if not stored:
        # Only who may list a bucket is told that an object is not there.
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        yield Check("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    used = stored.get("preserved_headers", {}).get(_KEY_HEADER)
    yield from _use_key(request, used, "kms:Decrypt")


def _use_key(request: Request, key: str | None, action: str) -> Iterator[Check]:
    if key and key.startswith("arn:"):
        yield Check(action, key, {"kms:ViaService": f"s3.{request.region}.amazonaws.com"})


def _encrypted(*actions: str) -> Callable[[Request, Check], Iterator[Check]]:
    """Return a question for the queue's or topic's key after that for itself."""

    def ask(request: Request, asked: Check) -> Iterator[Check]:
        yield asked
        if key := key_arn(asked.resource, request.service):
            via = {"kms:ViaService": f"{request.service}.{request.region}.amazonaws.com"}
            for action in actions:
                yield Check(action, key, via)

    return ask


def key_arn(resource: str, service: str) -> str:
    """Return the ARN of the customer's key that encrypts a queue or topic, or empty."""
    if service == "sns":
        attributes = (ministack_names.topics.get(resource) or {}).get("attributes", {})
    else:
        found = (q["attributes"] for q in ministack_names.queues.values())
        attributes = next((a for a in found if a.get("QueueArn") == resource), {})
    name = attributes.get("KmsMasterKeyId", "")
    # AWS's own key has a policy that lets the account's principals use it.
    key = None if name.startswith("alias/aws/") else ministack_names.find_key(name)
    return str(key["Arn"]) if key else ""


def _one_by_one(request: Request, asked: Check) -> Iterator[Check]:
    """Ask for the action itself: IAM has none for a batch of them.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    """
    yield Check(f"sqs:{request.action.removesuffix('Batch')}", asked.resource, asked.context)


def _send_batch(request: Request, asked: Check) -> Iterator[Check]:
    yield from _send(request, Check("sqs:SendMessage", asked.resource, asked.context))


def _cluster(request: Request) -> str:
    return str(ministack_names.cluster_name(request.parameters.get("cluster") or "default"))


def _ecs(request: Request) -> str:
    return f"arn:aws:ecs:{request.region}:{request.account}"


_KEY_HEADER = "x-amz-server-side-encryption-aws-kms-key-id"
_ALIAS_ACTIONS = {"GET": "GetAlias", "PUT": "UpdateAlias", "DELETE": "DeleteAlias"}
_send = _encrypted("kms:GenerateDataKey", "kms:Decrypt")
_SPECIAL: dict[tuple[str, str], Callable[[Request, Check], Iterator[Check]]] = {
    ("ecs", "RunTask"): _run_task,
    ("ecs", "StopTask"): _task_calls,
    ("ecs", "DescribeTasks"): _task_calls,
    ("ecs", "DescribeServices"): _describe_services,
    ("ecs", "DescribeTaskDefinition"): _on_everything,
    ("lambda", "CreateFunction"): _function,
    ("lambda", "UpdateFunctionConfiguration"): _function,
    ("lambda", "UpdateFunctionCode"): _function,
    ("lambda", "CreateEventSourceMapping"): _mapping,
    ("lambda", "UpdateEventSourceMapping"): _mapping,
    ("lambda", "DeleteEventSourceMapping"): _mapping,
    ("lambda", "GetEventSourceMapping"): _mapping,
    ("lambda", "ListEventSourceMappings"): _mapping,
    ("lambda", "ListAliases"): _function_alias,
    ("kms", "CreateAlias"): _alias,
    ("kms", "UpdateAlias"): _alias,
    ("kms", "DeleteAlias"): _alias,
    ("s3", "PutObject"): _put_object,
    ("s3", "GetObject"): _get_object,
    ("sqs", "SendMessage"): _send,
    ("sqs", "SendMessageBatch"): _send_batch,
    ("sqs", "ChangeMessageVisibilityBatch"): _one_by_one,
    ("sqs", "DeleteMessageBatch"): _one_by_one,
    ("sqs", "ReceiveMessage"): _encrypted("kms:Decrypt"),
    ("sns", "ListTagsForResource"): _named,
    ("sns", "Publish"): _send,
    ("sns", "PublishBatch"): _send,
}
