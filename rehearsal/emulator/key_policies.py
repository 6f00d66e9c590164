"""The lockout check of KMS: whoever sets a key policy must be able to change it afterwards.

https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html#KMS-CreateKey-request-Policy
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import iam, ministack_internals
from rehearsal.emulator.permission_check import PermissionCheck

if TYPE_CHECKING:
    from rehearsal.emulator.request import Request, Response

_BYPASS: Final = "BypassPolicyLockoutSafetyCheck"
_LOCKED_OUT: Final = "The new key policy will not allow you to update the key policy in the future."


def install() -> None:
    """Replace how MiniStack creates a key and sets its policy."""
    kms = ministack_internals.kms
    create, put = kms._create_key, kms._put_key_policy  # noqa: SLF001 - see ministack_internals

    def create_checked(request: dict[str, Any]) -> Response:
        response: Response = create(request)
        status, _, body = response
        if status != 200 or "Policy" not in request or request.get(_BYPASS):  # noqa: PLR2004 - HTTP
            return response
        key = json.loads(body)["KeyMetadata"]
        if _may_put_policy(key["Arn"]):
            return response
        del kms._keys[key["KeyId"]]  # noqa: SLF001 - see ministack_internals
        return _refusal()

    def put_checked(request: dict[str, Any]) -> Response:
        key = ministack_internals.find_key(request.get("KeyId", ""))
        before = key["Policy"] if key else ""
        response: Response = put(request)
        if key is None or request.get(_BYPASS) or _may_put_policy(key["Arn"]):
            return response
        key["Policy"] = before
        return _refusal()

    kms._create_key, kms._put_key_policy = create_checked, put_checked  # noqa: SLF001 - see ministack_internals


def _may_put_policy(key_arn: str) -> bool:
    """Return whether the caller may change a key's policy, as the policy now is."""
    request = iam.current.get()
    if request is None:
        return True
    context = {"kms:CallerAccount": request.account}
    check = PermissionCheck("kms:PutKeyPolicy", key_arn, context)
    return iam.is_allowed(request, check) and _names_root_if_caller(request, check)


def _names_root_if_caller(request: Request, check: PermissionCheck) -> bool:
    """Return False if the caller is the root user, and the key policy does not allow it.

    MiniStack allows the root user everything; KMS does not.
    """
    if not request.access_key.isdigit():
        return True
    evaluator = ministack_internals.iam_evaluator
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{request.account}:root",
        principal_type="Root",
        principal_account=request.account,
        action=check.action,
        resource_arn=check.resource,
        region=request.region,
        service_context={key.lower(): value for key, value in check.context.items()},
    )
    key = ministack_internals.find_key(check.resource)
    allowed: bool = evaluator.evaluate_resource_policy(key["Policy"], context).decision == "Allow"
    return allowed


def _refusal() -> Response:
    refusal: Response = ministack_internals.error_response_json(
        "MalformedPolicyDocumentException", _LOCKED_OUT, 400
    )
    return refusal
