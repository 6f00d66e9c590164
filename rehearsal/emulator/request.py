"""A call of the emulator, and the questions that it raises for IAM."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rehearsal.emulator import ministack_names


@dataclass(frozen=True, kw_only=True)
class Request:
    """A call: who asks which service for what.

    Args:
        service: The service as endpoints name it.
        action: The API action.
        account: The caller's account.
        region: The region of the call.
        method: The HTTP method.
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
    method: str = "POST"
    path: str = "/"
    headers: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    access_key: str = ""

    @property
    def caller(self) -> str:
        """The ARN of the caller, or empty for one that is unknown."""
        identity = ministack_names.iam_evaluator.resolve_caller_identity(self.access_key)
        return str(identity["userArn"]) if identity else ""


class Check(NamedTuple):
    """One question to IAM: may the caller do this action on this resource."""

    action: str
    resource: str
    context: dict[str, Any] = {}  # noqa: RUF012 - nobody writes into it
