"""`runtask explain`: shows what messages may choose, and what a message asks for."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.errors import ExitCode, UsageError
from runtask.options import (
    HELP,
    STAGE_VARIABLE,
    json_option,
    only_stage,
    profile_option,
    project_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtask.explanation import ExplainedMessage, ExplainedParameter
    from runtask.profiles import Profiles
    from runtask.project import Project


@click.command(context_settings=HELP)
@click.argument("named", metavar="[FILE...|KEY...]", nargs=-1)
@click.option(
    "--stage",
    metavar="STAGE",
    envvar=STAGE_VARIABLE,
    help="The stage, as in Pulumi.STAGE.yaml.  "
    f"[default: {STAGE_VARIABLE}, or with a FILE or KEY the only stage]",
)
@json_option
@profile_option
@project_option
def explain(
    named: tuple[str, ...],
    stage: str | None,
    as_json: bool,  # noqa: FBT001 - click passes a flag so
    profiles: Profiles,
    project: Project,
) -> None:
    """Show what messages may choose, and what those in FILE... or with KEY... ask for.

    Without a FILE or KEY, every parameter of RunTask: who sets it, which option of the stage's file
    allows it, and what the stage allows. With files, what each message asks for, and each reason to
    reject it, with the option that would allow it. Nothing is sent, and AWS is not asked; so what a
    message leaves to its service or its task definition is not known. Values of commands and of
    environments are not shown. The exit code is 2 if a message would be rejected.

    With keys, the request that was made of each message, and what each parameter came from: the
    history tells it, and ECS while it describes the task. What is not the name of a file is a key.
    The exit code is 5 if nothing is known of a key.

    \b
    Examples:
      runtask explain
      runtask explain --stage prod
      runtask explain examples/*.json --stage dev
      runtask explain nightly.yaml --stage prod --json | jq -r '.[].refusals[].error'
      runtask explain nightly-2026-11-22 --stage prod
    """  # noqa: D301 - click wants the character itself
    from runtask import explanation  # noqa: PLC0415 - imports botocore
    from runtask.messages import read_messages  # noqa: PLC0415
    from runtask.sending import handler_settings  # noqa: PLC0415

    files, keys = _files_and_keys(named)
    if named and stage is None:  # what a message may choose is the stage's decision
        stage = only_stage(project)
    if keys and stage is not None:
        _print_keys(project, stage, profiles, keys, as_json=as_json)
        return
    settings = None if stage is None else handler_settings(project.stage_config(stage))
    if not files or settings is None:
        _print_parameters(explanation.explain_parameters(settings), as_json=as_json)
        return
    messages = explanation.explain_messages(read_messages(list(files), None), settings)
    _print_messages(messages, as_json=as_json)
    sys.exit(ExitCode.USAGE if any(message.refusals for message in messages) else ExitCode.OK)


def _files_and_keys(named: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Return the files and the keys of the command line.

    Raises:
        UsageError: if there are both.
    """
    from function.message.idempotency import valid_key  # noqa: PLC0415 - takes long

    keys = [name for name in named if name != "-" and valid_key(name) and not Path(name).exists()]
    files = [name for name in named if name not in keys]
    if files and keys:
        raise UsageError(
            f"found the files {', '.join(files)} and the keys {', '.join(keys)}; expected one of "
            "them (a key is what is not the name of a file)"
        )
    return files, keys


def _print_keys(
    project: Project, stage: str, profiles: Profiles, keys: list[str], *, as_json: bool
) -> None:
    from runtask.key_explanation import explain_key  # noqa: PLC0415 - imports boto3
    from runtask.stage_access import open_stage  # noqa: PLC0415

    access = open_stage(project, stage, profiles)
    found = [explain_key(access, key) for key in keys]
    if as_json:
        console.as_json([asdict(one) for one in found])
        return
    rows = [
        (one.key, made.parameter, str(made.value), made.source)
        for one in found
        for made in one.request
    ]
    if rows:
        console.table(("key", "parameter", "value", "from"), rows)
    for one in found:
        for note in one.notes:
            console.progress(f"{one.key}: {note}")


def _print_parameters(parameters: list[ExplainedParameter], *, as_json: bool) -> None:
    if as_json:
        console.as_json([asdict(parameter) for parameter in parameters])
        return
    rows = [
        (one.parameter, one.set_by, ", ".join(one.options), one.enforced_by)
        + (() if one.allowed is None else (one.allowed,))
        for one in parameters
    ]
    columns = ("parameter", "set by", "option", "enforced by", "allowed here")
    console.table(columns[: len(rows[0])], rows)


def _print_messages(messages: list[ExplainedMessage], *, as_json: bool) -> None:
    from runtask.explanation import shown  # noqa: PLC0415 - imports botocore

    if as_json:
        console.as_json([asdict(message) for message in messages])
        return
    console.table(
        ("message", "parameter", "asks for"),
        [
            (message.source, place, shown(value))
            for message in messages
            for place, value in _rows(message)
        ],
    )
    refusals = [
        (message.source, refusal.reason, shown_error(refusal.error))
        for message in messages
        for refusal in message.refusals
    ]
    if refusals:
        console.table(("message", "reason", "would be rejected"), refusals)


def _rows(message: ExplainedMessage) -> Iterator[tuple[str, object]]:
    if message.event is not None:
        yield "(event)", message.event
        yield "(key)", message.key
    yield from message.asks.items()


def shown_error(error: str) -> str:
    """Return an error without control characters, which a message's names can have."""
    return "".join(character if character.isprintable() else "?" for character in error)
