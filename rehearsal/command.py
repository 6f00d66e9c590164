"""The verb `runtask local`: runs the rehearsal and prints what became of every message."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from rehearsal.attachment import PROJECT_FOLDER
from rehearsal.emulator import Emulator, EmulatorError
from rehearsal.rehearsal import Rehearsal, RehearsalResult
from rehearsal.requirements import check_emulator, check_pulumi
from rehearsal.shell import write_exports
from runtask import console
from runtask.errors import ExitCode, RuntaskError
from runtask.options import PROJECT_VARIABLE, REHEARSAL_VARIABLE, STAGE_VARIABLE
from runtask.stack_files import check_stack_files

if TYPE_CHECKING:
    from types import FrameType

    from rehearsal.observer import ObservedSample
    from runtask.project import Project

_COLUMNS: Final = (
    "stage",
    "message",
    "result",
    "outcome",
    "starts",
    "task",
    "exit code",
    "s to RUNNING",
)


def run(project: Project, *, keep: bool, as_json: bool, pulumi_cli: bool) -> ExitCode:
    """Run the rehearsal and print its results.

    Args:
        project: The project, from the committed files.
        keep: Leave the embedded AWS running until Ctrl-C.
        as_json: Print JSON instead of a table.
        pulumi_cli: Deploy with the Pulumi CLI and the AWS plugin instead of in this process.

    Raises:
        ProjectError: if a stack's file is wrong.
        RuntaskError: if a package or a tool is missing, the embedded AWS does not start, or a
            stack cannot be deployed.
    """
    # Copies of stack files and the state of the Pulumi CLI concern nobody else on this machine.
    os.umask(0o077)
    # SIGTERM stops everything that was started, as Ctrl-C does.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    check_stack_files(project)
    if pulumi_cli:
        check_pulumi()
    check_emulator()
    console.progress("starting the embedded AWS on 127.0.0.1")
    try:
        with Emulator.start() as emulator:
            rehearsal = Rehearsal(
                project=project,
                emulator=emulator,
                say=console.progress,
                pulumi_cli=pulumi_cli,
                destroy=not keep,
            )
            result = rehearsal.run()
            _show(result, emulator, as_json=as_json, keep=keep)
            if keep:
                console.progress("ready; running until Ctrl-C")
                threading.Event().wait()
    except EmulatorError as error:
        raise RuntaskError(str(error)) from None
    return ExitCode.FAILED if result.failed else ExitCode.OK


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # A shell that has no job control starts what it puts in the background with SIGINT ignored.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)  # for which asyncio has a handler of its own


def _show(result: RehearsalResult, emulator: Emulator, *, as_json: bool, keep: bool) -> None:
    files = _write_exports(result, emulator) if keep else {}
    if as_json:
        console.as_json(
            {
                "messages": [_row(stage, one) for stage, one in result.observed],
                "checks": [asdict(check) | {"passed": check.passed} for check in result.checks],
                "accounts": {
                    stage: location.account for stage, location in result.locations.items()
                },
                "digests": result.digests,
                "verification": result.verification.report,
                "endpoint": emulator.endpoint if keep else None,
                "environmentFiles": files if keep else None,
            }
        )
    else:
        rows = [tuple(_cells(_row(stage, one))) for stage, one in result.observed]
        console.table(_COLUMNS, rows)
    for stage, location in result.locations.items():
        console.progress(
            f"stage {stage}: account {location.account}, artifact "
            f"{console.shown_digest(result.digests[stage])}"
        )
    for check in result.failed:
        console.error(f"check failed: {check.text}; found: {check.found}")
    passed = len(result.checks) - len(result.failed)
    console.progress(f"{passed} of {len(result.checks)} checks passed")
    if keep and not as_json:
        console.progress(
            "for runtask and any AWS client, in a shell (messages' commands run as you):"
        )
        for stage, file in files.items():
            console.progress(
                f". {file}    # stage {stage}, account {result.locations[stage].account}"
            )
        # Version 1 of the AWS CLI, and version 2 before 2.13, do not read AWS_ENDPOINT_URL.
        console.progress("for example, with any version of the AWS CLI:")
        for stage, file in files.items():
            console.progress(
                f"(. {file} && aws sqs list-queues --endpoint-url {emulator.endpoint} --region "
                f"{result.locations[stage].region})"
            )


def _write_exports(result: RehearsalResult, emulator: Emulator) -> dict[str, str]:
    """Write a file for each stage with which a shell becomes its account's root user."""
    files = {}
    for stage, location in result.locations.items():
        variables = {
            **emulator.variables(location.account, location.region),
            REHEARSAL_VARIABLE: str(emulator.folder),
            PROJECT_VARIABLE: str(emulator.folder / PROJECT_FOLDER),
            STAGE_VARIABLE: stage,
        }
        files[stage] = str(write_exports(emulator.folder, stage, variables))
    return files


def _row(stage: str, one: ObservedSample) -> dict[str, str | int | float | None]:
    seconds = one.running_after_seconds
    return {
        "stage": stage,
        "message": one.sent.sample.name,
        "result": f"{one.result}: {one.reason}" if one.reason else str(one.result),
        "outcome": one.outcome or None,
        "starts": one.starts or None,
        "task": one.task.rpartition("/")[2] or None,
        "exitCode": one.exit_code,
        "secondsToRunning": None if seconds is None else round(seconds, 2),
    }


def _cells(row: dict[str, str | int | float | None]) -> list[str]:
    shown = {**row, "task": console.shown_digest(str(row["task"] or "")) or None}
    return ["-" if value is None else str(value) for value in shown.values()]
