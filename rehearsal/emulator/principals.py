"""Who a caller is for a policy, where MiniStack takes it for somebody else.

A role's session has the role's ARN as `aws:PrincipalArn`, not the session's; and the policy of
another account's bucket is asked about the caller itself, not about the caller's root user. An
object belongs to the account of its bucket, whoever asks for it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

import dataclasses
from typing import Any

from rehearsal.emulator import iam, ministack_names

_SESSION = ":assumed-role/"
_S3 = "arn:aws:s3:::"
_RESOURCE_ACCOUNT = ("aws:resourceaccount", "s3:resourceaccount")


def install() -> None:
    """Put both in the place of MiniStack's."""
    resolve = ministack_names.iam_evaluator._resolve_condition_key  # noqa: SLF001 - see ministack_names
    evaluate = ministack_names.iam_evaluator.evaluate_resource_policy

    def resolve_key(key: str, context: Any) -> Any:  # noqa: ANN401 - classes of MiniStack
        name = key.lower()
        if name in _RESOURCE_ACCOUNT and (owner := _bucket_owner(context.resource_arn)):
            return owner
        value = resolve(key, context)
        return role_arn(value) if name == "aws:principalarn" else value

    def evaluate_policy(document: Any, context: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - classes of MiniStack
        request = iam.current.get()
        if request and not args and not options and context.principal_type == "Root":
            caller = request.caller
            if f":{context.principal_account}:" in caller:
                context = dataclasses.replace(context, principal_arn=caller)
        return evaluate(document, context, *args, **options)

    ministack_names.iam_evaluator._resolve_condition_key = resolve_key  # noqa: SLF001 - see ministack_names
    ministack_names.iam_evaluator.evaluate_resource_policy = evaluate_policy


def _bucket_owner(arn: str) -> str | None:
    """Return the account of a bucket or object, which its ARN does not name."""
    bucket = arn.removeprefix(_S3).partition("/")[0]
    return ministack_names.bucket_owner(bucket) if arn.startswith(_S3) else None


def role_arn(arn: str) -> str:
    """Return the ARN of the role of a session, or the ARN as it is."""
    if _SESSION not in arn:
        return arn
    account, name = arn.split(":")[4], arn.split("/")[1]
    role = ministack_names.roles.get_scoped(account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{account}:role/{name}")
