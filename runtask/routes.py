"""The way of the artifact through the stages of a project, as its stack files say it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.config import BUILD
from infra.names import PROJECT
from runtask.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.names import Location
    from runtask.project import Project


@dataclass(frozen=True, kw_only=True)
class Route:
    """How a stage gets its artifact.

    Attributes:
        stage: The stage.
        source: The stage that it is promoted from; empty for a stage that builds it.
    """

    stage: str
    source: str


def locations_by_stack(project: Project) -> dict[str, Location]:
    """Return account and region of every stage and of its bootstrap stack.

    Raises:
        ProjectError: if a file is missing or invalid, or there is no stage.
    """
    locations: dict[str, Location] = {}
    for stage in project.stages():
        config = project.stage_config(stage)
        project.stack_config(config.bootstrap)  # a missing file is an error that names it
        locations[stage] = locations[config.bootstrap] = config.location
    if not locations:
        raise ProjectError(
            f"no Pulumi.STAGE.yaml in {project.folder.resolve()}; to write them, run: runtask init"
        )
    return locations


def routes(project: Project) -> list[Route]:
    """Return every stage, each after the one that it is promoted from.

    A stage that builds comes first. Any other is promoted from the first stage that its account may
    read artifacts of, which is one of the same account, or of one in `artifactSources`.

    Raises:
        ProjectError: if no stage builds the artifact, or a file is wrong.
    """
    stages = project.stages()
    values = {stage: project.stack_config(stage) for stage in stages}
    builders = [stage for stage in stages if values[stage][f"{PROJECT}:artifact"] == BUILD]
    if not builders:
        raise ProjectError(
            f"no stage of {', '.join(stages)} builds its artifact; for the first one, run: pulumi "
            f"config set {PROJECT}:artifact {BUILD} -s {stages[0]}"
        )
    found = dict.fromkeys(builders, "")
    waiting = [stage for stage in stages if stage not in found]
    while waiting:
        readable = {stage: _first_readable(project, stage, found) for stage in waiting}
        stage = next((one for one in waiting if readable[one]), waiting[0])
        # Where no file allows it, the promotion says what is missing.
        found[stage] = readable[stage] or builders[0]
        waiting.remove(stage)
    return [Route(stage=stage, source=source) for stage, source in found.items()]


def _first_readable(project: Project, stage: str, sources: Iterable[str]) -> str:
    """Return the first of several stages whose artifacts a stage may read, or empty."""
    config = project.stage_config(stage)
    bootstrap = project.stack_config(config.bootstrap)
    accounts = [
        str(source).partition("/")[0]
        for source in json.loads(bootstrap.get(f"{PROJECT}:artifactSources", "[]"))
    ]
    return next(
        (
            source
            for source in sources
            if project.stage_config(source).location.account in (config.location.account, *accounts)
        ),
        "",
    )
