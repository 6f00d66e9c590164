"""What a stage runs, what its stack and its file say it runs, and whether the three agree."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from infra.config import BUILD
from infra.names import ALIAS, function_name
from runtask.errors import RuntaskError
from runtask.promotion.access import DeployRoleSession, Sessions, assume_deploy_role
from runtask.promotion.pin import pinned
from runtask.promotion.store import Promotion, Store

if TYPE_CHECKING:
    from infra.manifest import Manifest
    from runtask.engines import Engine
    from runtask.project import Project


@dataclass(frozen=True, kw_only=True)
class StageState:
    """One stage, as it is now.

    Attributes:
        deployer: A session as the stage's deploy role.
        store: The artifact bucket of its account.
        pinned: What its file says: a digest, `build`, or nothing.
        deployed: The digest that its stack exports; empty if it was never deployed.
        running: The digest of the code that its function runs; empty if there is none.
    """

    deployer: DeployRoleSession
    store: Store
    pinned: str
    deployed: str
    running: str

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self.deployer.config.stage

    @property
    def drift(self) -> str:
        """How what runs differs from what should; empty if it does not."""
        if self.running != self.deployed:
            return (
                f"its function runs {self.running or 'nothing'}, and its stack says "
                f"{self.deployed or 'nothing'}"
            )
        if self.pinned not in {"", BUILD, self.running}:
            return (
                f"its function runs {self.running or 'nothing'}, and Pulumi.{self.stage}.yaml "
                f"says {self.pinned}"
            )
        return ""

    def manifest(self) -> Manifest | None:
        """Return what the running artifact was made of, as far as its account knows."""
        return self.store.manifest(self.running) if self.running else None

    def last_promotion(self) -> Promotion | None:
        """Return the stage's last promotion."""
        return self.store.last_promotion(self.stage)


def load_stage_state(
    project: Project, stage: str, engine: Engine, sessions: Sessions
) -> StageState:
    """Return a stage as it is now, seen as its own deploy role.

    Raises:
        ProjectError: if its file is wrong.
        AccountError: if nobody gets into its account.
        RuntaskError: if its bootstrap stack is missing, or AWS refuses.
    """
    config = project.stage_config(stage)
    bootstrap = engine.outputs(config.bootstrap)
    if not bootstrap:
        location = config.location
        raise RuntaskError(
            f"stage {stage} has no bootstrap stack {config.bootstrap}; as administrator of "
            f"account {location.account} run: pulumi up -s {config.bootstrap}"
        )
    deployer = assume_deploy_role(config, project.stack_config(stage), sessions)
    return StageState(
        deployer=deployer,
        store=Store(
            deployer=deployer,
            bucket=bootstrap["artifactBucket"],
            key_arn=bootstrap["artifactKmsKeyArn"],
            region=config.location.region,
        ),
        pinned=pinned(project.stack_file(stage)),
        deployed=engine.outputs(stage).get("artifactDigest", ""),
        running=running_digest(deployer),
    )


def running_digest(deployer: DeployRoleSession) -> str:
    """Return the SHA-256 of the code that the stage's alias points to; empty if there is none.

    Raises:
        RuntaskError: if AWS refuses.
    """
    functions = deployer.session.client("lambda")
    try:
        configuration = functions.get_function_configuration(
            FunctionName=function_name(deployer.config.stage), Qualifier=ALIAS
        )
    except functions.exceptions.ResourceNotFoundException:
        return ""
    except (BotoCoreError, ClientError) as error:
        raise RuntaskError(f"{deployer}: its function cannot be read: {error}") from None
    return base64.b64decode(configuration["CodeSha256"]).hex()
