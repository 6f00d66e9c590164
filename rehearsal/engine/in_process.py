"""The rehearsal's side of a promotion: deploys in this process, and signs in at the emulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.program import main as program
from rehearsal.emulator import Credentials, Emulator
from rehearsal.engine import EngineError, State, up
from runtask.errors import RuntaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3
    from types_boto3_sts.type_defs import CredentialsTypeDef

    from infra.names import Location
    from runtask.project import Project


@dataclass(frozen=True, kw_only=True)
class InProcessEngine:
    """Deploys a project's stacks at the emulator; see `runtask.engine.Engine`.

    Attributes:
        adapt: Returns a stack's configuration as the rehearsal wants it.
    """

    project: Project
    emulator: Emulator
    say: Callable[[str], None]
    adapt: Callable[[str, dict[str, str]], dict[str, str]]
    state: State = field(default_factory=State)

    def outputs(self, stack: str) -> Mapping[str, Any]:
        """Return what a stack exports; empty if it was never deployed."""
        return self.state.outputs.get(f"{self.project.name}/{stack}", {})

    def preview(self, stack: str) -> None:
        """Say that there is none: this engine knows no difference."""
        self.say(f"stack {stack}: the in-process engine has no preview")

    def up(self, stack: str) -> None:
        """Deploy a stack as the roles in its file.

        Raises:
            RuntaskError: if a resource cannot be made; a second call makes the rest.
        """
        try:
            up(
                program,
                project=self.project.name,
                stack=stack,
                config=self.adapt(stack, self.project.stack_config(stack)),
                emulator=self.emulator,
                state=self.state,
                folder=self.project.folder,
            )
        except EngineError as error:
            raise RuntaskError(f"stack {stack}: {error}") from None
        made = len(self.state.resources(f"{self.project.name}/{stack}"))
        self.say(f"stack {stack}: {made} resources")


@dataclass(frozen=True, kw_only=True)
class EmulatorSessions:
    """Signs in as the root user of whatever account is asked for; the roles come after that."""

    emulator: Emulator

    def own(self, stage: str, location: Location) -> boto3.Session:
        """Return a session of the account's root user, who is one of its deployPrincipals."""
        del stage  # an account has one root user
        return self.emulator.session(location.account, location.region)

    def assumed(self, location: Location, keys: CredentialsTypeDef) -> boto3.Session:
        """Return a session with the keys of a role that was assumed."""
        credentials = Credentials(
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
            token=keys["SessionToken"],
        )
        return self.emulator.session(location.account, location.region, credentials)
