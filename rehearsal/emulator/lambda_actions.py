"""The names of Lambda's actions, which MiniStack guesses from the path and often misnames.

It takes a read of one event source mapping or alias for a list of all, and checks no permission
when a mapping is changed or deleted.
"""

from __future__ import annotations

from typing import Final

from rehearsal.emulator import ministack_internals

# Where the IAM action is not named like the API call.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
_IAM_NAMES: Final = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction"}


def install() -> None:
    """Name the actions by the routes of the service's own model."""
    iam_actions = ministack_internals.iam_actions
    iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]  # noqa: SLF001 - see ministack_internals
    guess = iam_actions._lambda_action  # noqa: SLF001 - see ministack_internals

    def action(method: str, path: str) -> str | None:
        name = iam_actions._match_rest_action("lambda", method, path)  # noqa: SLF001 - see ministack_internals
        found: str | None = _IAM_NAMES.get(name, name) if name else guess(method, path)
        return found

    iam_actions._lambda_action = action  # noqa: SLF001 - see ministack_internals
