"""The command `runtask`: its verbs together, and how it ends."""

from __future__ import annotations

import os
import sys

import click

from runtask import console
from runtask.commands.completion import completion
from runtask.commands.doctor import doctor
from runtask.commands.explain import explain
from runtask.commands.history import history
from runtask.commands.init import init
from runtask.commands.local import local
from runtask.commands.logs import logs
from runtask.commands.new import new
from runtask.commands.promote import promote
from runtask.commands.redrive import redrive
from runtask.commands.rollback import rollback
from runtask.commands.schema import schema
from runtask.commands.send import send
from runtask.commands.stages import stages
from runtask.commands.status import status
from runtask.commands.stop import stop
from runtask.commands.verify import verify
from runtask.errors import ExitCode, RuntaskError
from runtask.options import HELP


class Group(click.Group):
    """The verbs, listed with the whole first sentence of each help, wrapped and never cut."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs."""
        del ctx
        rows = [
            (name, command.short_help or (command.help or "").strip().split("\n\n")[0])
            for name, command in sorted(self.commands.items())
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _show_version(context: click.Context, _option: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        from runtask.version import version  # noqa: PLC0415 - importlib.metadata takes long

        click.echo(version())
        context.exit()


def _exit_codes() -> str:
    lines = (f"  {code.value:<4} {code.meaning}" for code in ExitCode)
    return "\n".join(("\b", "Exit codes:", *lines))


@click.group(cls=Group, context_settings=HELP, epilog=_exit_codes())
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Start ECS tasks by messages, and deploy the same artifact from stage to stage.

    Results are printed on stdout, as a table or as JSON; progress, questions and errors on stderr.
    For examples, run: runtask COMMAND --help
    """


for _command in (
    completion,
    doctor,
    explain,
    history,
    init,
    local,
    logs,
    new,
    promote,
    redrive,
    rollback,
    schema,
    send,
    stages,
    status,
    stop,
    verify,
):
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
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except RuntaskError as error:
        console.error(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Who reads the output has enough of it. What is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.FAILED)
    except (click.Abort, KeyboardInterrupt):
        console.error("interrupted")
        sys.exit(ExitCode.INTERRUPTED)
