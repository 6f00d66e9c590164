"""What stands around every call: the caller's parameters, faults, and the journal.

It wraps MiniStack's one function through which signed calls pass, so that a fault can name
any service and action.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import ecs, iam, ministack_names
from rehearsal.emulator.fault_injection import (
    FAULTS_FILE,
    Call,
    InjectedFault,
    read_faults,
    write_call,
)
from rehearsal.emulator.request import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

Response = tuple[int, dict[str, str], bytes]

_connection: contextvars.ContextVar[Any] = contextvars.ContextVar("connection", default=None)


@dataclass
class Bucket:
    """A token bucket; `at` is the time of the last look, in seconds."""

    rate: float
    burst: int
    tokens: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Start full."""
        self.tokens = float(self.burst)

    def take(self) -> bool:
        """Take a token if there is one."""
        now = time.monotonic()
        self.tokens = min(float(self.burst), self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class FaultInjector:
    """The faults in force, as the parent wrote them, and how often each was used.

    Args:
        folder: The emulator's folder.
    """

    def __init__(self, folder: Path) -> None:
        """Start without faults."""
        self._folder = folder
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._faults: list[InjectedFault] = []
        self._used: dict[str, int] = {}
        self._buckets: dict[str, Bucket] = {}

    def match_fault(self, call: Request) -> InjectedFault | None:
        """Return the fault that hits this call, and count it."""
        with self._lock:
            self._read()
            for fault in self._faults:
                if not _matches(fault, call) or not self._left(fault):
                    continue
                if fault.rate is not None:
                    bucket = self._buckets.setdefault(fault.key, Bucket(fault.rate, fault.burst))
                    if bucket.take():
                        continue
                self._used[fault.key] = self._used.get(fault.key, 0) + 1
                return fault
        return None

    def _left(self, fault: InjectedFault) -> bool:
        return fault.times is None or self._used.get(fault.key, 0) < fault.times

    def _read(self) -> None:
        try:
            status = (self._folder / FAULTS_FILE).stat()
        except FileNotFoundError:
            return
        # Each change is a new file, so its number tells even two changes in one tick apart.
        stamp = (status.st_ino, status.st_mtime_ns)
        if stamp != self._stamp:
            self._stamp, self._faults = stamp, read_faults(self._folder)


def _matches(fault: InjectedFault, call: Request) -> bool:
    return (
        fault.service == call.service
        and fault.action in ("*", call.action)
        and fault.account in ("", call.account)
        and fault.match in call.text
    )


_NOBODY: Response = (0, {}, b"")
"""The answer to a caller that is gone."""


def install(folder: Path) -> None:
    """Stand around MiniStack's dispatch.

    Args:
        folder: The emulator's folder, with the faults and the journal.
    """
    faults = FaultInjector(folder)
    dispatch = ministack_names.app._dispatch_service_request  # noqa: SLF001 - see ministack_names
    run = ministack_names.TCPServer.run

    async def remembering(server: Any) -> None:  # noqa: ANN401 - a class of hypercorn
        _connection.set(server)
        await run(server)

    async def standing_around(  # noqa: PLR0913, PLR0917 - MiniStack's own arguments
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        request_id: str,
    ) -> Response:
        call = describe(method, path, headers, body, query_params)
        fault = faults.match_fault(call)

        async def proceed() -> Response:
            iam.current.set(call)
            # The loopback stands for TLS; else policies that insist on TLS would deny everything.
            ministack_names.request_origin.set(("127.0.0.1", True))
            ecs.fate.set(fault if fault and fault.stopped_reason else None)
            try:
                answer: Response = await dispatch(
                    method, path, headers, body, query_params, request_id
                )
            except iam.Denied as denied:
                answer = denied.response(call, request_id, headers)
            return answer

        try:
            answer = await (_spoilt(fault, call, headers, proceed) if fault else proceed())
        except asyncio.CancelledError:
            # The caller went away; what it had begun happened all the same.
            if call.service == "ecs" or fault:
                write_call(folder, _journal(call, fault, _NOBODY))
            raise
        if call.service == "ecs" or fault:
            write_call(folder, _journal(call, fault, answer))
        if fault and fault.drop:
            _connection.get().writer.transport.abort()
        return answer

    ministack_names.TCPServer.run = remembering  # type: ignore[method-assign, assignment]
    ministack_names.app._dispatch_service_request = standing_around  # noqa: SLF001 - see ministack_names


async def _spoilt(
    fault: InjectedFault,
    call: Request,
    headers: dict[str, str],
    proceed: Callable[[], Awaitable[Response]],
) -> Response:
    await asyncio.sleep(fault.delay_seconds)
    spoils = fault.error or fault.reason or fault.drop or fault.kill
    real = await proceed() if fault.after or not spoils else None
    if fault.kill:
        kill_worker(call)
    if fault.error:
        return _error(fault, call, headers)
    if fault.reason:
        arn = f"arn:aws:ecs:{call.region}:{call.account}:container-instance/stand-in"
        answer: Response = ministack_names.json_response(
            {"tasks": [], "failures": [{"arn": arn, "reason": fault.reason}]}
        )
        return answer
    return real or (503, {}, b"")


def _error(fault: InjectedFault, call: Request, headers: dict[str, str]) -> Response:
    """Word an error the way the service's protocol does."""
    _, answer_headers, body = ministack_names.access_denied_response(
        call.service,
        f"{call.service}:{call.action}",
        "",
        "injected",
        error_code=fault.error,
        message=fault.message or fault.error,
        headers=headers,
    )
    return fault.status, answer_headers, body


def kill_worker(call: Request) -> None:
    """Kill the processes of the Lambda function whose credentials signed this call."""
    function = call.caller.rsplit("/", 1)[-1]
    with ministack_names.workers_lock:
        workers = [
            worker
            for key, entries in ministack_names.workers.items()
            if key.split(":")[:3] == [call.account, call.region, function]
            for worker in entries
        ]
    for worker in workers:
        process = worker._proc  # noqa: SLF001 - see ministack_names
        if process is not None:
            process.kill()


def describe(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
) -> Request:
    """Read out of a call who asks for what."""
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
    service = ministack_names.app.detect_service(method, path, headers, routing)
    target = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    action = target or (parameters.get("Action") if form else "")
    if not action:
        name = ministack_names.extract_iam_action(service, method, path, headers, body, routing)
        action = (name or "").rsplit(":", 1)[-1]
    return Request(
        service=service,
        action=action,
        account=ministack_names.get_account_id(),
        region=ministack_names.app.extract_region(headers, query_params),
        method=method,
        path=path,
        headers=headers,
        parameters=parameters,
        text=urllib.parse.unquote_plus(text) if form else text,
        access_key=ministack_names.extract_access_key_id(headers, query_params) or "",
    )


def _journal(call: Request, fault: InjectedFault | None, answer: Response) -> Call:
    status, _, body = answer
    dropped = fault is not None and fault.drop
    content: dict[str, Any] = {}
    if body[:1] == b"{":
        content = json.loads(body)
    tasks = content.get("tasks") if call.action == "RunTask" else None
    return Call(
        time=time.time(),
        account=call.account,
        service=call.service,
        action=call.action,
        client_token=str(call.parameters.get("clientToken") or ""),
        started_by=str(call.parameters.get("startedBy") or ""),
        status=0 if dropped else status,
        error=str(content.get("__type", "")).rsplit("#", 1)[-1] or (fault.error if fault else ""),
        tasks=tuple(task["taskArn"] for task in tasks or []),
        fault=fault.key if fault else "",
    )
