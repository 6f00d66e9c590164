"""The hook for changing what the emulator answers, for example to inject a fault.

The emulator itself changes nothing. A subclass of `Emulator` names an interceptor in its class
attribute `interceptor`, as `module:factory`; the child process imports the module and calls the
factory with the emulator's folder. The interceptor sees every signed call before the emulator
does. Parent and child import this module: standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rehearsal.emulator.request import Request, Response


@dataclass(frozen=True, kw_only=True)
class TaskFailure:
    """A reason for which the tasks of a RunTask call are stopped by ECS.

    Attributes:
        reason: The task's `stoppedReason`.
        stop_code: The task's `stopCode`.
        status: The `lastStatus` in which it happens. Only in RUNNING have containers started.
        container_reason: The `reason` of its containers; empty if they have none.
    """

    reason: str
    stop_code: str = "TaskFailedToStart"
    status: str = "PROVISIONING"
    container_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """A reason for which a RunTask call does not start all of its tasks.

    Attributes:
        reason: The `reason` of each entry in `failures`.
        tasks: How many tasks are started and answered.
        unreported: How many of the others are started although they are answered as failures.
    """

    reason: str
    tasks: int = 0
    unreported: int = 0


class Disconnect(Exception):  # noqa: N818 - an order, not an error
    """Close the caller's connection without an answer.

    Args:
        response: What the call was answered with before, for the journal; None if it was not made.
    """

    def __init__(self, response: Response | None = None) -> None:
        super().__init__("the connection is closed without an answer")
        self.response = response


class InterceptedCall(Protocol):
    """One call on its way, and what can be done with it."""

    @property
    def request(self) -> Request:
        """The call."""

    async def proceed(
        self, task_failure: TaskFailure | None = None, shortage: Shortage | None = None
    ) -> Response:
        """Let the emulator answer the call.

        Args:
            task_failure: Why the tasks that the call starts stop before they run.
            shortage: Why the call does not start all of its tasks.
        """

    def error(self, code: str, message: str, status: int) -> Response:
        """Return an error, worded in the protocol of the service that was called.

        Args:
            code: The error code, for example `ThrottlingException`.
            message: The error's text.
            status: The HTTP status.
        """

    def kill_caller(self) -> None:
        """Kill the processes of the Lambda function that made the call."""


class Interception(Protocol):
    """What happens to one call."""

    @property
    def key(self) -> str:
        """Written into the journal with the call."""

    async def answer(self, call: InterceptedCall) -> Response:
        """Return the answer to a call.

        Raises:
            Disconnect: if the connection is to be closed instead.
        """


class Interceptor(Protocol):
    """Chooses the calls whose answers change."""

    def match(self, request: Request) -> Interception | None:
        """Return what happens to a call, or None for the ordinary answer."""
