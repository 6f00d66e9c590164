"""`runtask schema`: prints the JSON Schema of a message or of a stack's file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from runtask import console
from runtask.options import HELP, project_option

if TYPE_CHECKING:
    from runtask.project import Project

_MESSAGE: Final = "message"
_STACK: Final = "stack"


@click.command(context_settings=HELP)
@click.argument("kind", metavar="[message|stack]", type=click.Choice((_MESSAGE, _STACK)))
@project_option
def schema(kind: str, project: Project) -> None:
    """Print the JSON Schema of a message, or of a stack's file.

    An editor with the YAML language server checks and completes a file that names a schema in its
    first line. Both schemas are in the folder schemas of the project, too. They say which names and
    types there are; what a stage allows is said by runtask explain.

    \b
    Examples:
      runtask schema message > message.schema.json
      runtask schema stack | jq -r '.properties.config.properties | keys[]'
    """  # noqa: D301 - click wants the character itself
    if kind == _MESSAGE:
        from runtask.schema.message import message_schema  # noqa: PLC0415 - imports botocore

        console.as_json(message_schema())
        return
    from runtask.schema.stack import stack_schema  # noqa: PLC0415 - imports Pulumi

    console.as_json(stack_schema(project))
