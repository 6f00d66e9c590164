"""`runtask promote` and `runtask stages`, with the Pulumi CLI and the operator's credentials."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import UsageError
from runtask.promotion import promote as steps
from runtask.promotion.access import ProfileSessions
from runtask.promotion.overview import Overview, overview
from runtask.pulumi_engine import PulumiEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runtask.project import Project

_FROM_AND_TO = 2
_COLUMNS = ["stage", "account", "region", "pinned", "running", "commit", "promoted", "drift"]


def promote(  # noqa: PLR0913 - one for each option
    stages: Sequence[str],
    project: Project,
    *,
    digest: str | None,
    allow_dirty: bool,
    dry_run: bool,
    yes: bool,
    profiles: Mapping[str, str],
) -> bool:
    """Promote, as the command line says; return False if the operator said no.

    Raises:
        UsageError: if the command line makes no sense, or nobody is there to be asked.
        RuntaskError: whatever the steps raise.
    """
    wanted = 1 if digest else _FROM_AND_TO
    if len(stages) != wanted:
        raise UsageError(
            "say one stage with --to: runtask promote --to SHA256 prod"
            if digest
            else "say two stages: runtask promote dev prod"
        )
    tools = steps.PromotionContext(
        project=project,
        engine=_engine(project, profiles),
        sessions=ProfileSessions(profiles=profiles),
        say=console.progress,
        confirm=(lambda _question: True) if yes else _asker(dry_run=dry_run),
    )
    plan = (
        steps.plan_return(digest, stages[0], tools, allow_dirty=allow_dirty)
        if digest
        else steps.plan_promotion(stages[0], stages[1], tools, allow_dirty=allow_dirty)
    )
    if dry_run:
        steps.preview(plan, tools)
        return True
    return steps.promote(plan, tools)


def show_stages(project: Project, *, as_json: bool, profiles: Mapping[str, str]) -> bool:
    """Print all stages; return whether one has drifted or cannot be looked at."""
    engine = _engine(project, profiles)
    sessions = ProfileSessions(profiles=profiles)
    found = [overview(project, stage, engine, sessions) for stage in project.stages()]
    if as_json:
        console.as_json([asdict(one) for one in found])
    else:
        console.table(_COLUMNS, [_row(one) for one in found])
    return any(one.drift for one in found)


def _engine(project: Project, profiles: Mapping[str, str]) -> PulumiEngine:
    """Return the engine that deploys a stage with the stage's own AWS profile."""
    return PulumiEngine(
        folder=project.folder,
        variables=lambda stack: {"AWS_PROFILE": profiles[stack]} if stack in profiles else {},
    )


def _asker(*, dry_run: bool) -> Callable[[str], bool]:
    """Return what asks at the terminal; without one nothing may be begun at all.

    Raises:
        UsageError: if there is no terminal.
    """
    if not dry_run and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask at; say --yes to promote without a question")
    return lambda question: click.confirm(question, err=True)


def _row(one: Overview) -> tuple[str, ...]:
    short = steps.SHORT_DIGEST
    cells = (
        *(one.stage, one.account, one.region, one.pinned[:short], one.running[:short]),
        *(one.commit[:short], one.last_promotion, one.drift),
    )
    return tuple(cell or "-" for cell in cells)
