"""Wraps the one function of MiniStack through which every signed call passes.

It describes the call for the checks of permissions, offers it to the interceptor, and writes the
journal.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import re
import time
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ecs, iam, ministack_internals
from rehearsal.emulator.interception import Disconnect
from rehearsal.emulator.journal import Call, write_call
from rehearsal.emulator.principals import caller_arn
from rehearsal.emulator.request import Request, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from rehearsal.emulator.interception import (
        Interception,
        Interceptor,
        Shortage,
        TaskFailure,
    )

# What the journal shows where the caller got no answer.
_NO_ANSWER: Final[Response] = (0, {}, b"")

_XML_CODE: Final = re.compile(rb"<Error>.*?<Code>([^<]+)</Code>", re.DOTALL)

# The server side of the connection that the current call came through.
_connection: contextvars.ContextVar[Any] = contextvars.ContextVar("connection", default=None)


@dataclass(frozen=True, kw_only=True)
class _InterceptedCall:
    """A call on its way; see `rehearsal.emulator.interception.InterceptedCall`.

    Attributes:
        request: The call.
        dispatch: MiniStack's own dispatch, with its arguments bound.
        request_id: MiniStack's id of the call.
    """

    request: Request
    dispatch: Callable[[], Awaitable[Response]]
    request_id: str

    async def proceed(
        self, task_failure: TaskFailure | None = None, shortage: Shortage | None = None
    ) -> Response:
        """Let MiniStack answer the call."""
        iam.current.set(self.request)
        # The loopback stands for TLS; else policies that insist on TLS would deny everything.
        ministack_internals.request_origin.set(("127.0.0.1", True))
        ecs.task_failure.set(task_failure)
        ecs.shortage.set(shortage)
        try:
            return await self.dispatch()
        except iam.Denied as denied:
            return denied.response(self.request, self.request_id)

    def error(self, code: str, message: str, status: int) -> Response:
        """Return an error in the protocol of the service that was called."""
        _, headers, body = ministack_internals.access_denied_response(
            self.request.service,
            f"{self.request.service}:{self.request.action}",
            "",
            "injected",
            error_code=code,
            message=message,
            headers=self.request.headers,
        )
        return status, headers, body

    def kill_caller(self) -> None:
        """Kill the processes of the Lambda function whose credentials signed the call."""
        function = caller_arn(self.request).rsplit("/", 1)[-1]
        mine = [self.request.account, self.request.region, function]
        with ministack_internals.workers_lock:
            workers = [
                worker
                for key, entries in ministack_internals.workers.items()
                if key.split(":")[:3] == mine
                for worker in entries
            ]
        for worker in workers:
            process = worker._proc  # noqa: SLF001 - see ministack_internals
            if process is not None:
                process.kill()


def install(folder: Path, interceptor: Interceptor | None = None) -> None:
    """Wrap MiniStack's dispatch.

    Args:
        folder: The emulator's folder, for the journal.
        interceptor: What may change answers.
    """
    dispatch = ministack_internals.app._dispatch_service_request  # noqa: SLF001 - see ministack_internals
    run_server = ministack_internals.TCPServer.run

    async def run_server_with_connection(server: Any) -> None:  # noqa: ANN401 - a class of hypercorn
        _connection.set(server)
        await run_server(server)

    async def wrapped_dispatch(  # noqa: PLR0913, PLR0917 - MiniStack's own arguments
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        request_id: str,
    ) -> Response:
        request = describe(method, path, headers, body, query_params)
        interception = interceptor.match(request) if interceptor else None
        journaled = request.service == "ecs" or interception is not None
        call = _InterceptedCall(
            request=request,
            dispatch=functools.partial(
                dispatch, method, path, headers, body, query_params, request_id
            ),
            request_id=request_id,
        )

        def write(response: Response, *, disconnected: bool = False) -> None:
            if journaled:
                write_call(folder, _journal(request, interception, response, disconnected))

        try:
            response = await (interception.answer(call) if interception else call.proceed())
        except asyncio.CancelledError:
            # The caller went away; what it had begun happened all the same.
            write(_NO_ANSWER, disconnected=True)
            raise
        except Disconnect as order:
            write(order.response or _NO_ANSWER, disconnected=True)
            _connection.get().writer.transport.abort()
            return _NO_ANSWER
        write(response)
        return response

    ministack_internals.TCPServer.run = run_server_with_connection  # type: ignore[method-assign, assignment]
    ministack_internals.app._dispatch_service_request = wrapped_dispatch  # noqa: SLF001 - see ministack_internals


def describe(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Request:
    """Return who asks which service for what, read from an HTTP request."""
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    text = body.decode("utf-8", "replace")
    parameters: dict[str, Any] = {}
    routing = query_params
    if form:
        fields = urllib.parse.parse_qs(text, keep_blank_values=True)
        parameters = {name: values[0] for name, values in fields.items()}
        routing = {**fields, **query_params}
    elif text.startswith("{"):
        try:
            parameters = json.loads(text)
        except ValueError:
            parameters = {}  # the service refuses it by itself
    service = ministack_internals.app.detect_service(method, path, headers, routing)
    target = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    action = target or (parameters.get("Action") if form else "")
    if not action:
        name = ministack_internals.extract_iam_action(service, method, path, headers, body, routing)
        action = (name or "").rsplit(":", 1)[-1]
    return Request(
        service=service,
        action=action,
        account=ministack_internals.get_account_id(),
        region=ministack_internals.app.extract_region(headers, query_params),
        method=method,
        path=path,
        query=query_params,
        headers=headers,
        parameters=parameters,
        text=urllib.parse.unquote_plus(text) if form else text,
        access_key=ministack_internals.extract_access_key_id(headers, query_params) or "",
    )


def _journal(
    request: Request,
    interception: Interception | None,
    response: Response,
    disconnected: bool,  # noqa: FBT001 - private
) -> Call:
    status, _, body = response
    content: dict[str, Any] = json.loads(body) if body[:1] == b"{" else {}
    code = str(content.get("__type", "")).rsplit("#", 1)[-1]
    if found := _XML_CODE.search(body):
        code = found.group(1).decode()
    tasks = content.get("tasks") if request.action == "RunTask" else None
    return Call(
        time=time.time(),
        account=request.account,
        service=request.service,
        action=request.action,
        client_token=str(request.parameters.get("clientToken") or ""),
        started_by=str(request.parameters.get("startedBy") or ""),
        status=0 if disconnected else status,
        error=code,
        tasks=tuple(task["taskArn"] for task in tasks or []),
        interception=interception.key if interception else "",
    )
