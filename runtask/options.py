"""Options that several commands share, each defined once."""

from __future__ import annotations

from pathlib import Path

import click

from runtask.project import load_project

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


project_option = click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    show_default="this folder",
    callback=lambda _context, _option, folder: load_project(folder),
    help="The folder of Pulumi.yaml.",
)


def _profiles(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    wrong = [stage for stage, equals, profile in pairs if not (stage and equals and profile)]
    if wrong:
        raise click.BadParameter(f"{wrong[0]}: expected STAGE=PROFILE, as in prod=acme-prod")
    return {stage: profile for stage, _, profile in pairs}


profile_option = click.option(
    "--profile",
    "profiles",
    metavar="STAGE=PROFILE",
    multiple=True,
    callback=_profiles,
    help="The AWS profile for a stage.  [default: the shell's credentials]",
)
