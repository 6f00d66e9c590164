"""Deploys with the Pulumi CLI, through its Automation API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pulumi import automation as auto

from runtask import console
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

# The CLI prints its own error last; more than this is its progress.
_TAIL_LINES = 15

_INSTALL = "install it (https://www.pulumi.com/docs/install/)"


@dataclass(frozen=True, kw_only=True)
class PulumiEngine:
    """Deploys the stacks of a project's folder, in the backend that the CLI is logged in to.

    Attributes:
        folder: The folder of Pulumi.yaml.
        variables: Returns environment variables for the CLI by stack, besides the shell's.
    """

    folder: Path
    variables: Callable[[str], dict[str, str]] = field(default=lambda _stack: {})

    def outputs(self, stack: str) -> Mapping[str, Any]:
        """Return what a stack exports; empty if it was never deployed."""
        try:
            exported = self._stack(stack).outputs()
        except auto.StackNotFoundError:
            return {}
        except auto.CommandError as error:
            raise _told(f"the outputs of stack {stack} cannot be read", error) from None
        return {name: output.value for name, output in exported.items()}

    def preview(self, stack: str) -> None:
        """Show what deploying a stack would change."""
        try:
            self._stack(stack, create=True).preview(on_output=_show, color="never")
        except auto.CommandError as error:
            raise _told(f"stack {stack} cannot be previewed", error) from None

    def up(self, stack: str) -> None:
        """Deploy a stack."""
        try:
            self._stack(stack, create=True).up(on_output=_show, color="never")
        except auto.CommandError as error:
            raise _told(f"stack {stack} was not deployed whole; run it again", error) from None

    def expect_no_changes(self, stack: str) -> None:
        """Deploy a stack once more, which must have nothing to change.

        Raises:
            RuntaskError: if it has.
        """
        try:
            self._stack(stack).up(on_output=_show, color="never", expect_no_changes=True)
        except auto.CommandError as error:
            raise _told(f"stack {stack} changes although nothing changed", error) from None

    def destroy(self, stack: str) -> None:
        """Take a stack's resources away."""
        try:
            self._stack(stack).destroy(on_output=_show, color="never")
        except auto.CommandError as error:
            raise _told(f"stack {stack} was not destroyed", error) from None

    def _stack(self, name: str, *, create: bool = False) -> auto.Stack:
        options = auto.LocalWorkspaceOptions(env_vars=self.variables(name))
        select = auto.create_or_select_stack if create else auto.select_stack
        try:
            return select(name, work_dir=str(self.folder), opts=options)
        except FileNotFoundError:
            raise RuntaskError(f"the Pulumi CLI is not on the PATH; {_INSTALL}") from None


def _show(line: str) -> None:
    console.progress(line.rstrip())


def _told(what: str, error: auto.CommandError) -> RuntaskError:
    words = str(error).strip().splitlines()[-_TAIL_LINES:]
    return RuntaskError(f"{what}:\n  " + "\n  ".join(words))
