"""What deploys stacks: the interface, and the Pulumi CLI behind it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from pulumi import automation as auto

from runtask import console
from runtask.errors import RuntaskError
from runtask.pulumi_errors import command_failed
from runtask.pulumi_output import Output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from runtask.profiles import Profiles

_INSTALL: Final = "install it: https://www.pulumi.com/docs/install/"

# What a resource is counted as that would stay as it is.
_SAME: Final = "same"


class Engine(Protocol):
    """Deploys stacks: Pulumi for real accounts, or the in-process engine for the rehearsal."""

    def outputs(self, stack: str) -> Mapping[str, Any]:
        """Return what a stack exports; empty if it was never deployed.

        Raises:
            RuntaskError: if the outputs cannot be read.
        """

    def preview(self, stack: str) -> bool:
        """Show, on stderr, what deploying a stack would change.

        Returns:
            Whether deploying would change anything; True if the engine cannot tell.

        Raises:
            RuntaskError: if the stack cannot be previewed.
        """

    def up(self, stack: str) -> None:
        """Deploy a stack with the configuration in its file.

        Raises:
            RuntaskError: if the stack was not or only partially deployed; a second call resumes.
        """


@dataclass(frozen=True, kw_only=True)
class PulumiEngine:
    """Deploys the stacks of a project with the Pulumi CLI, in the backend it is logged in to.

    Attributes:
        folder: The folder of Pulumi.yaml.
        variables: Returns environment variables for the CLI by stack, besides the shell's.
    """

    folder: Path
    variables: Callable[[str], dict[str, str]] = field(default=lambda _stack: {})

    @classmethod
    def with_profiles(cls, folder: Path, profiles: Profiles) -> Self:
        """Return an engine that deploys each stack with the AWS profile of its stage."""

        def variables(stack: str) -> dict[str, str]:
            profile = profiles.profile(stack)
            return {"AWS_PROFILE": profile} if profile else {}

        return cls(folder=folder, variables=variables)

    def outputs(self, stack: str) -> Mapping[str, Any]:
        """Return what a stack exports; empty if it was never deployed."""
        try:
            exported = self._stack(stack).outputs()
        except auto.StackNotFoundError:
            return {}
        except auto.CommandError as error:
            what = f"cannot read the outputs of stack {stack}"
            raise command_failed(what, stack, error) from None
        return {name: output.value for name, output in exported.items()}

    def preview(self, stack: str) -> bool:
        """Show what deploying a stack would change; return whether it would change anything."""
        with self._reporting(f"cannot preview stack {stack}", stack) as output:
            result = self._stack(stack, create=True).preview(**_to(output))
        return any(count for change, count in result.change_summary.items() if change != _SAME)

    def up(self, stack: str) -> None:
        """Deploy a stack."""
        what = f"stack {stack} was not or only partially deployed; run the command again to resume"
        with self._reporting(what, stack) as output:
            self._stack(stack, create=True).up(**_to(output))

    def expect_no_changes(self, stack: str) -> None:
        """Deploy a stack again, then read every resource, and check that nothing changes.

        Raises:
            RuntaskError: if something changes.
        """
        what = f"a second deployment of stack {stack} found changes"
        with self._reporting(what, stack) as output:
            self._stack(stack).up(**_to(output), expect_no_changes=True, diff=True)
        with self._reporting(f"resources of stack {stack} have drifted", stack) as output:
            self._stack(stack).refresh(**_to(output), expect_no_changes=True)

    def destroy(self, stack: str) -> None:
        """Delete a stack's resources.

        Raises:
            RuntaskError: if a resource is protected, or not all of them were deleted.
        """
        # Without the preview, the CLI deletes what a protected resource does not need, and only
        # then refuses.
        what = f"cannot destroy stack {stack}; nothing was deleted"
        with self._reporting(what, stack) as output:
            self._stack(stack).preview_destroy(**_to(output))
        with self._reporting(f"cannot destroy stack {stack}", stack) as output:
            self._stack(stack).destroy(**_to(output))

    def protects(self, stack: str) -> bool:
        """Return whether a resource of a stack is protected.

        Raises:
            RuntaskError: if the stack's state cannot be read.
        """
        try:
            deployment = self._stack(stack).export_stack().deployment or {}
        except auto.CommandError as error:
            raise command_failed(f"cannot read the state of stack {stack}", stack, error) from None
        return any(resource.get("protect") for resource in deployment.get("resources") or ())

    @contextlib.contextmanager
    def _reporting(self, what: str, stack: str) -> Iterator[Output]:
        """Show the progress of a command, and raise its errors as one that starts with `what`."""
        with Output(say=console.progress) as output:
            try:
                yield output
            except auto.CommandError as error:
                raise command_failed(what, stack, error, output.diagnostics) from None

    def _stack(self, name: str, *, create: bool = False) -> auto.Stack:
        options = auto.LocalWorkspaceOptions(env_vars=self.variables(name))
        select = auto.create_or_select_stack if create else auto.select_stack
        try:
            return select(name, work_dir=str(self.folder), opts=options)
        except FileNotFoundError:
            raise RuntaskError(f"the Pulumi CLI is not on the PATH; {_INSTALL}") from None
        except auto.InvalidVersionError as error:
            raise RuntaskError(f"{error} {_INSTALL}") from None


def _to(output: Output) -> dict[str, Any]:
    """Return the options that send a command's output there."""
    return {"on_output": output.line, "on_event": output.event, "color": "never"}
