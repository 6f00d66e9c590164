"""Asks before something is done that cannot be undone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import UsageError

if TYPE_CHECKING:
    from runtask.stage_access import StageAccess


def require_terminal(*, yes: bool, what: str) -> None:
    """Check that somebody can be asked; to be called before anything else is.

    Args:
        yes: Whether the command line has answered already.
        what: What `--yes` does without asking, such as `stop tasks`.

    Raises:
        UsageError: if nobody can.
    """
    if not yes and not sys.stdin.isatty():
        raise UsageError(f"no terminal to ask for confirmation; pass --yes to {what} without it")


def confirmed(access: StageAccess, question: str, *, yes: bool) -> bool:
    """Say which account, region and stack is changed, and return whether the operator agrees.

    Args:
        access: The stage.
        question: What is asked, such as `Stop 3 tasks?`.
        yes: Whether the command line has answered already.
    """
    console.progress(f"{access}, as {access.account.identity}")
    return yes or click.confirm(console.printable(question), err=True)
