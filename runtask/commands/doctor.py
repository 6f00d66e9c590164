"""`runtask doctor`: looks for what would stop an operator, and says how to fix it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import ExitCode
from runtask.options import HELP, json_option, profile_option, project_option, stages_option

if TYPE_CHECKING:
    from runtask.doctor.check import Check
    from runtask.profiles import Profiles
    from runtask.project import Project


@click.command(context_settings=HELP)
@stages_option
@json_option
@profile_option
@project_option
def doctor(
    only: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 - click passes a flag so
    profiles: Profiles,
    project: Project,
) -> None:
    """Look for what would stop you, and say how to fix it; nothing is changed or sent.

    Looks at this machine, the stack files, and for each stage at the credentials, the clock, the
    stacks, the deployed artifact and configuration, the queues, the permissions of the function (by
    simulation, where you may ask for it) and the quotas of the account. Each line is ok, warn or
    fail. The exit code is 1 if a line is fail.

    \b
    Examples:
      runtask doctor
      runtask doctor --stage prod --profile acme-prod
      runtask doctor --json | jq -r '.[] | select(.verdict == "fail") | .fix'
    """  # noqa: D301 - click wants the character itself
    from runtask.doctor.check import Verdict  # noqa: PLC0415
    from runtask.doctor.machine import machine_checks  # noqa: PLC0415 - imports Pulumi
    from runtask.doctor.stage import stage_checks  # noqa: PLC0415 - imports boto3
    from runtask.surroundings import surroundings  # noqa: PLC0415

    for stage in only:
        project.stack_config(stage)  # an unknown one is no finding, but a wrong command line
    around = surroundings(project, profiles)
    found = list(machine_checks(project))
    files_are_right = all(
        one.verdict is not Verdict.FAIL or one.check != "stack-files" for one in found
    )
    for stage in (only or project.stages()) if files_are_right else ():
        found += stage_checks(project, stage, around.engine, around.sessions)
    if as_json:
        console.as_json([asdict(one) for one in found])
    else:
        console.table(("stage", "check", "verdict", "found"), [_row(one) for one in found])
    failed = any(one.verdict is Verdict.FAIL for one in found)
    sys.exit(ExitCode.FAILED if failed else ExitCode.OK)


def _row(one: Check) -> tuple[str, ...]:
    found = f"{one.found}\nfix: {one.fix}" if one.fix else one.found
    return one.stage or "-", one.check, one.verdict, found
