"""The in-process engine as `runtask.promotion` uses it, and its sessions at the emulator."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.names import PROJECT
from infra.program import main as program
from rehearsal.engine.errors import EngineError, ProtectedError
from rehearsal.engine.provider import assumed_credentials
from rehearsal.engine.run import Run, destroy, preview, up
from rehearsal.engine.state import State
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import boto3
    from types_boto3_sts.type_defs import CredentialsTypeDef

    from infra.names import Location
    from rehearsal.emulator import Emulator
    from runtask.project import Project


def _unchanged(_stack: str, config: dict[str, str]) -> dict[str, str]:
    return config


def _silent(_text: str) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class InProcessEngine:
    """Deploys a project's stacks at the emulator; see `runtask.engine.Engine`.

    Attributes:
        project: The project.
        emulator: The embedded AWS in which resources are created.
        say: Prints a line of progress.
        adapt: Returns the configuration to deploy a stack with, of its name and configuration.
        state: The stacks that exist.
    """

    project: Project
    emulator: Emulator
    say: Callable[[str], None] = _silent
    adapt: Callable[[str, dict[str, str]], dict[str, str]] = _unchanged
    state: State = field(default_factory=State)

    def outputs(self, stack: str) -> Mapping[str, Any]:
        """Return what a stack exports; empty if it was never deployed."""
        return self.state.outputs.get(f"{self.project.name}/{stack}", {})

    def preview(self, stack: str) -> bool:
        """Say what deploying a stack would change, and return whether it would change anything.

        Raises:
            RuntaskError: if the stack cannot be deployed.
        """
        with _reporting(stack):
            changes = preview(self._run(stack), state=self.state)
        for change in changes:
            self.say(f"stack {stack}: {change}")
        if not changes:
            self.say(f"stack {stack}: no changes")
        return bool(changes)

    def up(self, stack: str) -> None:
        """Deploy a stack with the roles in its file.

        Raises:
            RuntaskError: if a resource cannot be created, changed or deleted; a second call does
                the rest.
        """
        run = self._run(stack)
        with _reporting(stack):
            up(run, emulator=self.emulator, state=self.state)
        self.say(f"stack {stack}: {len(self.state.resources(run.name))} resources")

    def expect_no_changes(self, stack: str) -> None:
        """Deploy a stack again, and check that nothing changes.

        Raises:
            RuntaskError: if something changes; nothing was deployed.
        """
        run = self._run(stack)
        with _reporting(stack):
            changes = preview(run, state=self.state)
        if changes:
            raise RuntaskError(
                f"a second deployment of stack {stack} found changes: "
                + "; ".join(map(str, changes))
            )
        with _reporting(stack):
            up(run, emulator=self.emulator, state=self.state, previewed=True)
        self.say(f"stack {stack}: no changes")

    def destroy(self, stack: str) -> None:
        """Delete a stack's resources with the roles in its file; retained ones stay.

        Raises:
            RuntaskError: if a resource is protected, or cannot be deleted.
        """
        with _reporting(stack):
            destroy(self._run(stack), emulator=self.emulator, state=self.state)
        self.say(f"stack {stack}: destroyed")

    def protects(self, stack: str) -> bool:
        """Return whether a resource of a stack is protected."""
        resources = self.state.resources(f"{self.project.name}/{stack}")
        return any(resource.protected for resource in resources)

    def _run(self, stack: str) -> Run:
        return Run(
            program=program,
            project=self.project.name,
            stack=stack,
            config=self.adapt(stack, self.project.stack_config(stack)),
            folder=self.project.folder,
        )


@contextlib.contextmanager
def _reporting(stack: str) -> Iterator[None]:
    """Report an error of the engine as the command does, with the way out of a protection."""
    try:
        yield
    except ProtectedError as error:
        raise RuntaskError(
            f"stack {stack}: {error}\nit holds data; to go on: save what it holds (drain the "
            f"queue), set {PROJECT}:protect to false in Pulumi.{stack}.yaml, run pulumi up -s "
            f"{stack}, then repeat"
        ) from None
    except EngineError as error:
        raise RuntaskError(f"stack {stack}: {error}") from None


@dataclass(frozen=True, kw_only=True)
class EmulatorSessions:
    """Sessions of each account's root user; see `runtask.account.Sessions`."""

    emulator: Emulator

    def own(self, stage: str, location: Location) -> boto3.Session:
        """Return a session of the account's root user, who is one of its deployPrincipals."""
        del stage  # an account has one root user
        return self.emulator.session(location.account, location.region)

    def assumed(self, location: Location, keys: CredentialsTypeDef) -> boto3.Session:
        """Return a session of a role that was assumed."""
        return self.emulator.session(location.account, location.region, assumed_credentials(keys))
