"""Permissions that AWS checks and MiniStack does not, for every caller but the root user.

RunTask is authorised on the task definition with `ecs:cluster`, each role that a task or a
function gets by `iam:PassRole`, tags by `ecs:TagResource`, and the customer managed keys of queues
and topics by the caller's `kms:` actions. MiniStack still evaluates the policies.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.permissions import PermissionCheck, permission_checks

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
        own = check is asked or check.action.split(":", 1)[0] != "kms"
        # A key's policy is found in the scope of the key's own account.
        account = ministack_internals.get_account_id() if own else check.resource.split(":")[4]
        if account != ministack_internals.get_account_id() and access_key_id.isdigit():
            continue  # a root user is unknown in another account's scope
        with ministack_internals.request_scope(account, region):
            result = _enforce(
                access_key_id,
                check.action,
                check.action.split(":", 1)[0] if check is not asked else service,
                region,
                resource_arn=check.resource,
                service_context=check.context,
            )
        if isinstance(result, ministack_internals.AuthError):
            return result
        if result is not None:
            raise Denied(check, result)
    return None
