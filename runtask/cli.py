"""The command line: what can be said, and what each exit code means."""

from __future__ import annotations

import sys
from dataclasses import asdict
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import RuntaskError
from runtask.exit_codes import ExitCode
from runtask.messages import read_messages
from runtask.options import HELP, profile_option, project_option
from runtask.send import preview
from runtask.send import send as send_messages

if TYPE_CHECKING:
    from runtask.project import Project


@click.group(context_settings=HELP)
@click.version_option(package_name="ecs-run-task", message="%(version)s")
def cli() -> None:
    """Start ECS tasks by messages, and see what became of them.

    \b
    Exit codes: 0 done; 1 an expectation fell, or AWS refused; 2 the command line or a message is
    wrong; 3 a Pulumi file is wrong; 4 wrong credentials; 130 interrupted.
    """  # noqa: D301 - click wants the character itself


@cli.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--stage", required=True, help="The stage to send to, as in Pulumi.<stage>.yaml.")
@click.option("--key", help="The message's key; the same key never starts a second task.")
@click.option("--group", help="The message group, for a FIFO queue.  [default: one each]")
@click.option("--dry-run", is_flag=True, help="Print the RunTask calls and send nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was sent as JSON.")
@project_option
def send(  # noqa: PLR0913, PLR0917 - one for each option
    files: tuple[str, ...],
    stage: str,
    key: str | None,
    group: str | None,
    dry_run: bool,  # noqa: FBT001 - click passes a flag so
    as_json: bool,  # noqa: FBT001
    project: Project,
) -> None:
    """Send the messages in FILE..., JSON or YAML, or - for standard input.

    Every message is checked as the handler would check it, and none is sent if one is wrong.

    \b
    Examples:
      runtask send examples/run-task.json --stage dev
      runtask send nightly.yaml --stage prod --key nightly-2026-11-22
      runtask send nightly.yaml --stage prod --dry-run | jq '.[0].overrides'
    """  # noqa: D301 - click wants the character itself
    config = project.stage_config(stage)
    messages = read_messages(list(files), key)
    if dry_run:
        console.as_json(preview(messages, config))
        return
    sent = []
    try:
        for message in send_messages(messages, config, group=group):
            console.progress(f"sent {message.source}")
            sent.append(message)
    finally:
        if as_json:
            console.as_json([asdict(message) for message in sent])
        elif sent:
            rows = [(message.source, message.key, message.message_id) for message in sent]
            console.table(("message", "key", "message id"), rows)


@cli.command()
@click.argument("stages", metavar="[FROM] TO", nargs=-1, required=True)
@click.option("--to", "digest", metavar="SHA256", help="Go back to an earlier artifact of TO.")
@click.option("--allow-dirty", is_flag=True, help="Promote what was built from no commit.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@profile_option
@project_option
def promote(  # noqa: PLR0913, PLR0917 - one for each option
    stages: tuple[str, ...],
    digest: str | None,
    allow_dirty: bool,  # noqa: FBT001
    dry_run: bool,  # noqa: FBT001
    yes: bool,  # noqa: FBT001
    profiles: dict[str, str],
    project: Project,
) -> None:
    """Promote the artifact that FROM runs to TO: the same bytes, in another account.

    The artifact is copied, checked by its SHA-256 at both ends, pinned in Pulumi.TO.yaml and
    deployed. Run it again after a break at any step, and it finishes the work.

    \b
    Examples:
      runtask promote dev prod --dry-run
      runtask promote dev prod
      runtask promote dev prod --profile dev=acme-dev --profile prod=acme-prod
      runtask promote --to 4f1c... prod        # an artifact that prod ran before
    """  # noqa: D301 - click wants the character itself
    from runtask.promotion import command  # noqa: PLC0415 - Pulumi takes a while to import

    done = command.promote(
        stages,
        project,
        digest=digest,
        allow_dirty=allow_dirty,
        dry_run=dry_run,
        yes=yes,
        profiles=profiles,
    )
    sys.exit(ExitCode.OK if done else ExitCode.FAILED)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@profile_option
@project_option
def stages(
    as_json: bool,  # noqa: FBT001
    profiles: dict[str, str],
    project: Project,
) -> None:
    """Show what every stage runs, and whether it is what it should run.

    Ends with exit code 1 if a stage has drifted or cannot be looked at.

    \b
    Examples:
      runtask stages
      runtask stages --json | jq -r '.[] | select(.drift) | .stage'
    """  # noqa: D301 - click wants the character itself
    from runtask.promotion import command  # noqa: PLC0415 - Pulumi takes a while to import

    drifted = command.show_stages(project, as_json=as_json, profiles=profiles)
    sys.exit(ExitCode.FAILED if drifted else ExitCode.OK)


for _entry_point in entry_points(group="runtask.commands"):
    cli.add_command(_entry_point.load(), _entry_point.name)


def main() -> None:
    """Run the command `runtask`."""
    run_command(cli, prog_name="runtask")


def run_command(command: click.Command, *, prog_name: str) -> None:
    """Run a command; an error that an operator can fix is printed without a traceback."""
    try:
        command.main(prog_name=prog_name, standalone_mode=False)
    except click.ClickException as problem:
        problem.show()
        sys.exit(ExitCode.USAGE)
    except RuntaskError as problem:
        console.error(str(problem))
        sys.exit(problem.exit_code)
    except (click.Abort, KeyboardInterrupt):
        console.error("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
