"""What the command's exit codes mean; the README lists them."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """One enum, so that a script can rely on each number."""

    OK = 0
    FAILED = 1  # an expectation did not hold, or AWS refused
    USAGE = 2  # the command line, or a message, is not as it has to be
    CONFIG = 3  # Pulumi.yaml or a stack's file is missing or wrong
    ACCOUNT = 4  # the credentials are missing, or of another account than the stack's
    INTERRUPTED = 130  # Ctrl-C; what was started has been stopped
