"""The command's exit codes, and the errors that are reported with one of them.

An error says what was found, where, what is expected, and the command that fixes it.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """What the command's exit codes mean; a script can rely on each number.

    Attributes:
        meaning: One line, for the help and for docs/command.md.
    """

    meaning: str

    def __new__(cls, number: int, meaning: str) -> Self:
        """Make a member that is its number and knows its meaning."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.meaning = meaning
        return member

    OK = 0, "done"
    FAILED = 1, "a check failed, the answer was no, or AWS or Pulumi rejected a request"
    USAGE = 2, "the command line or a message is invalid"
    CONFIG = 3, "Pulumi.yaml or a stack's file is missing or invalid"
    ACCOUNT = 4, "the credentials are missing, invalid or of another account"
    UNKNOWN_KEY = 5, "nothing is known of a key"
    REJECTED = 110, "send --wait: a message was rejected, or expired in the queue"
    NEVER_STARTED = 111, "send --wait: no container of a task ever ran"
    TIMED_OUT = 112, "send --wait: a task was stopped because of maxRuntime"
    STOPPED = 113, "send --wait: a task was stopped by somebody or something else"
    NO_EXIT_CODE = 114, "send --wait: a task failed without an exit code of 1 to 255"
    WAIT_TIMEOUT = 124, "send --wait: --timeout has passed"
    INTERRUPTED = 130, "interrupted; every process of the command was stopped"


class RuntaskError(Exception):
    """An error that an operator can fix; printed without a traceback."""

    exit_code: int = ExitCode.FAILED


class UsageError(RuntaskError):
    """The command line or a message is invalid."""

    exit_code = ExitCode.USAGE


class ProjectError(RuntaskError):
    """Pulumi.yaml or a stack's file is missing or invalid."""

    exit_code = ExitCode.CONFIG


class AccountError(RuntaskError):
    """The credentials are missing, invalid, or of another account than the stage's."""

    exit_code = ExitCode.ACCOUNT


class UnknownKeyError(RuntaskError):
    """Nothing is known of a key."""

    exit_code = ExitCode.UNKNOWN_KEY
