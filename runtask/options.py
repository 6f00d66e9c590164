"""The options that several verbs share, each defined once."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from infra.json_object import SHA256
from runtask.errors import UsageError
from runtask.profiles import Profiles, parse_profiles

if TYPE_CHECKING:
    from runtask.project import Project

HELP: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


# The stage of commands that name none.
STAGE_VARIABLE: Final = "RUNTASK_STAGE"

# The file that `runtask local --keep` names sets the folder in which its stack files are.
PROJECT_VARIABLE: Final = "RUNTASK_PROJECT"

# The folder of a rehearsal that was kept; the same file sets it.
REHEARSAL_VARIABLE: Final = "RUNTASK_REHEARSAL"

# Names of the parameters; the stage's default depends on the project.
_STAGE: Final = "stage"
_PROJECT: Final = "project"

# The first digits of a digest that name an artifact.
_DIGEST_PREFIX: Final = re.compile("[0-9a-f]{4,64}")


def _load(context: click.Context, _option: click.Parameter, folder: Path) -> Project | None:
    if context.resilient_parsing:  # completes a command line
        return None
    from runtask.project import load_project  # noqa: PLC0415 - imports Pulumi

    rehearsal_folder()
    project = load_project(folder)
    if _needs_stage(context) and context.params.get(_STAGE, "") is None:
        context.params[_STAGE] = only_stage(project)
    return project


def rehearsal_folder() -> Path | None:
    """Return the folder of the rehearsal that the shell works with; None for real accounts.

    Raises:
        UsageError: if the rehearsal has ended.
    """
    folder = os.environ.get(REHEARSAL_VARIABLE, "")
    if folder and not Path(folder).is_dir():
        raise UsageError(
            f"{REHEARSAL_VARIABLE} names {folder}, a rehearsal that has ended; start a new shell, "
            f"or run: unset {REHEARSAL_VARIABLE} {PROJECT_VARIABLE} {STAGE_VARIABLE} "
            "AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY"
        )
    return Path(folder) if folder else None


def _default_stage(
    context: click.Context, _option: click.Parameter, value: str | None
) -> str | None:
    project = context.params.get(_PROJECT)
    if value is None and project is not None and not context.resilient_parsing:
        return only_stage(project)
    return value


def _needs_stage(context: click.Context) -> bool:
    """Return whether a command has the option `--stage` with a default."""
    return any(
        parameter.name == _STAGE and parameter.callback is _default_stage
        for parameter in context.command.params
    )


def _complete_stage(context: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """Return the stages whose names begin so, for a shell; no file is read."""
    folder = Path(context.params.get(_PROJECT) or os.environ.get(PROJECT_VARIABLE) or ".")
    stacks = (path.name.split(".")[1] for path in folder.glob("Pulumi.*.yaml"))
    found = (stack for stack in stacks if not stack.endswith("-bootstrap"))
    return sorted(stage for stage in found if stage.startswith(incomplete))


def only_stage(project: Project) -> str:
    """Return the only stage of a project.

    Raises:
        UsageError: if there are several, or none.
    """
    stages = project.stages()
    if len(stages) != 1:
        known = ", ".join(stages) or "none"
        raise UsageError(
            f"--stage is missing, and the stages of the project are {known}; name one, or set "
            f"{STAGE_VARIABLE}"
        )
    return stages[0]


def _parse(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> Profiles:
    try:
        return parse_profiles(values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def parse_digest(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    """Return a digest of the command line, if it is one; the callback of an option.

    Raises:
        BadParameter: if it is not.
    """
    if value is not None and not SHA256.fullmatch(value):
        raise click.BadParameter(
            f"found {value!r}; expected a SHA-256 in 64 hexadecimal digits, as printed by: "
            "runtask stages --json"
        )
    return value


def parse_digest_prefix(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Return the first digits of a digest, if they are some; the callback of an argument.

    Raises:
        BadParameter: if they are not.
    """
    if not _DIGEST_PREFIX.fullmatch(value):
        raise click.BadParameter(
            f"found {value!r}; expected a SHA-256 or its first digits, four or more, as printed "
            "by: runtask history STAGE"
        )
    return value


project_option = click.option(
    "--project",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    default=Path(),
    envvar=PROJECT_VARIABLE,
    callback=_load,
    help="The folder of Pulumi.yaml.  [default: the current folder]",
)

stage_option = click.option(
    "--stage",
    metavar="STAGE",
    envvar=STAGE_VARIABLE,
    callback=_default_stage,
    shell_complete=_complete_stage,
    help=f"The stage, as in Pulumi.STAGE.yaml.  [default: {STAGE_VARIABLE}, or the only stage]",
)

# The same option for a verb that works on all stages where none is named.
stages_option = click.option(
    "--stage",
    "only",
    metavar="STAGE",
    multiple=True,
    shell_complete=_complete_stage,
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
