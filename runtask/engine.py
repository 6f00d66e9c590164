"""What deploys stacks: the interface, and the Pulumi CLI behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from pulumi import automation as auto

from runtask import console
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runtask.profiles import Profiles

# Lines of the CLI's output that are quoted in an error. Its own error comes last; what comes before
# these lines is progress.
_MAX_QUOTED_LINES: Final = 15

_INSTALL: Final = "install it: https://www.pulumi.com/docs/install/"


class Engine(Protocol):
    """Deploys stacks: Pulumi for real accounts, or the in-process engine for the rehearsal."""

    def outputs(self, stack: str) -> Mapping[str, Any]:
        """Return what a stack exports; empty if it was never deployed.

        Raises:
            RuntaskError: if the outputs cannot be read.
        """

    def preview(self, stack: str) -> bool | None:
        """Show, on stderr, what deploying a stack would change.

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
            raise _error(f"cannot read the outputs of stack {stack}", error) from None
        return {name: output.value for name, output in exported.items()}

    def preview(self, stack: str) -> None:
        """Show what deploying a stack would change."""
        try:
            self._stack(stack, create=True).preview(on_output=_show, color="never")
        except auto.CommandError as error:
            raise _error(f"cannot preview stack {stack}", error) from None

    def up(self, stack: str) -> None:
        """Deploy a stack."""
        try:
            self._stack(stack, create=True).up(on_output=_show, color="never")
        except auto.CommandError as error:
            raise _error(
                f"stack {stack} was not or only partially deployed; run the command again to "
                "resume",
                error,
            ) from None

    def expect_no_changes(self, stack: str) -> None:
        """Deploy a stack again, and check that nothing changes.

        Raises:
            RuntaskError: if something changes.
        """
        try:
            self._stack(stack).up(on_output=_show, color="never", expect_no_changes=True)
        except auto.CommandError as error:
            raise _error(f"a second deployment of stack {stack} found changes", error) from None

    def destroy(self, stack: str) -> None:
        """Delete a stack's resources.

        Raises:
            RuntaskError: if not all of them were deleted.
        """
        try:
            self._stack(stack).destroy(on_output=_show, color="never")
        except auto.CommandError as error:
            raise _error(f"cannot destroy stack {stack}", error) from None

    def _stack(self, name: str, *, create: bool = False) -> auto.Stack:
        options = auto.LocalWorkspaceOptions(env_vars=self.variables(name))
        select = auto.create_or_select_stack if create else auto.select_stack
        try:
            return select(name, work_dir=str(self.folder), opts=options)
        except FileNotFoundError:
            raise RuntaskError(f"the Pulumi CLI is not on the PATH; {_INSTALL}") from None


def _show(line: str) -> None:
    console.progress(line.rstrip())


def _error(what: str, error: auto.CommandError) -> RuntaskError:
    lines = str(error).strip().splitlines()[-_MAX_QUOTED_LINES:]
    return RuntaskError(f"{what}:\n  " + "\n  ".join(lines))
