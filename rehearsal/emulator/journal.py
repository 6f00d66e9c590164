"""The journal of calls: the child process writes it, the parent reads it.

Standard library only: parent and child both import it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rehearsal.emulator.layout import calls_file

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call that the emulator answered: all of ECS, and of other services the intercepted ones.

    Attributes:
        time: When it was answered, in seconds since 1970.
        account: The account of the caller.
        service: The service as endpoints name it.
        action: The API action.
        client_token: RunTask's `clientToken`.
        started_by: RunTask's `startedBy`.
        status: The HTTP status of the answer; 0 if the connection was closed without one.
        error: The error code of the answer, or empty.
        tasks: The ARNs of the tasks in RunTask's answer, or that it had started.
        interception: The key of the interception, or empty.
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
    interception: str = ""


def write_call(folder: Path, call: Call) -> None:
    """Add a call to the journal in the emulator's folder."""
    with calls_file(folder).open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(asdict(call)) + "\n")


def read_calls(folder: Path) -> list[Call]:
    """Return the calls in the journal in the emulator's folder, oldest first."""
    try:
        lines = calls_file(folder).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    records = (json.loads(line) for line in lines)
    return [Call(**{**record, "tasks": tuple(record["tasks"])}) for record in records]
