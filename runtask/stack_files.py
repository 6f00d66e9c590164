"""Checks all stack files of a project at once, before anything is deployed.

A single stack is checked when it is used. What is wrong between two files shows only here, and a
mistake in the second account shows before the first one has been changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.bootstrap_config import read_bootstrap_config
from infra.config_reader import ConfigError
from infra.names import BOOTSTRAP_SUFFIX
from runtask.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from infra.names import Location
    from runtask.project import Project


def check_stack_files(project: Project) -> None:
    """Check every stack file of a project, and that they fit together.

    Raises:
        ProjectError: with every problem, each with file, key and fix.
    """
    problems: list[str] = []
    bootstraps: dict[str, Location] = {}
    for stack in project.stacks():
        try:
            if stack.endswith(BOOTSTRAP_SUFFIX):
                config = read_bootstrap_config(stack, project.stack_config(stack).get)
                bootstraps[stack] = config.location
            else:
                project.stage_config(stack)
        except (ConfigError, ProjectError) as error:
            problems.append(str(error))
    problems += _shared_accounts(bootstraps)
    if not problems:
        problems += _stages_elsewhere(project, bootstraps)
    if problems:
        raise ProjectError("\n".join(problems))


def _shared_accounts(bootstraps: dict[str, Location]) -> Iterator[str]:
    """Yield the bootstrap stacks that would make the same roles."""
    first: dict[Location, str] = {}
    for stack, location in bootstraps.items():
        other = first.setdefault(location, stack)
        if other != stack:
            yield (
                f"Pulumi.{stack}.yaml: account {location.account}, region {location.region} has "
                f"the bootstrap stack {other} already; delete this file, and set "
                f"ecs-run-task:bootstrap to {other} in the stages of the account"
            )


def _stages_elsewhere(project: Project, bootstraps: dict[str, Location]) -> Iterator[str]:
    """Yield the stages whose bootstrap stack is in another account or region."""
    for stage in project.stages():
        config = project.stage_config(stage)
        found = bootstraps.get(config.bootstrap)
        if found is not None and found != config.location:
            yield (
                f"Pulumi.{stage}.yaml: the stage is in account {config.location.account}, region "
                f"{config.location.region}, and its bootstrap stack {config.bootstrap} in account "
                f"{found.account}, region {found.region}; expected the same of both"
            )
