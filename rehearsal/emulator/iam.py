"""Permissions that AWS checks and MiniStack does not, for every caller that is no root.

RunTask is checked on the task definition with `ecs:cluster`, each role that a task or a
function would get as `iam:PassRole`, tags as `ecs:TagResource`, and the customer's keys
of queues and topics by `kms:` actions of the caller. What IAM itself decides stays MiniStack's.
"""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import ministack_names
from rehearsal.emulator.permissions import questions
from rehearsal.emulator.request import Check

if TYPE_CHECKING:
    from rehearsal.emulator.request import Request

Response = tuple[int, dict[str, str], bytes]


class Denied(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A denial, with what AWS names in its text."""

    def __init__(self, check: Check, result: Any) -> None:  # noqa: ANN401 - a class of MiniStack
        """Keep the question and MiniStack's answer."""
        super().__init__(check.action)
        self.check, self.result = check, result

    def response(self, request: Request, request_id: str, headers: dict[str, str]) -> Response:
        """Word the denial as AWS does, in the protocol of the service that was called."""
        explicit = self.result.decision == "Deny"
        answer: Response = ministack_names.access_denied_response(
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
            else ministack_names.identity_denial_message(
                self.check.action, self.result.principal_arn, self.check.resource, explicit
            ),
        )
        return answer


current: contextvars.ContextVar[Request | None] = contextvars.ContextVar("current", default=None)
_enforce = ministack_names.iam_evaluator.enforce


def install() -> None:
    """Put our question to IAM in the place of MiniStack's."""
    ministack_names.iam_evaluator.enforce = enforce


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
        own = check is asked or check.action.split(":", 1)[0] != "kms"
        # A key's policy is found in the scope of the key's own account.
        account = ministack_names.get_account_id() if own else check.resource.split(":")[4]
        if account != ministack_names.get_account_id() and access_key_id.isdigit():
            continue  # a root user is nobody in another account's scope
        with ministack_names.request_scope(account, region):
            result = _enforce(
                access_key_id,
                check.action,
                check.action.split(":", 1)[0] if check is not asked else service,
                region,
                resource_arn=check.resource,
                service_context=check.context,
            )
        if isinstance(result, ministack_names.AuthError):
            return result
        if result is not None:
            raise Denied(check, result)
    return None
