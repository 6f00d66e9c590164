"""`runtask send`: checks messages as the handler would, and sends them to a stage."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

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
from runtask.waiting.options import wait_options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infra.config import FunctionConfig
    from runtask.account import Sessions
    from runtask.delivery.run import SendOptions, SentMessage
    from runtask.messages import MessageInput
    from runtask.profiles import Profiles
    from runtask.project import Project
    from runtask.waiting.options import WaitOptions

# With more messages than one call takes, a run can break off in the middle.
_MAX_UNRECORDED: Final = 10

_COMMAND: Final = "--command"


class _SendCommand(click.Command):
    """A command whose words after `--command --` are the command of a container."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Take the words of the command away before the options are read."""
        if "--" in args:
            end = args.index("--")
            if end and args[end - 1] == _COMMAND:
                context.meta[_COMMAND] = tuple(args[end + 1 :])
                args = args[:end]
        return super().parse_args(context, args)


@click.command(cls=_SendCommand, context_settings=HELP)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@stage_option
@click.option(
    "--set",
    "values",
    metavar="PATH=VALUE",
    multiple=True,
    help="Set a parameter in every message, such as ECS.overrides.cpu=1024; can be given several "
    "times.",
)
@click.option(
    "--env",
    "environment",
    metavar="NAME=VALUE",
    multiple=True,
    help="Set a variable of the container in every message; can be given several times.",
)
@click.option(
    _COMMAND,
    "command",
    is_flag=True,
    help="The words after -- are the container's command; the last option: --command -- WORDS.",
)
@click.option(
    "--container",
    metavar="NAME",
    help="The container that --env and --command are for.  [default: the one that the message "
    "overrides]",
)
@click.option(
    "--each",
    metavar="ROWS",
    help="A CSV file: send the only message once for each row, with {column} filled in.",
)
@click.option(
    "--key", metavar="KEY", help="The idempotency key; the same key never starts a second task."
)
@click.option(
    "--key-column",
    metavar="COLUMN",
    help="With --each: the column that holds the key of each row.  [default: derived from the run "
    "and the row]",
)
@click.option(
    "--run",
    "run_name",
    metavar="NAME",
    help="The name of the run: under the same name, the same messages get the same keys.  "
    "[default: a new one]",
)
@click.option(
    "--group",
    metavar="GROUP",
    help="The message group; with --each, {column} is filled in.  [default: none; in a FIFO queue, "
    "one per message]",
)
@click.option(
    "--rate",
    metavar="NUMBER",
    type=click.FloatRange(min=0, min_open=True),
    help="Messages a second at most.  [default: no limit]",
)
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the run is recorded, so that it can go on.  [default: beside the rows, or beside "
    "the first FILE with more than 10 messages, as FILE.STAGE.sent]",
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
@wait_options
@json_option
@profile_option
@project_option
@click.pass_context
def send(  # noqa: PLR0913, PLR0917 - one for each option
    context: click.Context,
    files: tuple[str, ...],
    stage: str,
    values: tuple[str, ...],
    environment: tuple[str, ...],
    command: bool,  # noqa: FBT001 - click passes a flag so
    container: str | None,
    each: str | None,
    key: str | None,
    key_column: str | None,
    run_name: str | None,
    group: str | None,
    rate: float | None,
    record: Path | None,
    dry_run: bool,  # noqa: FBT001
    show_values: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
    waits: WaitOptions | None,
) -> None:
    """Send the messages in FILE... to a stage, and print their keys.

    A file is JSON, JSON lines, or YAML with one message or several; - is standard input. Every
    message is checked as the handler would check it; if one is invalid, none is sent, and the error
    names file, line and parameter.

    With --each, the message in FILE is a template: {column} in its texts is filled in from each
    row, and a text that is {column} alone becomes a number where ECS expects one. {{column}} stands
    for {column} itself.

    A run of more than 10 messages, and each with rows, is recorded beside its file. If it breaks
    off, the same command sends the rest. Messages whose answer was lost are sent again with their
    keys, so they start nothing twice; the command says how many they are.

    stdout has one key a line, or, with --json, one object a line: source, key, message_id, group.
    They are printed at the end, also after an error, for all messages of the run that are in the
    queue. --dry-run prints the exact request of each message. What the handler looks up in ECS is
    shown as <from service NAME> or <from task definition NAME>.

    With --wait, the exit code is that of the container that decides: one that the message
    overrides, or else an essential one. A message that is rejected, never starts, is stopped by
    maxRuntime or by somebody has an exit code of its own (runtask --help). Of several messages, the
    worst decides: rejected, never-started, timed-out, stopped, failed; of those that failed, the
    highest exit code. Changes are shown on stderr; with --json, stdout has an object for each, and
    each object has a member event: sent, state or log. Ctrl-C ends the wait, not the tasks, and
    prints the commands to go on with.

    \b
    Examples:
      runtask send examples/run-task.json --stage dev
      runtask send nightly.yaml --stage prod --key nightly-2026-11-22
      runtask send job.yaml --stage dev --set ECS.overrides.cpu=1024 --env MONTH=2026-10
      runtask send job.yaml --stage dev --command -- sh -c 'exit 7'
      runtask send job.yaml --stage prod --each customers.csv --group '{tenant}' --rate 50
      runtask send job.yaml --stage prod --each customers.csv --run 2026-11-22
      runtask send nightly.yaml --stage prod --wait --logs --timeout 2h
      generate-jobs | runtask send - --stage prod --json | jq -r .key
      runtask send nightly.yaml --stage prod --dry-run --show-values
      runtask send nightly.yaml --stage prod --dry-run --json | jq '.[0].request.overrides'
    """  # noqa: D301 - click wants the character itself
    from runtask.delivery.run import SendOptions  # noqa: PLC0415 - imports boto3
    from runtask.input.settings import read_settings  # noqa: PLC0415
    from runtask.messages import read_input  # noqa: PLC0415
    from runtask.surroundings import surroundings  # noqa: PLC0415

    words = context.meta.get(_COMMAND)
    if command and words is None:
        raise UsageError("--command: expected -- and the words behind it, as the last option")
    config = project.stage_config(stage)
    source = read_input(
        files,
        settings=read_settings(values, environment, words, container),
        each=each,
        key=key,
        key_column=key_column,
        group=group,
    )
    if dry_run:
        if waits is not None:
            raise UsageError("--dry-run sends nothing to wait for; leave --wait out")
        _print_requests(source, config, run_name, show_values=show_values, as_json=as_json)
        return
    if show_values:
        raise UsageError("--show-values: is for --dry-run; leave it out, or add --dry-run")
    how = SendOptions(
        rate=rate,
        record=record or _default_record(source, files, stage),
        run=run_name,
    )
    sessions = surroundings(project, profiles).sessions
    if waits is None:
        _send(source, config, how, sessions, as_json=as_json)
        return
    from runtask.stage_access import open_stage  # noqa: PLC0415 - imports boto3
    from runtask.waiting.run import WaitedRun  # noqa: PLC0415

    waited = WaitedRun(
        source=source, config=config, how=how, sessions=sessions, waits=waits, as_json=as_json
    )
    waited.go(partial(open_stage, project, stage, profiles))


def _send(
    source: MessageInput,
    config: FunctionConfig,
    how: SendOptions,
    sessions: Sessions,
    *,
    as_json: bool,
) -> None:
    from runtask.delivery import run  # noqa: PLC0415 - imports boto3

    sent: list[SentMessage] = []
    try:
        sent.extend(run.send(source, config, sessions, how))
    finally:  # what was sent before an error is in the queue, and belongs into the result
        _print_sent(sent, as_json=as_json)


def _print_sent(sent: Iterable[SentMessage], *, as_json: bool) -> None:
    for message in sent:
        line = json.dumps(asdict(message), ensure_ascii=False) if as_json else message.key
        sys.stdout.write(console.printable(line) + "\n")
    sys.stdout.flush()


def _print_requests(
    source: MessageInput,
    config: FunctionConfig,
    run_name: str | None,
    *,
    show_values: bool,
    as_json: bool,
) -> None:
    from runtask import dry_run as offline  # noqa: PLC0415 - imports botocore
    from runtask.delivery.run import check  # noqa: PLC0415
    from runtask.messages import new_key  # noqa: PLC0415

    messages = source.with_keys(run_name or new_key())
    check(messages, config)
    requests = offline.requests(messages, config, show_values=show_values)
    if as_json:
        console.as_json([asdict(request) for request in requests])
        return
    console.table(
        ("message", "parameter", "value"),
        ((request.message, *row) for request in requests for row in request.rows()),
    )


def _default_record(source: MessageInput, files: tuple[str, ...], stage: str) -> Path | None:
    """Return where a run is recorded; None if it need not be, or has no file to be beside."""
    from runtask.delivery.record import record_path  # noqa: PLC0415 - read with the rest
    from runtask.input.documents import STDIN  # noqa: PLC0415

    beside = source.rows
    if beside is None and len(source.messages) > _MAX_UNRECORDED:
        beside = files[0]
    return None if beside is None or beside == STDIN else record_path(beside, stage)
