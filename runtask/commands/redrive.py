"""`runtask redrive`: sends dead letters again, by their reasons."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runtask.options import (
    HELP,
    dry_run_option,
    json_option,
    profile_option,
    project_option,
    stage_option,
    yes_option,
)

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project


@click.command(context_settings=HELP)
@stage_option
@click.option(
    "--reason",
    "reasons",
    metavar="REASON",
    multiple=True,
    help="Redrive the letters with this reason; can be given several times.",
)
@click.option(
    "--key",
    "keys",
    metavar="KEY",
    multiple=True,
    help="Redrive the letters with this key; can be given several times.",
)
@click.option("--all", "everything", is_flag=True, help="Redrive every letter that can succeed.")
@click.option(
    "--edit",
    is_flag=True,
    help="Change each body in $EDITOR before; it is checked as the handler would check it.",
)
@click.option(
    "--relaunch",
    is_flag=True,
    help="Start the tasks again, also if they were started: each message gets a new key.",
)
@click.option(
    "--rate",
    metavar="NUMBER",
    type=click.FloatRange(min=0.01),
    help="Messages a second at most.  [default: no limit]",
)
@dry_run_option
@yes_option
@json_option
@profile_option
@project_option
def redrive(  # noqa: PLR0913, PLR0917 - one for each option
    stage: str,
    reasons: tuple[str, ...],
    keys: tuple[str, ...],
    everything: bool,  # noqa: FBT001 - click passes a flag so
    edit: bool,  # noqa: FBT001
    relaunch: bool,  # noqa: FBT001
    rate: float | None,
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Send dead letters to the work queue again, after the cause was fixed.

    Without --reason, --key or --all, nothing is moved: the dead-letter queue is shown by reason,
    each with what to do. While the command reads the queue, its letters are hidden from others.

    A message keeps its key, so a task that was started for it is not started again. With
    --relaunch it gets a new key, which is printed, and its tasks are started again. A letter that
    would be rejected again stays where it is, and the table says why; the exit code is 1 then.

    A letter is deleted only after the work queue has its message. If the command is interrupted,
    run it again: nothing is lost, and nothing is started twice.

    \b
    Examples:
      runtask redrive --stage prod
      runtask redrive --stage prod --reason access-denied --dry-run
      runtask redrive --stage prod --reason access-denied --reason capacity --rate 5
      runtask redrive --stage prod --key nightly-2026-11-22 --edit
      runtask redrive --stage prod --key nightly-2026-11-22 --relaunch
      runtask redrive --stage prod --all --yes --json | jq -r '.[] | select(.why) | .key'
    """  # noqa: D301 - click wants the character itself
    from runtask.redrive.command import Wishes, execute  # noqa: PLC0415 - imports boto3
    from runtask.redrive.plan import Selection  # noqa: PLC0415

    wishes = Wishes(
        selection=Selection(
            reasons=frozenset(reasons), keys=frozenset(keys), everything=everything
        ),
        edit=edit,
        relaunch=relaunch,
        rate=rate,
        dry_run=dry_run,
        ask=not yes,
        as_json=as_json,
    )
    sys.exit(execute(project, stage, profiles, wishes))
