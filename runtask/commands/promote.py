"""`runtask promote`: deploys the artifact of one stage to another."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runtask.options import (
    HELP,
    allow_dirty_option,
    dry_run_option,
    json_option,
    parse_digest,
    profile_option,
    project_option,
    yes_option,
)

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project


@click.command(context_settings=HELP)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--digest",
    metavar="SHA256",
    callback=parse_digest,
    help="The artifact that was approved; refused if FROM runs another one by now.",
)
@allow_dirty_option
@dry_run_option
@yes_option
@json_option
@profile_option
@project_option
def promote(  # noqa: PLR0913, PLR0917 - one for each option
    source: str,
    target: str,
    digest: str | None,
    allow_dirty: bool,  # noqa: FBT001 - click passes a flag so
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Deploy the artifact of stage FROM to stage TO.

    The artifact that FROM runs is rebuilt from the commit that its manifest names, which must be in
    the history of this checkout, and refused if the two differ. Then that very artifact is copied
    to the account of TO, its SHA-256 is compared at both ends, and it is pinned in Pulumi.TO.yaml
    and deployed, after a preview and a question. The configuration and the infrastructure are
    deployed as they are in the checkout, also if the artifact stays the same; if nothing changes,
    nothing is asked. If the command is interrupted, run it again: it resumes at the first step that
    is missing.

    \b
    Examples:
      runtask promote dev prod --dry-run
      runtask promote dev prod
      runtask promote dev prod --profile dev=acme-dev --profile prod=acme-prod
      runtask promote dev prod --digest DIGEST --yes --json | jq -r .outcome
    """  # noqa: D301 - click wants the character itself
    from runtask.promotion import command  # noqa: PLC0415 - imports Pulumi
    from runtask.promotion.promote import plan_promotion  # noqa: PLC0415

    context = command.context(project, profiles, ask=not (yes or dry_run))
    plan = plan_promotion(source, target, context, allow_dirty=allow_dirty, digest=digest or "")
    sys.exit(command.execute(plan, context, dry_run=dry_run, as_json=as_json))
