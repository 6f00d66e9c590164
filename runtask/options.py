"""The options that several verbs share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from infra.json_object import SHA256
from runtask.profiles import Profiles, parse_profiles

if TYPE_CHECKING:
    from runtask.project import Project

HELP: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _load(_context: click.Context, _option: click.Parameter, folder: Path) -> Project:
    from runtask.project import load_project  # noqa: PLC0415 - imports Pulumi

    return load_project(folder)


def _parse(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> Profiles:
    try:
        return parse_profiles(values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def parse_digest(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Return a digest of the command line, if it is one; the callback of an argument or option.

    Raises:
        BadParameter: if it is not.
    """
    if value is not None and not SHA256.fullmatch(value):
        raise click.BadParameter(
            f"found {value!r}; expected a SHA-256 in 64 hexadecimal digits, as printed by: "
            "runtask stages --json"
        )
    return value


project_option = click.option(
    "--project",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    callback=_load,
    help="The folder of Pulumi.yaml.  [default: the current folder]",
)

stage_option = click.option(
    "--stage",
    metavar="STAGE",
    required=True,
    help="The stage, as in Pulumi.STAGE.yaml.",
)

# The same option for a verb that works on all stages where none is named.
stages_option = click.option(
    "--stage",
    "only",
    metavar="STAGE",
    multiple=True,
    help="The stage, as in Pulumi.STAGE.yaml; can be given several times.  [default: all stages]",
)

profile_option = click.option(
    "--profile",
    "profiles",
    metavar="[STAGE=]PROFILE",
    multiple=True,
    callback=_parse,
    help="The AWS profile to use, for one stage or for all; can be given several times.  "
    "[default: the credentials of the shell]",
)

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as JSON instead of a table."
)

yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Show what would be done, and change nothing."
)

allow_dirty_option = click.option(
    "--allow-dirty",
    is_flag=True,
    help="Accept an artifact that was built from uncommitted changes, which cannot be verified.",
)
