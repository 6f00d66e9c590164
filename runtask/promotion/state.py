"""What a stage runs, what its stack exports, what its file pins, and whether the three agree."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from infra.config import BUILD
from infra.names import ALIAS, function_name
from runtask.account import (
    AccountSession,
    Sessions,
    assume_deploy_role,
    assume_read_role,
    roles_to_assume,
)
from runtask.configuration_drift import stale_variables
from runtask.errors import RuntaskError
from runtask.promotion.pin import pinned
from runtask.promotion.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.config import FunctionConfig
    from infra.manifest import Manifest
    from runtask.engine import Engine
    from runtask.project import Project
    from runtask.promotion.record import Promotion


@dataclass(frozen=True, kw_only=True)
class StageState:
    """A stage as it is now.

    Attributes:
        role: A session as the account's deploy role or read role.
        store: The artifact bucket of its account.
        pinned: The artifact in its file: a digest, `build`, or nothing.
        deployed: The digest that its stack exports; empty if it was never deployed.
        running: The digest of the code that its function runs; empty if there is none.
        stale: The environment variables that a deployment of the stage's file would change.
    """

    role: AccountSession
    store: Store
    pinned: str
    deployed: str
    running: str
    stale: tuple[str, ...] = ()

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self.role.config.stage

    @property
    def drift(self) -> str:
        """What the function runs instead of what it should; empty if there is no drift."""
        found = f"its function runs {self.running or 'nothing'}"
        if self.running != self.deployed:
            return f"{found}, and its stack exports {self.deployed or 'nothing'}"
        if self.pinned not in {"", BUILD, self.running}:
            return f"{found}, and Pulumi.{self.stage}.yaml pins {self.pinned}"
        return ""

    @property
    def configuration_drift(self) -> str:
        """What of the stage's file was not deployed; empty if all was, as far as it is known."""
        if not self.stale:
            return ""
        return (
            f"its function was deployed with other options than Pulumi.{self.stage}.yaml has "
            f"({', '.join(self.stale)}); to deploy them, run: pulumi up -s {self.stage}"
        )

    def manifest(self) -> Manifest | None:
        """Return the manifest of the running artifact; None if its account has none."""
        return self.store.manifest(self.running) if self.running else None

    def origin(self, last: Promotion | None) -> tuple[str, bool]:
        """Return the commit of the running artifact, and whether it has uncommitted changes.

        The commit is empty if it is not known.

        Args:
            last: The stage's last promotion. Its record is later than the manifest beside the
                promoted artifact, which is written once.
        """
        if last is not None and last.digest == self.running:
            return last.commit, not last.verified
        manifest = self.manifest()
        return (manifest.commit, manifest.dirty) if manifest else ("", False)

    def last_promotion(self) -> Promotion | None:
        """Return the stage's last promotion or rollback; None if there was none."""
        return self.store.last_promotion(self.stage)


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A stage in one line.

    Attributes:
        stage: The stage's name.
        account: Its account.
        region: Its region.
        pinned: The artifact in its file: a digest, `build`, or nothing.
        running: The digest of the code that its function runs; empty if there is none.
        commit: The last git commit of the running artifact's sources, if known.
        dirty: Whether it was built from that commit with uncommitted changes, or nobody compared.
        previous: The digest that it ran before its last promotion; empty if there was none.
        promoted: Time and source of its last promotion, and whether that changed only the
            configuration; empty if there was none.
        drift: Empty if there is none; `unknown: ` and the error if the stage cannot be read.
    """

    stage: str
    account: str
    region: str
    pinned: str = ""
    running: str = ""
    commit: str = ""
    dirty: bool = False
    previous: str = ""
    promoted: str = ""
    drift: str = ""


def load_stage_state(
    project: Project, stage: str, engine: Engine, sessions: Sessions, *, read_only: bool = False
) -> StageState:
    """Return a stage as it is now.

    Args:
        project: The Pulumi files.
        stage: The stage's name.
        engine: Knows the outputs of the stacks.
        sessions: The operator's credentials.
        read_only: Read it as the account's read role, and not as its deploy role.

    Raises:
        ProjectError: if the stage's file is missing or invalid.
        AccountError: if the role cannot be assumed.
        RuntaskError: if the bootstrap stack was never deployed, or before it had a read role, or
            AWS rejects a request.
    """
    config = project.stage_config(stage)
    bootstrap = engine.outputs(config.bootstrap)
    if not bootstrap:
        raise RuntaskError(
            f"stage {stage} has no bootstrap stack {config.bootstrap}; as administrator of "
            f"account {config.location.account} run: pulumi up -s {config.bootstrap}"
        )
    values = project.stack_config(stage)
    if read_only:
        _expect_read_role(config, values, bootstrap)
    assume = assume_read_role if read_only else assume_deploy_role
    role = assume(config, values, sessions)
    running, variables = _running(role)
    return StageState(
        role=role,
        store=Store(
            role=role,
            bucket=bootstrap["artifactBucket"],
            kms_key_arn=bootstrap["artifactKmsKeyArn"],
            region=config.location.region,
        ),
        pinned=pinned(project.stack_file(stage)),
        deployed=engine.outputs(stage).get("artifactDigest", ""),
        running=running,
        stale=tuple(stale_variables(config, variables)) if running else (),
    )


def _expect_read_role(
    config: FunctionConfig, values: Mapping[str, str], bootstrap: Mapping[str, object]
) -> None:
    """Check that an account has a read role, where its deploy role is the kit's own.

    Raises:
        RuntaskError: if the bootstrap stack was last deployed when there was none.
    """
    location = config.location
    own = any(role["roleArn"] == location.deploy_role_arn for role in roles_to_assume(values))
    if own and "readRoleArn" not in bootstrap:
        raise RuntaskError(
            f"stage {config.stage} cannot be read: its bootstrap stack {config.bootstrap} has no "
            f"read role yet; as administrator of account {location.account} run: pulumi up -s "
            f"{config.bootstrap}"
        )


def running_digest(role: AccountSession) -> str:
    """Return the SHA-256 of the code that the stage's alias points to; empty if there is none.

    Raises:
        RuntaskError: if AWS rejects the request.
    """
    return _running(role)[0]


def _running(role: AccountSession) -> tuple[str, Mapping[str, str]]:
    """Return digest and environment of the function that the stage's alias points to."""
    functions = role.session.client("lambda")
    name = function_name(role.config.stage)
    try:
        configuration = functions.get_function_configuration(FunctionName=name, Qualifier=ALIAS)
    except functions.exceptions.ResourceNotFoundException:
        return "", {}
    except (BotoCoreError, ClientError) as error:
        raise RuntaskError(
            f"{role.identity} cannot read function {name} of {role}: {error}"
        ) from None
    variables = configuration.get("Environment", {}).get("Variables", {})
    return base64.b64decode(configuration["CodeSha256"]).hex(), variables


def overview(project: Project, stage: str, engine: Engine, sessions: Sessions) -> Overview:
    """Return a stage in one line; a stage that cannot be read must not hide the others.

    Args:
        project: The Pulumi files.
        stage: The stage's name.
        engine: Knows the outputs of the stacks.
        sessions: The operator's credentials.

    Raises:
        ProjectError: if the stage's file is missing or invalid.
    """
    location = project.stage_config(stage).location
    try:
        state = load_stage_state(project, stage, engine, sessions, read_only=True)
        last = state.last_promotion()
        commit, dirty = state.origin(last)
    except RuntaskError as error:
        return Overview(
            stage=stage, account=location.account, region=location.region, drift=f"unknown: {error}"
        )
    return Overview(
        stage=stage,
        account=location.account,
        region=location.region,
        pinned=state.pinned,
        running=state.running,
        commit=commit,
        dirty=dirty,
        previous=last.previous if last else "",
        promoted=str(last) if last else "",
        drift=state.drift or state.configuration_drift,
    )
