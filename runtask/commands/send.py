"""`runtask send`: checks messages as the handler would, and sends them to a stage."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import UsageError
from runtask.options import (
    HELP,
    json_option,
    profile_option,
    project_option,
    stage_option,
)

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project


@click.command(context_settings=HELP)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@stage_option
@click.option(
    "--key", metavar="KEY", help="The idempotency key; the same key never starts a second task."
)
@click.option(
    "--group",
    metavar="GROUP",
    help="The message group, for a FIFO queue.  [default: one per message]",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the RunTask request of each message; ask AWS nothing, and send nothing.",
)
@click.option(
    "--show-values",
    is_flag=True,
    help="With --dry-run: print the values of environment and command, too, which may be secrets.",
)
@json_option
@profile_option
@project_option
def send(  # noqa: PLR0913, PLR0917 - one for each option
    files: tuple[str, ...],
    stage: str,
    key: str | None,
    group: str | None,
    dry_run: bool,  # noqa: FBT001 - click passes a flag so
    show_values: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Send the messages in FILE... to a stage.

    A file is JSON, or YAML with one message or several; - is standard input. Every message is
    checked as the handler would check it; if one is invalid, none is sent.

    --dry-run prints the exact request of each message. What the handler looks up in ECS is shown as
    <from service NAME> or <from task definition NAME>.

    \b
    Examples:
      runtask send examples/run-task.json --stage dev
      runtask send nightly.yaml --stage prod --key nightly-2026-11-22
      runtask send nightly.yaml --stage prod --profile acme-prod --json
      runtask send nightly.yaml --stage prod --dry-run
      runtask send nightly.yaml --stage prod --dry-run --show-values
      runtask send nightly.yaml --stage prod --dry-run --json | jq '.[0].request.overrides'
    """  # noqa: D301 - click wants the character itself
    from runtask import dry_run as offline  # noqa: PLC0415 - imports boto3
    from runtask import sending  # noqa: PLC0415
    from runtask.account import ProfileSessions  # noqa: PLC0415
    from runtask.messages import read_messages  # noqa: PLC0415

    config = project.stage_config(stage)
    messages = read_messages(list(files), key)
    if dry_run:
        requests = offline.requests(messages, config, show_values=show_values)
        if as_json:
            console.as_json([asdict(request) for request in requests])
        else:
            console.table(
                ("message", "parameter", "value"),
                ((request.message, *row) for request in requests for row in request.rows()),
            )
        return
    if show_values:
        raise UsageError("--show-values: is for --dry-run; leave it out, or add --dry-run")
    sessions = ProfileSessions(profiles=profiles)
    sent = []
    try:
        for message in sending.send(messages, config, sessions, group=group):
            console.progress(f"sent {message.source}")
            sent.append(message)
    finally:  # what was sent before an error is in the queue, and belongs into the result
        if as_json:
            console.as_json([asdict(message) for message in sent])
        elif sent:
            rows = [(message.source, message.key, message.message_id) for message in sent]
            console.table(("message", "key", "message id"), rows)
