"""Permissions that AWS checks and MiniStack does not, for every caller that is no root.

RunTask is checked on the task definition with `ecs:cluster`, each role that a task or a
function would get as `iam:PassRole`, tags as `ecs:TagResource`, and the customer's keys
of queues and topics by `kms:` actions of the caller. What IAM itself decides stays MiniStack's.
"""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from runtask.local.emulator import ecs, seams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Response = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A call: who asks which service for what.

    Args:
        service: The service as endpoints name it.
        action: The API action.
        account: The caller's account.
        region: The region of the call.
        path: The path of the URL.
        headers: The headers, by lower-case name.
        parameters: The parameters of a JSON or form body.
        text: The whole body.
        access_key: The access key id that signed it.
    """

    service: str
    action: str
    account: str
    region: str
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    access_key: str = ""

    @property
    def caller(self) -> str:
        """The ARN of the caller, or empty for one that is unknown."""
        identity = seams.iam_evaluator.resolve_caller_identity(self.access_key)
        return str(identity["userArn"]) if identity else ""


class Check(NamedTuple):
    """One question to IAM: may the caller do this action on this resource."""

    action: str
    resource: str
    context: dict[str, Any] = {}  # noqa: RUF012 - nobody writes into it


class Denied(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A denial, with what AWS names in its text."""

    def __init__(self, check: Check, result: Any) -> None:  # noqa: ANN401 - a class of MiniStack
        """Keep the question and MiniStack's answer."""
        super().__init__(check.action)
        self.check, self.result = check, result

    def response(self, request: Request, request_id: str, headers: dict[str, str]) -> Response:
        """Word the denial as AWS does, in the protocol of the service that was called."""
        explicit = self.result.decision == "Deny"
        answer: Response = seams.access_denied_response(
            request.service,
            self.check.action,
            self.result.principal_arn,
            request_id,
            headers=headers,
            resource_arn=self.check.resource,
            explicit_deny=explicit,
            resource_policy_arn=self.result.resource_policy_arn,
            message=""
            if self.result.resource_policy_arn
            else seams.identity_denial_message(
                self.check.action, self.result.principal_arn, self.check.resource, explicit
            ),
        )
        return answer


current: contextvars.ContextVar[Request | None] = contextvars.ContextVar("current", default=None)
_enforce = seams.iam_evaluator.enforce


def install() -> None:
    """Put our question to IAM in the place of MiniStack's."""
    seams.iam_evaluator.enforce = enforce


def enforce(  # noqa: PLR0913, PLR0917 - MiniStack's own arguments
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:  # noqa: ANN401 - a class of MiniStack
    """Ask IAM all that AWS would ask for the current call.

    Raises:
        Denied: IAM denies one of the questions.
    """
    request = current.get()
    asked = Check(iam_action, resource_arn, service_context or {})
    checks = list(questions(request, asked)) if request else [asked]
    for check in checks:
        result = _enforce(
            access_key_id,
            check.action,
            check.action.split(":", 1)[0] if check is not asked else service,
            region,
            resource_arn=check.resource,
            service_context=check.context,
        )
        if isinstance(result, seams.AuthError):
            return result
        if result is not None:
            raise Denied(check, result)
    return None


def questions(request: Request, asked: Check) -> Iterator[Check]:
    """Give MiniStack's question, or better ones in its place, and those it leaves out."""
    special = _SPECIAL.get((request.service, request.action))
    if special is None:
        yield asked
    else:
        yield from special(request, asked)


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


def _function(request: Request, asked: Check) -> Iterator[Check]:
    yield asked
    if role := request.parameters.get("Role"):
        yield Check("iam:PassRole", role, {"iam:PassedToService": "lambda.amazonaws.com"})


def _role(request: Request, asked: Check) -> Iterator[Check]:
    """Give IAM's actions on a role the keys that a limit on roles is written with."""
    boundary = request.parameters.get("PermissionsBoundary")
    if boundary is None:
        role = seams.roles.get(request.parameters.get("RoleName", "")) or {}
        boundary = role.get("PermissionsBoundary")
    context = {
        "iam:PermissionsBoundary": boundary or None,
        "iam:PolicyARN": request.parameters.get("PolicyArn"),
    }
    present = {key: value for key, value in context.items() if value}
    yield Check(asked.action, asked.resource, {**asked.context, **present})


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
        attributes = (seams.topics.get(resource) or {}).get("attributes", {})
    else:
        found = (q["attributes"] for q in seams.queues.values())
        attributes = next((a for a in found if a.get("QueueArn") == resource), {})
    name = attributes.get("KmsMasterKeyId", "")
    # AWS's own key has a policy that lets the account's principals use it.
    key = None if name.startswith("alias/aws/") else seams.find_key(name)
    return str(key["Arn"]) if key else ""


def _cluster(request: Request) -> str:
    return str(seams.cluster_name(request.parameters.get("cluster") or "default"))


def _ecs(request: Request) -> str:
    return f"arn:aws:ecs:{request.region}:{request.account}"


_send = _encrypted("kms:GenerateDataKey", "kms:Decrypt")
_SPECIAL: dict[tuple[str, str], Callable[[Request, Check], Iterator[Check]]] = {
    ("ecs", "RunTask"): _run_task,
    ("ecs", "StopTask"): _task_calls,
    ("ecs", "DescribeTasks"): _task_calls,
    ("ecs", "DescribeServices"): _describe_services,
    ("ecs", "DescribeTaskDefinition"): _on_everything,
    ("lambda", "CreateFunction"): _function,
    ("lambda", "UpdateFunctionConfiguration"): _function,
    ("sqs", "SendMessage"): _send,
    ("sqs", "SendMessageBatch"): _send,
    ("sqs", "ReceiveMessage"): _encrypted("kms:Decrypt"),
    ("sns", "Publish"): _send,
    ("sns", "PublishBatch"): _send,
    **{
        ("iam", action): _role
        for action in (
            "CreateRole",
            "PutRolePolicy",
            "DeleteRolePolicy",
            "AttachRolePolicy",
            "DetachRolePolicy",
            "PutRolePermissionsBoundary",
            "DeleteRolePermissionsBoundary",
        )
    },
}
