"""`runtask verify`: tests a deployed stage, and reports what was found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import ExitCode, UsageError
from runtask.options import HELP, json_option, profile_option, project_option, yes_option
from runtask.verification import DEFAULT_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtask.messages import Message
    from runtask.profiles import Profiles
    from runtask.project import Project


@click.command(context_settings=HELP)
@click.argument("stage", metavar="STAGE")
@click.option(
    "--task-definition",
    metavar="NAME",
    default="",
    help="The task definition of the canary, a task on Fargate.  [default: no task is started]",
)
@click.option(
    "--cluster",
    metavar="NAME",
    default="",
    help="The cluster of the canary.  [default: the only one that the stage's file names]",
)
@click.option(
    "--service", metavar="NAME", default="", help="The service whose network the canary gets."
)
@click.option(
    "--container",
    metavar="NAME",
    default="",
    help="The container that runs --command.  [default: the only essential one]",
)
@click.option(
    "--command",
    metavar="WORDS",
    default="",
    help="What the canary runs, as in a shell; expected to end with exit code 0.  "
    "[default: the container's own command]",
)
@click.option(
    "--message",
    metavar="FILE",
    default="",
    help="A message file as the canary, instead of the options above; - is standard input.",
)
@click.option(
    "--probe-aws",
    is_flag=True,
    help="Ask the open questions about AWS too, with calls of RunTask and a tag on the queue.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    help="The longest that one probe waits.",
)
@click.option(
    "--report",
    "report_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the JSON report to a file too.",
)
@yes_option
@json_option
@profile_option
@project_option
def verify(  # noqa: PLR0913, PLR0917 - one for each option
    stage: str,
    task_definition: str,
    cluster: str,
    service: str,
    container: str,
    command: str,
    message: str,
    probe_aws: bool,  # noqa: FBT001 - click passes a flag so
    timeout: float,
    report_file: Path | None,
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Test STAGE after its deployment, and report what was found.

    Compares the account with the configuration, sends an invalid message and takes it out of the
    dead-letter queue again, and, if a task is named, follows a canary from the queue to its exit.
    What is sent and what it costs is said first, and asked. The report holds no account id, ARN or
    name, so that it can be attached to an issue. docs/verify.md describes every probe.

    \b
    Examples:
      runtask verify dev
      runtask verify dev --task-definition report --service report-service --command true
      runtask verify prod --message canary.json --profile acme-prod --report report.json
      runtask verify dev --message canary.json --probe-aws --yes --json | jq .result
    """  # noqa: D301 - click wants the character itself
    from runtask.account import ProfileSessions  # noqa: PLC0415 - imports boto3
    from runtask.engine import PulumiEngine  # noqa: PLC0415 - imports Pulumi
    from runtask.verification.context import VerificationContext, prepare  # noqa: PLC0415
    from runtask.verification.report import has_failed, report  # noqa: PLC0415
    from runtask.verification.verify import verify as run  # noqa: PLC0415

    if not (yes or sys.stdin.isatty()):
        raise UsageError("no terminal to ask for confirmation; pass --yes to verify without it")
    config = project.stage_config(stage)
    task = {
        "task_definition": task_definition,
        "cluster": cluster,
        "service": service,
        "container": container,
        "command": command,
    }
    context = VerificationContext(
        project=project,
        config=config,
        engine=PulumiEngine.with_profiles(project.folder, profiles),
        sessions=ProfileSessions(profiles=profiles),
        say=console.progress,
        confirm=(lambda _question: True) if yes else _confirm,
        canary=_canary(message, task, config.clusters),
        probe_aws=probe_aws,
        timeout_seconds=timeout,
    )
    results = run(prepare(context))
    content = report(results, config)
    if report_file is not None:
        report_file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if as_json:
        console.as_json(content)
    else:
        rows = [
            (one.name, one.finding.status, f"{one.seconds:.1f}", one.finding.sentence.in_full())
            for one in results
        ]
        console.table(("probe", "result", "seconds", "found"), rows)
    sys.exit(ExitCode.FAILED if has_failed(results) else ExitCode.OK)


def _confirm(question: str) -> bool:
    return click.confirm(question, err=True)


def _canary(message: str, task: Mapping[str, str], clusters: tuple[str, ...]) -> Message | None:
    """Return the message that the command line asks for; None if it names no task.

    Raises:
        UsageError: if options are missing, or do not go together.
    """
    from runtask.verification.canary import (  # noqa: PLC0415 - imports boto3
        message_from_file,
        message_from_options,
    )

    given = [name for name, value in task.items() if value]
    if message:
        if given:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(f"--message and {options}: expected the message or the options")
        return message_from_file(message)
    if not given:
        return None
    if not task["task_definition"]:
        raise UsageError(f"--{given[0]} is for a canary; name its task with --task-definition")
    if not task["service"]:
        raise UsageError(
            "--task-definition needs a network; name a service that has it with --service, or "
            "write the message and pass it with --message"
        )
    only = clusters[0] if len(clusters) == 1 and not set("*?") & set(clusters[0]) else ""
    cluster = task["cluster"] or only
    if not cluster:
        raise UsageError(
            f"the stage's clusters are {', '.join(clusters)}; name the canary's with --cluster"
        )
    return message_from_options(**{**task, "cluster": cluster})
