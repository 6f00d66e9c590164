"""The embedded AWS of the rehearsal: MiniStack as a child process, with an ECS stand-in.

What it answers is no evidence about AWS; it is there to run the whole kit on one machine.

`interception` is the one hook through which somebody else may change an answer.
"""

from __future__ import annotations

from rehearsal.emulator import scripts
from rehearsal.emulator.attached import AttachedEmulator
from rehearsal.emulator.child_files import write_settings
from rehearsal.emulator.clients import Credentials
from rehearsal.emulator.conditions import Conditions, MissingPath
from rehearsal.emulator.interception import (
    Disconnect,
    InterceptedCall,
    Interception,
    Interceptor,
    Shortage,
    TaskFailure,
)
from rehearsal.emulator.journal import Call
from rehearsal.emulator.process import Emulator, EmulatorError
from rehearsal.emulator.readings import KEPT, READINGS, RETRIED, Reading
from rehearsal.emulator.request import Request, Response
from rehearsal.emulator.scripts import TaskScript

# The child process imports this package too. It has no use for boto3, which costs it some 80 ms.
__all__ = [
    "KEPT",
    "READINGS",
    "RETRIED",
    "AttachedEmulator",
    "Call",
    "Conditions",
    "Credentials",
    "Disconnect",
    "Emulator",
    "EmulatorError",
    "InterceptedCall",
    "Interception",
    "Interceptor",
    "MissingPath",
    "Reading",
    "Request",
    "Response",
    "Shortage",
    "TaskFailure",
    "TaskScript",
    "scripts",
    "write_settings",
]
