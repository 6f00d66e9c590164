"""The credentials of Lambda functions: random, and with the function that they were made for.

MiniStack computes a function's secret from public names. A call that the function's code makes
carries the function's ARN, without version or alias; what Lambda itself does with the same role,
for example to read a queue, does not. Policies of resources do not see it.
https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html
"""

from __future__ import annotations

import secrets
import threading
from typing import Any, Final

from rehearsal.emulator import iam, ministack_internals

SOURCE_FUNCTION: Final = "lambda:sourcefunctionarn"

_lock = threading.Lock()
_issued: dict[tuple[str, str], dict[str, str]] = {}
_functions: dict[str, str] = {}


def install() -> None:
    """Replace how MiniStack makes a function's credentials and describes their bearer."""
    ministack_internals.lambda_svc.execution_credentials = credentials_of
    ministack_internals.lambda_runtime.execution_credentials = credentials_of
    describe = ministack_internals.iam_evaluator._principal_keys  # noqa: SLF001 - see ministack_internals

    def principal_keys(credential: Any) -> dict[str, Any]:  # noqa: ANN401 - a class of MiniStack
        keys: dict[str, Any] = describe(credential)
        function = _functions.get(credential.access_key_id)
        # Without a call, Lambda itself asks.
        if function and iam.current.get():
            keys[SOURCE_FUNCTION] = function
        return keys

    ministack_internals.iam_evaluator._principal_keys = principal_keys  # noqa: SLF001 - see ministack_internals


def credentials_of(configuration: dict[str, Any]) -> dict[str, str]:
    """Return the credentials of a function's version, the same ones at every call.

    Args:
        configuration: The configuration of the version.
    """
    function, role = configuration.get("FunctionArn", ""), configuration.get("Role", "")
    with _lock:
        if (function, role) not in _issued:
            _issued[function, role] = _issue(function, role)
        return dict(_issued[function, role])


def _issue(function: str, role: str) -> dict[str, str]:
    unqualified = ":".join(function.split(":")[:7])
    account, name = function.split(":")[4], unqualified.rpartition(":")[2][:64]
    role_name = role.rpartition("/")[2]
    access_key = f"ASIA{secrets.token_hex(8).upper()}"
    secret_key, token = secrets.token_hex(20), secrets.token_hex(32)
    ministack_internals.sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{name}",
            "UserId": f"{role_name}:{name}",
            "SecretAccessKey": secret_key,
            "SessionToken": token,
        },
    )
    _functions[access_key] = unqualified
    return {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_SESSION_TOKEN": token,
    }
