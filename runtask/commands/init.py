"""`runtask init`: writes the stack files, or changes what is asked for in them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import ExitCode, UsageError
from runtask.options import (
    HELP,
    dry_run_option,
    json_option,
    profile_option,
    project_option,
    yes_option,
)

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project
    from runtask.setup.files import FileChange


@click.command(context_settings=HELP)
@click.option(
    "--add-stage",
    "add",
    metavar="STAGE",
    multiple=True,
    help="Add a stage, promoted from the last one; can be given several times.  "
    "[default where there are no files: dev and prod]",
)
@click.option(
    "--from",
    "source",
    metavar="STAGE",
    default="",
    help="The stage that the added one is promoted from.  [default: the last one]",
)
@click.option(
    "--account",
    metavar="[STAGE=]ID",
    multiple=True,
    help="The id of the account; two stages can be in one.",
)
@click.option("--region", metavar="[STAGE=]REGION", multiple=True, help="The region.")
@click.option(
    "--cluster",
    "clusters",
    metavar="[STAGE=]NAME",
    multiple=True,
    help="A cluster that messages may name; can be given several times, as all that follow.",
)
@click.option(
    "--task-definition",
    "task_definitions",
    metavar="[STAGE=]FAMILY",
    multiple=True,
    help="A task definition that messages may name.",
)
@click.option(
    "--task-role",
    "task_roles",
    metavar="[STAGE=]ROLE",
    multiple=True,
    help="A task role of these task definitions, by name or ARN.",
)
@click.option(
    "--execution-role",
    "execution_roles",
    metavar="[STAGE=]ROLE",
    multiple=True,
    help="An execution role of these task definitions.",
)
@click.option(
    "--deploy-principal",
    "deploy_principals",
    metavar="[STAGE=]ROLE",
    multiple=True,
    help="A role that may deploy, by name or ARN, or an account's id.",
)
@click.option(
    "--discover",
    is_flag=True,
    help="Without a terminal: take what is not given from the account itself, all of it.",
)
@dry_run_option
@yes_option
@json_option
@profile_option
@project_option
def init(  # noqa: PLR0913, PLR0917 - one for each option
    add: tuple[str, ...],
    source: str,
    account: tuple[str, ...],
    region: tuple[str, ...],
    clusters: tuple[str, ...],
    task_definitions: tuple[str, ...],
    task_roles: tuple[str, ...],
    execution_roles: tuple[str, ...],
    deploy_principals: tuple[str, ...],
    discover: bool,  # noqa: FBT001 - click passes a flag so
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Write the stack files, or change in them what is asked for.

    At a terminal, what is missing is asked, and what the account has is offered if there are
    credentials. The files are shown before they are written, and checked as a deployment checks
    them. In a file that exists nothing else changes. The sample files of a fresh clone are replaced
    once an account is named.

    \b
    Examples:
      runtask init
      runtask init --account dev=123456789012 --account prod=210987654321 --region eu-central-1 \\
        --cluster batch --task-definition report --execution-role report-execution \\
        --deploy-principal administrator --yes
      runtask init --add-stage qa --from dev --account qa=345678901234 \
        --deploy-principal qa=administrator
      runtask init --region prod=eu-west-1 --dry-run
    """  # noqa: D301 - click wants the character itself
    from runtask.setup.answers import Answers  # noqa: PLC0415 - imports boto3
    from runtask.setup.files import changes, read_setup, write  # noqa: PLC0415 - imports Pulumi
    from runtask.setup.wishes import Wishes, complete, start  # noqa: PLC0415

    terminal = _at_terminal() and not yes
    if not (terminal or yes or dry_run):
        raise UsageError("no terminal to ask for confirmation; pass --yes to write without it")
    wishes = Wishes(
        add=add,
        source=source,
        values={
            "account": account,
            "region": region,
            "clusters": clusters,
            "task_definitions": task_definitions,
            "task_roles": task_roles,
            "execution_roles": execution_roles,
            "deploy_principals": deploy_principals,
        },
    )
    before, after = start(read_setup(project), wishes)
    answers = Answers(profiles=profiles, terminal=terminal, discovers=terminal or discover)
    found = changes(project, before, complete(after, answers.ask))
    done = _written(found, as_json=as_json, ask=terminal) and not dry_run
    if done:
        write(found)
    if as_json:
        console.as_json([{"file": one.path.name, "action": one.action} for one in found])
    elif any(one.action != "unchanged" for one in found):
        rows = [
            (one.path.name, one.action if done else f"{one.action} (not written)") for one in found
        ]
        console.table(("file", "action"), rows)
    else:
        console.progress("nothing changes")
    sys.exit(ExitCode.OK if done or dry_run else ExitCode.FAILED)


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _written(found: list[FileChange], *, as_json: bool, ask: bool) -> bool:
    """Show the files, and return whether they are to be written."""
    changed = [one for one in found if one.action != "unchanged"]
    for one in changed:
        console.progress(f"{one.path.name}: {one.action}")
        if not as_json:
            console.progress(one.difference())
    if not changed or not ask:
        return True
    return click.confirm(f"Write {len(changed)} files?", default=True, err=True)
