"""`runtask local`: the rehearsal, where it is installed. It is no part of this package."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

import click

from runtask.errors import UsageError

# The rehearsal declares its command under this entry point group.
GROUP: Final = "runtask.commands"
NAME: Final = "local"

_INSTALL: Final = "run ./dev -s local in a checkout, or install it: pip install -e . -e ./rehearsal"


def load() -> click.Command:
    """Return the command of the installed rehearsal.

    Raises:
        UsageError: if the rehearsal is not installed, or not with everything that it needs.
    """
    for entry_point in entry_points(group=GROUP, name=NAME):
        try:
            command: click.Command = entry_point.load()
        except ImportError as error:
            raise UsageError(
                f"the rehearsal is installed but cannot be imported: {error}; {_INSTALL}"
            ) from None
        return command
    raise UsageError(f"the rehearsal is not installed; {_INSTALL}")


# Everything after the verb, --help too, is for the rehearsal's own command.
@click.command(
    NAME,
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    short_help="Rehearse on an embedded AWS (for development).",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def local(context: click.Context, arguments: tuple[str, ...]) -> None:
    """Run the rehearsal's command with `arguments`."""
    load().main(list(arguments), prog_name=context.command_path, standalone_mode=False)
