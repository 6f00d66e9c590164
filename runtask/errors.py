"""What goes wrong on an operator's side: a message that says what to do, and an exit code."""

from __future__ import annotations

from runtask.exit_codes import ExitCode


class RuntaskError(Exception):
    """An error that is printed without a traceback."""

    exit_code = ExitCode.FAILED


class UsageError(RuntaskError):
    """The command line, or a message, is not as it has to be."""

    exit_code = ExitCode.USAGE


class ProjectError(RuntaskError):
    """Pulumi.yaml or a stack's file is missing or wrong."""

    exit_code = ExitCode.CONFIG


class AccountError(RuntaskError):
    """The credentials are missing, or belong to another account than the stack."""

    exit_code = ExitCode.ACCOUNT
