"""What `runtask promote` and `runtask rollback` share: context, confirmation and output."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import ExitCode, UsageError
from runtask.promotion import promote as steps
from runtask.promotion.promote import Outcome
from runtask.promotion.rebuild import Checkout
from runtask.surroundings import surroundings

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of the command; its fields are the columns of the table and the keys of the JSON.

    Attributes:
        stage: The stage that was deployed.
        digest: The artifact that it was to run.
        previous: The artifact that it ran before; empty if it ran none.
        commit: The git commit that the artifact was built from.
        verification: How that was verified, a `runtask.promotion.record.Verification`.
        source: The stage that the artifact comes from.
        outcome: A `runtask.promotion.promote.Outcome`. With `deployed` and the same artifact as
            before, only the configuration changed.
    """

    stage: str
    account: str
    region: str
    digest: str
    previous: str
    commit: str
    verification: str
    source: str
    outcome: str


def context(project: Project, profiles: Profiles, *, ask: bool) -> steps.PromotionContext:
    """Return a promotion context with the Pulumi CLI and the operator's credentials.

    Args:
        project: The Pulumi files.
        profiles: The AWS profiles of the stages.
        ask: Whether to ask at the terminal before a deployment.

    Raises:
        UsageError: if there is no terminal to ask at.
    """
    if ask and not sys.stdin.isatty():
        raise UsageError("no terminal to ask for confirmation; pass --yes to deploy without it")
    found = surroundings(project, profiles)
    return steps.PromotionContext(
        project=project,
        engine=found.engine,
        sessions=found.sessions,
        rebuilder=Checkout(folder=project.checkout),
        say=console.progress,
        confirm=_confirm if ask else (lambda _question: True),
    )


def execute(
    plan: steps.Plan, context: steps.PromotionContext, *, dry_run: bool, as_json: bool
) -> ExitCode:
    """Preview or carry out a plan, and print the result.

    Raises:
        RuntaskError: if a step fails.
    """
    if dry_run:
        steps.preview(plan, context)
        outcome = Outcome.PREVIEWED
    else:
        outcome = steps.promote(plan, context)
    _print(plan, outcome, as_json=as_json)
    return ExitCode.FAILED if outcome is Outcome.DECLINED else ExitCode.OK


def _confirm(question: str) -> bool:
    return click.confirm(console.printable(question), err=True)


def _print(plan: steps.Plan, outcome: Outcome, *, as_json: bool) -> None:
    location = plan.target.role.location
    result = asdict(
        Result(
            stage=plan.target.stage,
            account=location.account,
            region=location.region,
            digest=plan.digest,
            previous=plan.target.running,
            commit=plan.commit,
            verification=plan.verification,
            source=plan.source_stage,
            outcome=outcome,
        )
    )
    if as_json:
        console.as_json(result)
        return
    for name in ("digest", "previous", "commit"):
        result[name] = console.shown_digest(result[name])
    console.table(tuple(result), [tuple(cell or "-" for cell in result.values())])
