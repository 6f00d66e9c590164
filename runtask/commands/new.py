"""`runtask new`: makes a message file of what runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import UsageError
from runtask.options import HELP, json_option, profile_option, project_option, stage_option

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project
    from runtask.template import Template


@click.command(context_settings=HELP)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    metavar="CLUSTER/SERVICE|TASK-DEFINITION",
    default="",
    help="The service or the task definition to make it of, by name or ARN.  "
    "[default: what the stage's file names]",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@stage_option
@json_option
@profile_option
@project_option
def new(  # noqa: PLR0913, PLR0917 - one for each option
    file: Path | None,
    source: str,
    force: bool,  # noqa: FBT001 - click passes a flag so
    stage: str,
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Write a message to FILE, or print it: one to begin with.

    It names the JSON Schema of messages in its first line, for an editor. The command of the
    container is the one that the task definition has; its environment is named, and never copied.
    What the stage would reject is said on stderr.

    \b
    Examples:
      runtask new nightly.yaml --from batch/report-service --stage dev
      runtask new --from report --stage prod --profile acme-prod
      runtask new --stage dev --json
    """  # noqa: D301 - click wants the character itself
    from runtask import template  # noqa: PLC0415 - imports boto3
    from runtask.account import sign_in  # noqa: PLC0415
    from runtask.surroundings import surroundings  # noqa: PLC0415 - imports Pulumi

    if file is not None and file.exists() and not force:
        raise UsageError(f"{file} exists; name another file, or replace it with --force")
    config = project.stage_config(stage)
    if source:
        account = sign_in(config, surroundings(project, profiles).sessions)
        made = template.from_running(source, account)
    else:
        made = template.from_configuration(config)
    for refusal in _refusals(made, project, stage):
        console.progress(f"stage {stage} would reject it: {refusal}")
    if as_json:
        console.as_json(made.message)
    text = made.as_yaml(template.schema_address(project, file.parent if file else Path()))
    if file is not None:
        _write(file, text)
        console.progress(f"wrote {file}; to check it, run: runtask explain {file} --stage {stage}")
    elif not as_json:
        click.echo(console.printable(text), nl=False)


def _refusals(made: Template, project: Project, stage: str) -> list[str]:
    """Return why the stage would reject a message as it is."""
    from runtask import explanation  # noqa: PLC0415 - imports botocore
    from runtask.messages import Message  # noqa: PLC0415
    from runtask.sending import handler_settings  # noqa: PLC0415

    settings = handler_settings(project.stage_config(stage))
    message = Message(source="the message", body=json.dumps(made.message))
    (explained,) = explanation.explain_messages([message], settings)
    return [refusal.error for refusal in explained.refusals]


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
