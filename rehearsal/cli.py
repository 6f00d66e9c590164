"""The command line of the rehearsal: `runtask local` and `python -m rehearsal`.

The package's metadata names `local` in the entry point group `runtask.commands`, so `runtask`
imports this module at every start. Whatever takes long is imported when the command runs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from runtask.options import HELP, project_option

if TYPE_CHECKING:
    from runtask.project import Project


@click.command(context_settings=HELP)
@click.option("--keep", is_flag=True, help="Leave the embedded AWS running until Ctrl-C.")
@click.option(
    "--engine",
    type=click.Choice(["in-process", "pulumi"]),
    default="in-process",
    show_default=True,
    help="What deploys: this process, or the Pulumi CLI with the AWS plugin.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@project_option
def local(
    keep: bool,  # noqa: FBT001 - click passes a flag so
    engine: str,
    as_json: bool,  # noqa: FBT001
    project: Project,
) -> None:
    """Rehearse everything on an embedded AWS: two accounts, real messages, tasks that run.

    Needs nothing but Python. The commands of the messages run on this machine, as you. The embedded
    AWS listens on nothing but 127.0.0.1, and answers only who signs with the secret of this run.

    \b
    Examples:
      runtask local
      runtask local --keep      # then, in another terminal, with the file that it names:
      runtask send examples/run-task.json --stage dev
      runtask local --engine pulumi
    """  # noqa: D301 - click wants the character itself
    from rehearsal.command import run  # noqa: PLC0415 - Pulumi takes a while to import

    sys.exit(run(project, keep=keep, as_json=as_json, pulumi_cli=engine == "pulumi"))


def main() -> None:
    """Run `python -m rehearsal`."""
    from runtask.cli import run_command  # noqa: PLC0415 - runtask.cli imports this module

    run_command(local, prog_name="python -m rehearsal")
