"""Permissions that AWS checks and MiniStack does not, for every caller but the root user.

RunTask is authorised on the task definition with `ecs:cluster`, each role that a task, a volume or
a function gets by `iam:PassRole`, tags by the tagging action of the service, and the customer
managed keys of queues, topics, tables and functions by the caller's `kms:` actions. MiniStack still
evaluates the policies.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.permission_check import PermissionCheck
from rehearsal.emulator.permissions import permission_checks

if TYPE_CHECKING:
    from rehearsal.emulator.request import Request, Response


class Denied(Exception):  # noqa: N818 - an answer, not an error of ours
    """IAM denies a call.

    Args:
        check: The permission that is missing.
        result: MiniStack's result of the evaluation.
    """

    def __init__(self, check: PermissionCheck, result: Any) -> None:  # noqa: ANN401 - a class of MiniStack
        super().__init__(check.action)
        self.check, self.result = check, result

    def response(self, request: Request, request_id: str) -> Response:
        """Return the denial as AWS words it, in the protocol of the service that was called."""
        explicit = self.result.decision == "Deny"
        answer: Response = ministack_internals.access_denied_response(
            request.service,
            self.check.action,
            self.result.principal_arn,
            request_id,
            headers=request.headers,
            resource_arn=self.check.resource,
            explicit_deny=explicit,
            resource_policy_arn=self.result.resource_policy_arn,
            message=""
            if self.result.resource_policy_arn
            else ministack_internals.identity_denial_message(
                self.check.action, self.result.principal_arn, self.check.resource, explicit
            ),
        )
        return answer


# The call that is being answered; None while the emulator asks on behalf of a function's role.
current: contextvars.ContextVar[Request | None] = contextvars.ContextVar("current", default=None)
_enforce = ministack_internals.iam_evaluator.enforce


def install() -> None:
    """Replace MiniStack's check of a permission."""
    ministack_internals.iam_evaluator.enforce = enforce


def enforce(  # noqa: PLR0913, PLR0917 - MiniStack's own arguments
    access_key_id: str,
    iam_action: str,
    service: str,
    region: str,
    resource_arn: str = "*",
    service_context: dict[str, Any] | None = None,
) -> Any:  # noqa: ANN401 - a class of MiniStack
    """Check all permissions that AWS would check for the current call.

    Raises:
        Denied: if one of them is missing.
    """
    request = current.get()
    asked = PermissionCheck(iam_action, resource_arn, service_context or {})
    checks = list(permission_checks(request, asked)) if request else [asked]
    for check in checks:
        result = _evaluate(access_key_id, check, region, "" if check is not asked else service)
        if isinstance(result, ministack_internals.AuthError):
            return result
        if result is not None:
            raise Denied(check, result)
    return None


def is_allowed(request: Request, check: PermissionCheck) -> bool:
    """Return whether the caller of a request has a permission."""
    return _evaluate(request.access_key, check, request.region) is None


def _evaluate(access_key: str, check: PermissionCheck, region: str, service: str = "") -> Any:  # noqa: ANN401 - a class of MiniStack
    """Return None if a permission is granted, else MiniStack's result.

    Args:
        access_key: The access key id of the caller.
        check: The permission.
        region: The region of the call.
        service: The service whose resource policy counts; by default that of the action.
    """
    caller = ministack_internals.get_account_id()
    # A key's policy is found in the scope of the key's own account.
    foreign = not service and check.action.startswith("kms:") and check.resource != "*"
    account = check.resource.split(":")[4] if foreign else caller
    if account != caller and access_key.isdigit():
        return None  # a root user is unknown in another account's scope
    with ministack_internals.request_scope(account, region):
        return _enforce(
            access_key,
            check.action,
            service or check.action.split(":", 1)[0],
            region,
            resource_arn=check.resource,
            service_context=check.context,
        )
