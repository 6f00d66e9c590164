"""`runtask local`: runs the rehearsal and shows what became of every message."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from rehearsal.emulator import Emulator, EmulatorError
from rehearsal.pulumi_cli import check_tools
from rehearsal.rehearsal import FROM, Rehearsal, Result
from runtask import console
from runtask.cli import run_command
from runtask.errors import ExitCode, RuntaskError
from runtask.options import HELP, project_option

if TYPE_CHECKING:
    from types import FrameType

    from rehearsal.observer import Observed
    from runtask.project import Project

_COLUMNS = ("stage", "message", "verdict", "task", "exit code", "s to RUNNING")


def run(project: Project, *, keep: bool, as_json: bool, real_engine: bool) -> ExitCode:
    """Run the rehearsal and print its table.

    Args:
        project: The project, from the committed files.
        keep: Leave the embedded AWS running until Ctrl-C.
        as_json: Print JSON instead of a table.
        real_engine: Deploy with the Pulumi CLI and the AWS plugin instead of in this process.

    Raises:
        RuntaskError: if the embedded AWS does not start, or a stack cannot be made.
    """
    # Whoever stops us with a signal wants everything to be stopped, as Ctrl-C does.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    if real_engine:
        check_tools()
    console.progress("starting the embedded AWS on 127.0.0.1")
    try:
        with Emulator.start() as emulator:
            rehearsal = Rehearsal(
                project=project,
                emulator=emulator,
                say=console.progress,
                real_engine=real_engine,
                destroy=not keep,
            )
            result = rehearsal.run()
            _show(result, emulator, as_json=as_json, keep=keep)
            if keep:
                console.progress("running until Ctrl-C")
                threading.Event().wait()
    except EmulatorError as error:
        raise RuntaskError(str(error)) from None
    return ExitCode.FAILED if result.fallen else ExitCode.OK


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)  # asyncio has a handler of its own for that one


def _show(result: Result, emulator: Emulator, *, as_json: bool, keep: bool) -> None:
    variables = {
        stage: emulator.variables(location.account, location.region)
        for stage, location in result.locations.items()
    }
    if as_json:
        console.as_json(
            {
                "messages": [_row(stage, one) for stage, one in result.observed],
                "expectations": [asdict(one) | {"holds": one.holds} for one in result.expectations],
                "accounts": {
                    stage: location.account for stage, location in result.locations.items()
                },
                "digests": result.digests,
                "environment": variables if keep else None,
            }
        )
    else:
        rows = [tuple(_cells(_row(stage, one))) for stage, one in result.observed]
        console.table(_COLUMNS, rows)
    for stage, location in result.locations.items():
        console.progress(
            f"stage {stage}: account {location.account}, artifact {result.digests[stage]}"
        )
    for fallen in result.fallen:
        console.error(f"expected: {fallen.text}; found: {fallen.found}")
    held = len(result.expectations) - len(result.fallen)
    console.progress(f"{held} of {len(result.expectations)} expectations hold")
    if keep and not as_json:
        console.progress(f"for any AWS client, in account {result.locations[FROM].account}:")
        for name, value in variables[FROM].items():
            console.progress(f"export {name}={value}")


def _row(stage: str, one: Observed) -> dict[str, str | int | float | None]:
    seconds = one.running_after_seconds
    return {
        "stage": stage,
        "message": one.sent.sample.name,
        "verdict": f"{one.verdict}: {one.reason}" if one.reason else str(one.verdict),
        "task": one.task.rpartition("/")[2] or None,
        "exitCode": one.exit_code,
        "secondsToRunning": None if seconds is None else round(seconds, 2),
    }


def _cells(row: dict[str, str | int | float | None]) -> list[str]:
    return ["-" if value is None else str(value) for value in row.values()]


@click.command(context_settings=HELP)
@click.option("--keep", is_flag=True, help="Leave it running until Ctrl-C.")
@click.option(
    "--engine",
    type=click.Choice(["in-process", "pulumi"]),
    default="in-process",
    show_default=True,
    help="What deploys: this process, or the Pulumi CLI with the AWS plugin.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@project_option
def local(
    keep: bool,  # noqa: FBT001 - click passes a flag so
    engine: str,
    as_json: bool,  # noqa: FBT001
    project: Project,
) -> None:
    """Rehearse everything on an embedded AWS: two accounts, real messages, tasks that run.

    Needs nothing but Python, and listens on nothing but 127.0.0.1.

    \b
    Examples:
      runtask local
      runtask local --keep      # then, in another terminal, with the variables it prints:
      runtask send examples/run-task.json --stage dev
      runtask local --engine pulumi
    """  # noqa: D301 - click wants the character itself
    sys.exit(run(project, keep=keep, as_json=as_json, real_engine=engine == "pulumi"))


def main() -> None:
    """Run `python -m rehearsal`."""
    run_command(local, prog_name="python -m rehearsal")
