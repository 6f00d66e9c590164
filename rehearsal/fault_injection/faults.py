"""The faults that can be injected, and the file in which the emulator's process finds them.

The parent writes the faults into the emulator's private folder, the child reads them before each
call.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from rehearsal.emulator import write_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class InjectedFault:
    """One thing that goes wrong with a call of the embedded AWS.

    Attributes:
        service: The service as endpoints name it: `ecs`, `sqs`, `sns`, `s3`, `lambda`, `dynamodb`.
        action: The API action, for example `RunTask` or `SendMessage`; `*` is any.
        account: Only calls of this account; empty is any.
        match: A text that the call's body contains, for example a cluster or a client token.
        also: Another text that it contains, for example a capacity provider.
        times: How many calls it hits; None is every one.
        error: The error code of the answer, for example `ThrottlingException`.
        message: The error's text.
        status: The HTTP status of the error.
        reason: RunTask only: tasks are not started, and `failures[].reason` says why. ECS
            remembers that under the client token, as the reading of its documents says.
        tasks: With `reason`: how many of the call's tasks start nevertheless.
        unreported: With `reason`: how many start besides, and are answered as failures.
        drop: Close the connection without an answer.
        kill: Kill the Lambda function's process that made the call.
        after: Let the call happen first, and replace its answer.
        delay_seconds: Wait this long before anything else.
        rate: Calls a second that pass; more are hit by the fault. None hits every call.
        burst: Calls that pass at once, the size of the token bucket.
        stopped_reason: RunTask only: the task stops in PROVISIONING with this reason.
        stop_code: The stop code that goes with it.
        key: Identifies the fault; the journal of calls names it.
    """

    service: str = "ecs"
    action: str = "RunTask"
    account: str = ""
    match: str = ""
    also: str = ""
    times: int | None = None
    error: str = ""
    message: str = ""
    status: int = 400
    reason: str = ""
    tasks: int = 0
    unreported: int = 0
    drop: bool = False
    kill: bool = False
    after: bool = False
    delay_seconds: float = 0.0
    rate: float | None = None
    burst: int = 1
    stopped_reason: str = ""
    stop_code: str = "TaskFailedToStart"
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


def throttle(
    rate: float, burst: int = 1, *, service: str = "ecs", action: str = "RunTask"
) -> InjectedFault:
    """Return a fault that lets `rate` calls a second pass; the others get ThrottlingException.

    Args:
        rate: Calls a second that pass.
        burst: Calls that pass at once.
        service: The service as endpoints name it.
        action: The API action.
    """
    return InjectedFault(
        service=service,
        action=action,
        rate=rate,
        burst=burst,
        error="ThrottlingException",
        message="Rate exceeded",
    )


def faults_file(folder: Path) -> Path:
    """Return the file of the faults in an emulator's private folder."""
    return folder / "faults.json"


def write_faults(folder: Path, faults: Iterable[InjectedFault]) -> None:
    """Replace the faults of the emulator in a folder, atomically."""
    write_settings(faults_file(folder), [asdict(fault) for fault in faults])


def read_faults(folder: Path) -> list[InjectedFault]:
    """Return the faults of the emulator in a folder."""
    try:
        text = faults_file(folder).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [InjectedFault(**values) for values in json.loads(text)]
