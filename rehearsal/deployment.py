"""Deploys one stage, with all that it needs, into the embedded AWS; for tests and benchmarks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.names import PROJECT
from rehearsal.engine import InProcessEngine
from rehearsal.sample_account import (
    SampleAccount,
    with_names,
    with_sample_account,
    with_sample_limits,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.names import Location
    from rehearsal.emulator import Emulator
    from runtask.project import Project


@dataclass(frozen=True, kw_only=True)
class DeployedStage:
    """A stage in the embedded AWS.

    Attributes:
        location: Account and region.
        bootstrap_outputs: The outputs of the account's bootstrap stack.
        outputs: The outputs of the function stack.
        sample_account: The other resources of the account.
    """

    location: Location
    bootstrap_outputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    sample_account: SampleAccount


def deploy_stage(
    emulator: Emulator,
    project: Project,
    stage: str,
    options: Mapping[str, str] | None = None,
    bootstrap_options: Mapping[str, str] | None = None,
) -> DeployedStage:
    """Deploy bootstrap stack, sample account and function stack, in this order.

    Args:
        emulator: The embedded AWS.
        project: The project.
        stage: The stage.
        options: Options of Pulumi.yaml by name that replace those of the stage, objects as JSON.
            The bootstrap stack allows the roles and clusters in them.
        bootstrap_options: The same for the bootstrap stack.

    Raises:
        RuntaskError: if a resource cannot be created.
    """
    stage_config = project.stage_config(stage)
    location, bootstrap = stage_config.location, stage_config.bootstrap
    replaced = _qualified(options)
    limits = {
        "boundaryClusters": json.loads(replaced.get(f"{PROJECT}:clusters", "[]")),
        "boundaryRoles": [
            role
            for option in ("taskRoles", "executionRoles", "volumeRoles")
            for role in json.loads(replaced.get(f"{PROJECT}:{option}", "[]"))
        ],
    }

    def adapt(stack: str, config: dict[str, str]) -> dict[str, str]:
        if stack == bootstrap:
            config |= _qualified(bootstrap_options)
            return with_names(with_sample_limits(config, location), limits)
        return with_sample_account(config | replaced, location, options={})

    engine = InProcessEngine(project=project, emulator=emulator, adapt=adapt)
    engine.up(bootstrap)
    sample_account = SampleAccount(emulator=emulator, location=location)
    sample_account.create()
    engine.up(stage)
    return DeployedStage(
        location=location,
        bootstrap_outputs=engine.outputs(bootstrap),
        outputs=engine.outputs(stage),
        sample_account=sample_account,
    )


def _qualified(options: Mapping[str, str] | None) -> dict[str, str]:
    """Return options by their names in a stack's configuration."""
    return {f"{PROJECT}:{name}": value for name, value in (options or {}).items()}
