"""What tests and benchmarks may break in the emulator, and what they can read back.

Both sides share this file: the parent writes faults into a private file, the child reads
them before each call. Nothing but the standard library is imported here.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FAULTS_FILE = "faults.json"
CALLS_FILE = "calls.jsonl"


@dataclass(frozen=True, kw_only=True)
class InjectedFault:
    """One thing that goes wrong with a call of the emulator.

    The first fault that matches a call is used. Without an effect it only delays.

    Args:
        service: The service as endpoints name it: `ecs`, `sqs`, `sns`, `s3`, `lambda`, `dynamodb`.
        action: The API action, for example `RunTask` or `SendMessage`; `*` is any.
        account: Only calls of this account; empty is any.
        match: A text that the call's body must hold, for example a cluster or a client token.
        times: How many calls it hits; None is every one.
        error: The error code of the answer, for example `ThrottlingException`.
        message: The error's text.
        status: The HTTP status of the error.
        reason: RunTask only: answer with `failures[].reason` instead of a task.
        drop: Close the connection without an answer.
        kill: Kill the Lambda function's process that made the call.
        after: Let the call happen first, then spoil its answer.
        delay_seconds: Wait this long before anything else.
        rate: Calls a second that pass; more are answered with `error`. None is no bucket.
        burst: How many calls a full bucket holds.
        stopped_reason: RunTask only: the task stops in PROVISIONING with this reason.
        stop_code: The stop code that goes with it.
    """

    service: str = "ecs"
    action: str = "RunTask"
    account: str = ""
    match: str = ""
    times: int | None = None
    error: str = ""
    message: str = ""
    status: int = 400
    reason: str = ""
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
    """Return a token bucket: `rate` calls a second pass, the others get ThrottlingException."""
    return InjectedFault(
        service=service,
        action=action,
        rate=rate,
        burst=burst,
        error="ThrottlingException",
        message="Rate exceeded",
    )


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call that the emulator saw: every call of ECS, and of others those a fault hit.

    Args:
        time: When it was answered, in seconds since 1970.
        account: The account of the caller.
        service: The service, as in `InjectedFault`.
        action: The API action.
        client_token: RunTask's `clientToken`.
        started_by: RunTask's `startedBy`.
        status: The HTTP status of the answer; 0 when the connection was closed without one.
        error: The error code of the answer, or empty.
        tasks: The ARNs of the tasks in RunTask's answer, or that it had started.
        fault: The key of the fault that hit it, or empty.
    """

    time: float
    account: str
    service: str
    action: str
    client_token: str = ""
    started_by: str = ""
    status: int = 200
    error: str = ""
    tasks: tuple[str, ...] = ()
    fault: str = ""


def write_faults(folder: Path, faults: Iterable[InjectedFault]) -> None:
    """Put the faults in force for the emulator of this folder, in one step."""
    new = folder / f"{FAULTS_FILE}.{uuid.uuid4().hex}"
    new.write_text(json.dumps([asdict(fault) for fault in faults]), encoding="utf-8")
    new.replace(folder / FAULTS_FILE)


def read_faults(folder: Path) -> list[InjectedFault]:
    """Return the faults in force for the emulator of this folder."""
    try:
        text = (folder / FAULTS_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [InjectedFault(**values) for values in json.loads(text)]


def write_call(folder: Path, call: Call) -> None:
    """Add a call to the journal of the emulator of this folder."""
    with (folder / CALLS_FILE).open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(asdict(call)) + "\n")


def read_calls(folder: Path) -> list[Call]:
    """Return the calls that the emulator of this folder saw, oldest first."""
    try:
        lines = (folder / CALLS_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    records = (json.loads(line) for line in lines)
    return [Call(**{**record, "tasks": tuple(record["tasks"])}) for record in records]
