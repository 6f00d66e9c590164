"""`runtask logs`: shows what the tasks of a message have written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runtask.options import HELP, json_option, profile_option, project_option, stage_option

if TYPE_CHECKING:
    from runtask.profiles import Profiles
    from runtask.project import Project


@click.command(context_settings=HELP)
@click.argument("key", metavar="KEY")
@stage_option
@click.option(
    "--container", metavar="NAME", default="", help="Only this container.  [default: all]"
)
@click.option("--follow", is_flag=True, help="Go on until the tasks have ended.")
@json_option
@profile_option
@project_option
def logs(  # noqa: PLR0913, PLR0917 - one for each option
    key: str,
    stage: str,
    container: str,
    follow: bool,  # noqa: FBT001 - click passes a flag so
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Show what the tasks of the message with KEY have written, from the first line to the last.

    Where there are several tasks or containers, each line begins with the task and the container.
    Logs are read from CloudWatch, where the log driver awslogs puts them; of a container with
    another driver, it is said where its log goes. With --json, each line is an object.

    \b
    Examples:
      runtask logs nightly-2026-11-22 --stage prod
      runtask logs nightly-2026-11-22 --container app --follow
      runtask logs nightly-2026-11-22 --json | jq -r .text
    """  # noqa: D301 - click wants the character itself
    from runtask.histories import check_key  # noqa: PLC0415 - imports boto3
    from runtask.log_output import print_logs  # noqa: PLC0415
    from runtask.stage_access import open_stage  # noqa: PLC0415

    check_key(key)
    access = open_stage(project, stage, profiles)
    print_logs(access, key, container, follow=follow, as_json=as_json)
