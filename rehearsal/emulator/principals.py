"""The principal of a call, where MiniStack misidentifies it.

A role session has the ARN of its role as `aws:PrincipalArn`, not that of the session. The policy
of another account's bucket is evaluated for the caller itself, not for the caller's root user. An
object belongs to the account of its bucket, whoever the caller is.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import iam, ministack_internals
from rehearsal.emulator.function_credentials import SOURCE_FUNCTION

if TYPE_CHECKING:
    from rehearsal.emulator.request import Request

_SESSION: Final = ":assumed-role/"
_S3: Final = "arn:aws:s3:::"
_RESOURCE_ACCOUNT: Final = ("aws:resourceaccount", "s3:resourceaccount")


def install() -> None:
    """Replace how MiniStack resolves principals."""
    resolve = ministack_internals.iam_evaluator._resolve_condition_key  # noqa: SLF001 - see ministack_internals
    evaluate = ministack_internals.iam_evaluator.evaluate_resource_policy

    def resolve_key(key: str, context: Any) -> Any:  # noqa: ANN401 - classes of MiniStack
        name = key.lower()
        if name in _RESOURCE_ACCOUNT and (owner := _bucket_owner(context.resource_arn)):
            return owner
        value = resolve(key, context)
        return role_arn(value) if name == "aws:principalarn" else value

    def evaluate_policy(document: Any, context: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - classes of MiniStack
        request = iam.current.get()
        if request and not args and not options and context.principal_type == "Root":
            caller = caller_arn(request)
            if f":{context.principal_account}:" in caller:
                context = dataclasses.replace(context, principal_arn=caller)
        if SOURCE_FUNCTION in context.principal_keys:
            keys = {k: v for k, v in context.principal_keys.items() if k != SOURCE_FUNCTION}
            context = dataclasses.replace(context, principal_keys=keys)
        return evaluate(document, context, *args, **options)

    ministack_internals.iam_evaluator._resolve_condition_key = resolve_key  # noqa: SLF001 - see ministack_internals
    ministack_internals.iam_evaluator.evaluate_resource_policy = evaluate_policy


def caller_arn(request: Request) -> str:
    """Return the ARN of a call's principal, or empty if it is unknown."""
    identity = ministack_internals.iam_evaluator.resolve_caller_identity(request.access_key)
    return str(identity["userArn"]) if identity else ""


def _bucket_owner(arn: str) -> str | None:
    """Return the account that owns a bucket or object; None for another ARN."""
    bucket = arn.removeprefix(_S3).partition("/")[0]
    return ministack_internals.bucket_owner(bucket) if arn.startswith(_S3) else None


def role_arn(arn: str) -> str:
    """Return the ARN of a session's role; any other ARN unchanged."""
    if _SESSION not in arn:
        return arn
    account, name = arn.split(":")[4], arn.split("/")[1]
    role = ministack_internals.roles.get_scoped(account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{account}:role/{name}")
