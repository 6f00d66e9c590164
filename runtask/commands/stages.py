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
    pins. The exit code is 1 if a stage has drifted or cannot be read.

    \b
    Examples:
      runtask stages
      runtask stages --stage prod --profile acme-prod
      runtask stages --json | jq -r '.[] | select(.drift != "") | .stage'
    """  # noqa: D301 - click wants the character itself
    from runtask.account import ProfileSessions  # noqa: PLC0415 - imports boto3
    from runtask.engine import PulumiEngine  # noqa: PLC0415 - imports Pulumi
    from runtask.promotion.state import overview  # noqa: PLC0415

    engine = PulumiEngine.with_profiles(project.folder, profiles)
    sessions = ProfileSessions(profiles=profiles)
    found = [overview(project, stage, engine, sessions) for stage in only or project.stages()]
    if as_json:
        console.as_json([asdict(one) for one in found])
    else:
        console.table(_COLUMNS, [_row(one) for one in found])
    sys.exit(ExitCode.FAILED if any(one.drift for one in found) else ExitCode.OK)


def _row(one: Overview) -> tuple[str, ...]:
    pinned, running, commit = map(console.short_digest, (one.pinned, one.running, one.commit))
    cells = (one.stage, one.account, one.region, pinned, running, commit, one.promoted, one.drift)
    return tuple(cell or "-" for cell in cells)
