"""The in-process engine as `runtask.promotion` uses it, and its sessions at the emulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.program import main as program
from rehearsal.engine.errors import EngineError
from rehearsal.engine.provider import assumed_credentials
from rehearsal.engine.run import Run, up
from rehearsal.engine.state import State
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

    def preview(self, stack: str) -> None:
        """Say that this engine has no preview: it does not compute differences."""
        self.say(f"stack {stack}: the in-process engine has no preview")

    def up(self, stack: str) -> None:
        """Deploy a stack with the roles in its file.

        Raises:
            RuntaskError: if a resource cannot be created; a second call creates the rest.
        """
        run = Run(
            program=program,
            project=self.project.name,
            stack=stack,
            config=self.adapt(stack, self.project.stack_config(stack)),
            folder=self.project.folder,
        )
        try:
            up(run, emulator=self.emulator, state=self.state)
        except EngineError as error:
            raise RuntaskError(f"stack {stack}: {error}") from None
        self.say(f"stack {stack}: {len(self.state.resources(run.name))} resources")


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
