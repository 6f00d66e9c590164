"""A call of the emulator, and what it is answered with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

# HTTP status, headers, body.
Response: TypeAlias = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of an AWS API.

    Attributes:
        service: The service as endpoints name it, for example `ecs`.
        action: The API action, for example `RunTask`.
        account: The caller's account.
        region: The region of the call.
        method: The HTTP method.
        path: The path of the URL.
        query: The parameters of the URL, each with its values.
        headers: The headers, by lower-case name.
        parameters: The parameters of a JSON or form body.
        text: The whole body.
        access_key: The access key id that signed the call.
    """

    service: str
    action: str
    account: str
    region: str
    method: str = "POST"
    path: str = "/"
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    access_key: str = ""
