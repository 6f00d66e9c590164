"""`runtask rollback`: deploys an artifact again that a stage's account already has."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runtask.options import (
    HELP,
    allow_dirty_option,
    dry_run_option,
    json_option,
    parse_digest_prefix,
    profile_option,
    project_option,
    yes_option,
)

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project


@click.command(context_settings=HELP)
@click.argument("stage", metavar="STAGE")
@click.argument("digest", metavar="DIGEST", callback=parse_digest_prefix)
@allow_dirty_option
@dry_run_option
@yes_option
@json_option
@profile_option
@project_option
def rollback(  # noqa: PLR0913, PLR0917 - one for each option
    stage: str,
    digest: str,
    allow_dirty: bool,  # noqa: FBT001 - click passes a flag so
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Deploy an earlier artifact of STAGE again.

    DIGEST is the SHA-256 of an artifact in the bucket of the stage's account, or its first digits
    if no other artifact there begins with them. It is checked, pinned in Pulumi.STAGE.yaml and
    deployed, after a preview and a question. An artifact that no promotion of STAGE has verified is
    rebuilt from its commit first. Everything else in the stack is deployed as it is in the
    checkout.

    \b
    Examples:
      runtask history prod
      runtask rollback prod 3f9a01c2 --dry-run
      runtask rollback prod 3f9a01c2 --profile acme-prod
    """  # noqa: D301 - click wants the character itself
    from runtask.promotion import command  # noqa: PLC0415 - imports Pulumi
    from runtask.promotion.promote import plan_rollback  # noqa: PLC0415

    context = command.context(project, profiles, ask=not (yes or dry_run))
    plan = plan_rollback(digest, stage, context, allow_dirty=allow_dirty)
    sys.exit(command.execute(plan, context, dry_run=dry_run, as_json=as_json))
