"""The side of the emulator's process: finds the fault that hits a call, and applies it."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rehearsal.emulator import Disconnect, Shortage, TaskFailure
from rehearsal.fault_injection.faults import faults_file, read_faults

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.emulator import InterceptedCall, Request, Response
    from rehearsal.fault_injection.faults import InjectedFault


@dataclass(kw_only=True)
class TokenBucket:
    """A token bucket, full at the start.

    Attributes:
        rate: Tokens that are added each second.
        burst: Tokens that the full bucket holds.
    """

    rate: float
    burst: int
    _tokens: float = field(init=False)
    _filled_at: float = field(init=False, default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._tokens = float(self.burst)

    def take(self) -> bool:
        """Take a token, and return whether there was one."""
        now = time.monotonic()
        self._tokens = min(float(self.burst), self._tokens + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True, kw_only=True)
class FaultyAnswer:
    """One fault that hits one call; see `rehearsal.emulator.Interception`."""

    fault: InjectedFault

    @property
    def key(self) -> str:
        """The fault's key."""
        return self.fault.key

    async def answer(self, call: InterceptedCall) -> Response:
        """Apply the fault.

        Raises:
            Disconnect: if the fault drops the connection.
        """
        fault = self.fault
        await asyncio.sleep(fault.delay_seconds)
        replaces = fault.error or fault.drop or fault.kill
        response = None
        if fault.after or not replaces:
            response = await call.proceed(self._task_failure(), self._shortage())
        if fault.kill:
            call.kill_caller()
        if fault.drop:
            raise Disconnect(response)
        if fault.error:
            return call.error(fault.error, fault.message or fault.error, fault.status)
        return response or (503, {}, b"")

    def _shortage(self) -> Shortage | None:
        if not self.fault.reason:
            return None
        return Shortage(
            reason=self.fault.reason, tasks=self.fault.tasks, unreported=self.fault.unreported
        )

    def _task_failure(self) -> TaskFailure | None:
        if not self.fault.stopped_reason:
            return None
        return TaskFailure(reason=self.fault.stopped_reason, stop_code=self.fault.stop_code)


class FaultInjector:
    """The faults as the parent wrote them, and how often each was used.

    The emulator's process makes it; see `rehearsal.emulator.Interceptor`.

    Args:
        folder: The emulator's private folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._version: tuple[int, int] | None = None
        self._faults: list[InjectedFault] = []
        self._used: dict[str, int] = {}
        self._buckets: dict[str, TokenBucket] = {}

    def match(self, request: Request) -> FaultyAnswer | None:
        """Return the first fault that hits a call, and count it."""
        with self._lock:
            self._read()
            for fault in self._faults:
                if self._hits(fault, request):
                    self._used[fault.key] = self._used.get(fault.key, 0) + 1
                    return FaultyAnswer(fault=fault)
        return None

    def _hits(self, fault: InjectedFault, request: Request) -> bool:
        if not _matches(fault, request):
            return False
        if fault.times is not None and self._used.get(fault.key, 0) >= fault.times:
            return False
        if fault.rate is None:
            return True
        bucket = self._buckets.setdefault(
            fault.key, TokenBucket(rate=fault.rate, burst=fault.burst)
        )
        return not bucket.take()

    def _read(self) -> None:
        try:
            status = faults_file(self._folder).stat()
        except FileNotFoundError:
            return
        # Each change is a new file: the inode differs even if two changes share a timestamp.
        version = (status.st_ino, status.st_mtime_ns)
        if version != self._version:
            self._version, self._faults = version, read_faults(self._folder)


def _matches(fault: InjectedFault, request: Request) -> bool:
    return (
        fault.service == request.service
        and fault.action in ("*", request.action)
        and fault.account in ("", request.account)
        and fault.match in request.text
        and fault.also in request.text
    )
