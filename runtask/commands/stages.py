"""`runtask stages`: shows what every stage runs, and whether it has drifted."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from runtask import console
from runtask.errors import ExitCode
from runtask.options import HELP, json_option, profile_option, project_option, stages_option

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project
    from runtask.promotion.state import Overview

# What a table says of an artifact that was built from uncommitted changes.
UNCOMMITTED: Final = "+ uncommitted changes"

_COLUMNS: Final = (
    "stage",
    "account",
    "region",
    "pinned",
    "running",
    "commit",
    "promoted",
    "drift",
)


@click.command(context_settings=HELP)
@stages_option
@json_option
@profile_option
@project_option
def stages(
    only: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 - click passes a flag so
    profiles: Profiles,
    project: Project,
) -> None:
    """Show what every stage runs, and whether it has drifted.

    A stage has drifted if its function runs another artifact than its stack exports or its file
    pins, or was deployed with other options than its file has. The exit code is 1 if a stage has
    drifted or cannot be read.

    \b
    Examples:
      runtask stages
      runtask stages --stage prod --profile acme-prod
      runtask stages --json | jq -r '.[] | select(.drift != "") | .stage'
    """  # noqa: D301 - click wants the character itself
    from runtask.promotion.state import overview  # noqa: PLC0415 - imports boto3
    from runtask.surroundings import surroundings  # noqa: PLC0415 - imports Pulumi

    around = surroundings(project, profiles)
    found = [
        overview(project, stage, around.engine, around.sessions)
        for stage in only or project.stages()
    ]
    if as_json:
        console.as_json([asdict(one) for one in found])
    else:
        console.table(_COLUMNS, [_row(one) for one in found])
        if console.on_terminal():
            for one in found:
                if one.drift:
                    console.error(f"stage {one.stage}: {one.drift}")
    sys.exit(ExitCode.FAILED if any(one.drift for one in found) else ExitCode.OK)


def _row(one: Overview) -> tuple[str, ...]:
    pinned, running, commit = map(console.shown_digest, (one.pinned, one.running, one.commit))
    if commit and one.dirty:
        commit = f"{commit} {UNCOMMITTED}"
    drift = one.drift
    if drift and console.on_terminal():  # the sentence is below the table
        drift = "unknown" if one.running == "" and drift.startswith("unknown") else "drifted"
    cells = (one.stage, one.account, one.region, pinned, running, commit, one.promoted, drift)
    return tuple(cell or "-" for cell in cells)
