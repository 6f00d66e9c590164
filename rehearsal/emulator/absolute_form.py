"""Request targets in absolute form, `GET http://host/path`, as a client sends them to a proxy.

The AWS provider reads a bucket's tags at `<account>.<endpoint>`, a host that does not resolve. With
the emulator as its HTTP proxy the call arrives here.
https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_SCHEME_AND_AUTHORITY: Final = re.compile(rb"https?://[^/?#]*")


def install() -> None:
    """Wrap MiniStack's application, so that it sees the path alone."""
    inner: Callable[..., Awaitable[None]] = ministack_internals.app.app

    async def front(scope: dict[str, Any], receive: object, send: object) -> None:
        if scope["type"] == "http" and (target := _SCHEME_AND_AUTHORITY.match(_raw_path(scope))):
            prefix = target.group()
            scope = {
                **scope,
                "raw_path": _raw_path(scope)[len(prefix) :] or b"/",
                "path": scope["path"][len(prefix.decode("ascii")) :] or "/",
            }
        await inner(scope, receive, send)

    ministack_internals.app.app = front


def _raw_path(scope: dict[str, Any]) -> bytes:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw
