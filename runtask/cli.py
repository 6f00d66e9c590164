"""The command `runtask`: its verbs together, and how it ends."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

import click

from runtask import console
from runtask.commands.explain import explain
from runtask.commands.local import local
from runtask.commands.promote import promote
from runtask.commands.rollback import rollback
from runtask.commands.send import send
from runtask.commands.stages import stages
from runtask.commands.verify import verify
from runtask.errors import ExitCode, RuntaskError
from runtask.options import HELP


def _version() -> str:
    try:
        return version("ecs-run-task")
    except PackageNotFoundError:
        return "not installed; from a checkout run: pip install -e ."


def _exit_codes() -> str:
    lines = (f"  {code.value:<4} {code.meaning}" for code in ExitCode)
    return "\n".join(("\b", "Exit codes:", *lines))


@click.group(context_settings=HELP, epilog=_exit_codes())
@click.version_option(_version(), message="%(version)s")
def cli() -> None:
    """Start ECS tasks by messages, and deploy the same artifact from stage to stage.

    Results are printed on stdout, as a table or as JSON; progress, questions and errors on stderr.
    For examples, run: runtask COMMAND --help
    """


for _command in (explain, local, promote, rollback, send, stages, verify):
    cli.add_command(_command)


def main() -> None:
    """Run the command `runtask`."""
    run_command(cli, prog_name="runtask")


def run_command(command: click.Command, *, prog_name: str) -> None:
    """Run a command; an error that an operator can fix is printed without a traceback.

    Args:
        command: The command to run, with the arguments of this process.
        prog_name: The command's name in its help and in its errors.
    """
    try:
        command.main(prog_name=prog_name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except RuntaskError as error:
        console.error(str(error))
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        console.error("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
