"""`runtask history`: shows what a stage ran, from the records of its promotions."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from runtask import console
from runtask.options import HELP, json_option, profile_option, project_option

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project
    from runtask.promotion.record import Promotion

_COLUMNS: Final = ("time", "change", "digest", "commit", "verified", "from", "by")

_DEFAULT_LIMIT: Final = 20


@click.command(context_settings=HELP)
@click.argument("stage", metavar="STAGE")
@click.option(
    "--limit",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    default=_DEFAULT_LIMIT,
    show_default=True,
    help="How many records to show, the newest first.",
)
@json_option
@profile_option
@project_option
def history(
    stage: str,
    limit: int,
    as_json: bool,  # noqa: FBT001 - click passes a flag so
    profiles: Profiles,
    project: Project,
) -> None:
    """Show what STAGE ran, from the records of its promotions and rollbacks.

    The newest comes first. A stage that builds its artifact has no record of its deployments. The
    first digits of a digest are enough for runtask rollback.

    \b
    Examples:
      runtask history prod
      runtask history prod --limit 3 --profile acme-prod
      runtask history prod --json | jq -r '.[1].digest'
    """  # noqa: D301 - click wants the character itself
    from runtask.promotion.state import load_stage_state  # noqa: PLC0415 - imports boto3
    from runtask.surroundings import surroundings  # noqa: PLC0415 - imports Pulumi

    found = surroundings(project, profiles)
    state = load_stage_state(project, stage, found.engine, found.sessions, read_only=True)
    records = state.store.promotions(stage, limit)
    if as_json:
        console.as_json([asdict(record) for record in records])
        return
    if not records:
        console.progress(f"stage {stage} has no record of a promotion or a rollback")
        return
    console.table(_COLUMNS, [_row(record) for record in records])


def _row(record: Promotion) -> tuple[str, ...]:
    digest, commit = map(console.shown_digest, (record.digest, record.commit))
    by = record.by.rpartition(":")[2] if console.on_terminal() else record.by
    verified = "yes" if record.verified else "NO"
    return record.time, record.change, digest, commit or "-", verified, record.source, by
