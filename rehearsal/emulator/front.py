"""The front of the emulator: what is not signed by this run's users does not reach MiniStack.

Messages start commands as the one who rehearses, so nobody else may send any: no other user of
the machine, and no web page that is open in a browser. Every path is closed, MiniStack's own
included; nothing is served without a signature. No answer lets a web page read it.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.signatures import SignatureCheck, SignatureError, SignedRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rehearsal.emulator.request import Response

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

# A browser adds them, and a script cannot take them away; no AWS client sends them.
# https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site
_OF_BROWSERS: Final = ("origin", "sec-fetch-site")
_CORS: Final = b"access-control-"


class Front:
    """The ASGI application before MiniStack's.

    Args:
        secret: The secret access key of every account's root user.
        port: The port that is listened on, part of the only names that the emulator answers to.
        started: Called once requests can be answered.
    """

    def __init__(self, secret: str, port: int, started: Callable[[], None]) -> None:
        self._secret = secret
        # S3 Control is called at <account>.<endpoint>; see `absolute_form`.
        self._host = re.compile(rf"(?:[0-9]{{12}}\.)?127\.0\.0\.1:{port}")
        self._started = started

    def install(self) -> None:
        """Put it before MiniStack's application."""
        self._inner: Callable[[Scope, Receive, Send], Awaitable[None]] = ministack_internals.app.app
        ministack_internals.app.app = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let MiniStack do so."""
        if scope["type"] == "lifespan":
            await self._inner(scope, receive, self._telling(send))
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _telling(self, send: Send) -> Send:
        async def send_and_tell(message: dict[str, Any]) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete":
                self._started()

        return send_and_tell

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        if problem := self._foreign(headers):
            await _respond(send, _forbidden(problem))
            return
        request = SignedRequest(
            method=scope["method"],
            path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=headers,
        )
        try:
            check = SignatureCheck(request, self._secret)
            body = await _body(receive)
            if body is None:
                return
            check.check_body(body)
        except SignatureError as error:
            await _respond(send, _refusal(request, error))
            return
        await self._inner(scope, _replay(body, receive), _without_cors(send))

    def _foreign(self, headers: dict[str, str]) -> str:
        """Return why a request is not one of an AWS client to this emulator, or empty."""
        host = headers.get("host", "")
        if not self._host.fullmatch(host):
            return f"the host {host[:80]!r} is not this emulator's"
        found = [name for name in _OF_BROWSERS if name in headers]
        return f"a request with the header {found[0]} is one of a web page" if found else ""


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name, those of the same name joined as they are signed."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        value = ministack_internals.decode_header_value(raw_value)
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, or None if the caller went away."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return what delivers a body that was received before, and then whatever comes."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def deliver() -> dict[str, Any]:
        return waiting.pop() if waiting else await receive()

    return deliver


def _without_cors(send: Send) -> Send:
    """Return what sends an answer without the headers that let web pages read it."""

    async def send_without(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", [])
                if not name.lower().startswith(_CORS)
            ]
            message = {**message, "headers": kept}
        await send(message)

    return send_without


def _forbidden(text: str) -> Response:
    return 403, {"Content-Type": "application/json"}, json.dumps({"message": text}).encode()


def _refusal(request: SignedRequest, error: SignatureError) -> Response:
    """Return an error in the protocol of the service that was called."""
    headers = dict(request.headers)
    service = ministack_internals.app.detect_service(request.method, request.path, headers, {})
    answer: Response = ministack_internals.access_denied_response(
        service,
        "",
        "",
        str(uuid.uuid4()),
        error_code=error.code,
        message=error.message,
        headers=headers,
    )
    return answer


async def _respond(send: Send, response: Response) -> None:
    status, headers, body = response
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    # What is left of the request's body is not read.
    raw += [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
