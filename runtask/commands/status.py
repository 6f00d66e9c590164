"""`runtask status`: shows what became of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from function.outcomes.states import PROBLEMS, State
from runtask import console
from runtask.errors import RuntaskError, UsageError
from runtask.options import HELP, json_option, profile_option, project_option, stage_option
from runtask.time_options import SINCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtask.profiles import Profiles
    from runtask.project import Project
    from runtask.sight import Sight
    from runtask.stage_access import StageAccess

_DEFAULT_LIMIT: Final = 50

# What a table shows that names no state.
_DEFAULT_SINCE: Final = "24h"

_COLUMNS: Final = ("key", "state", "reason", "exit code", "since", "what happened")


@click.command(context_settings=HELP)
@click.argument("keys", metavar="[KEY...]", nargs=-1)
@stage_option
@click.option(
    "--state",
    "states",
    metavar="STATE",
    multiple=True,
    type=click.Choice([state.value for state in State]),
    help=f"Only keys in this state; can be given several times: {', '.join(State)}.  "
    "[default: all but succeeded]",
)
@click.option(
    "--since",
    metavar="TIME",
    type=SINCE,
    help="Only what changed since then: 90s, 30m, 2h, 7d, or a date.  "
    f"[default: {_DEFAULT_SINCE} without a KEY]",
)
@click.option(
    "--limit",
    metavar="NUMBER",
    type=click.IntRange(min=1),
    default=_DEFAULT_LIMIT,
    show_default=True,
    help="The most keys of a table.",
)
@click.option(
    "--follow",
    is_flag=True,
    help="Go on showing what changes: of KEY... until all have ended, or else of the stage.",
)
@json_option
@profile_option
@project_option
def status(  # noqa: PLR0913, PLR0917 - one for each option
    keys: tuple[str, ...],
    stage: str,
    states: tuple[str, ...],
    since: float | None,
    limit: int,
    follow: bool,  # noqa: FBT001 - click passes a flag so
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Show what became of the messages with KEY..., or which keys are in which state.

    Of one key: what was asked, what happened when, why its tasks stopped, the exit code of each
    container, the cause and the cure. Of several keys, and without any, a table. Keys that have
    succeeded are in it only with --state succeeded, for which the whole ledger is read.

    With --follow and without a KEY: what waits and is in flight, what waits and why, launches a
    second, what became of messages, and the dead-letter queue; on a terminal it is drawn anew, and
    into a pipe one line is written each time (with --json, one object a line).

    The exit code is 5 if nothing is known of a key, whatever became of the others.

    \b
    Examples:
      runtask status nightly-2026-11-22 --stage prod
      runtask status --state failed --since 2h
      runtask status --state running --json | jq -r '.[].key'
      runtask status nightly-2026-11-22 nightly-2026-11-23 --follow
      runtask status --stage prod --follow
    """  # noqa: D301 - click wants the character itself
    from runtask.histories import check_key  # noqa: PLC0415 - imports boto3
    from runtask.stage_access import open_stage  # noqa: PLC0415

    for key in keys:
        check_key(key)
    if keys and (states or since is not None):
        raise UsageError("KEY and --state or --since: expected one of them")
    if follow and (states or since is not None):
        raise UsageError("--follow shows all states; leave --state and --since out")
    access = open_stage(project, stage, profiles)
    if follow:
        _follow(access, keys, as_json=as_json)
    elif keys:
        _show_keys(access, keys, as_json=as_json)
    else:
        if since is None:
            since = SINCE.convert(_DEFAULT_SINCE, None, None)
        _show_table(access, states, since, limit, as_json=as_json)


def _show_keys(access: StageAccess, keys: tuple[str, ...], *, as_json: bool) -> None:
    from runtask.follow import Follower  # noqa: PLC0415 - imports boto3
    from runtask.histories import unknown_key  # noqa: PLC0415
    from runtask.key_report import key_report  # noqa: PLC0415
    from runtask.status_output import show_key  # noqa: PLC0415

    _say_limits(access)
    follower = Follower(access, keys)
    follower.look()
    sights = [follower.sights[key] for key in dict.fromkeys(keys)]
    known = [sight for sight in sights if sight.known]
    if as_json:
        console.as_json([key_report(sight, access.stage) for sight in known])
    elif len(sights) == 1 and known:
        show_key(known[0], access.stage)
    elif known:
        _print_table(known)
    unknown = [sight.key for sight in sights if not sight.known]
    if unknown:
        raise unknown_key(access, unknown)


def _show_table(
    access: StageAccess, states: tuple[str, ...], since: float, limit: int, *, as_json: bool
) -> None:
    from runtask.histories import Histories, Selection  # noqa: PLC0415 - imports boto3
    from runtask.key_report import key_report  # noqa: PLC0415
    from runtask.sight import Sight  # noqa: PLC0415

    if not access.has_histories:
        raise RuntaskError(
            f"stage {access.stage} keeps no histories, so there is no table by state; name a KEY, "
            "use --follow for the queues, or set ecs-run-task:outcomes to true in "
            f"Pulumi.{access.stage}.yaml and run: pulumi up -s {access.stage}"
        )
    chosen = frozenset(map(State, states)) or (
        PROBLEMS | {State.QUEUED, State.LAUNCHING, State.RUNNING}
    )
    listing = Histories(access).select(Selection(states=chosen, since=since, limit=limit))
    sights = [Sight(history=history, known=True, recorded=True) for history in listing.histories]
    if as_json:
        console.as_json([key_report(sight, access.stage) for sight in sights])
    elif sights:
        _print_table(sights)
    else:
        console.progress(f"stage {access.stage} has no such key")
    if listing.more:
        console.progress(f"there are more; the newest {limit} are shown (--limit)")
    if not states:
        console.progress("succeeded keys are left out (--state succeeded)")


def _print_table(sights: Sequence[Sight]) -> None:
    from runtask.histories import changed_at  # noqa: PLC0415 - imports boto3
    from runtask.key_report import moment, what_words  # noqa: PLC0415

    console.table(
        _COLUMNS,
        [
            (
                sight.key,
                sight.history.state,
                sight.history.reason or "-",
                "-" if sight.history.exit_code is None else sight.history.exit_code,
                moment(changed_at(sight.history)) or "-",
                what_words(sight.history),
            )
            for sight in sights
        ],
    )


def _say_limits(access: StageAccess) -> None:
    if not access.has_histories:
        console.progress(
            f"stage {access.stage} keeps no histories (ecs-run-task:outcomes): this is what ECS "
            "says of the tasks, until an hour after their end; why a message was rejected is in "
            "its dead letter"
        )


def _follow(access: StageAccess, keys: tuple[str, ...], *, as_json: bool) -> None:
    if keys:
        from runtask.following import follow_keys  # noqa: PLC0415 - imports boto3

        _say_limits(access)
        follow_keys(access, keys, as_json=as_json)
    else:
        from runtask.stage_view import follow_stage  # noqa: PLC0415 - imports boto3

        follow_stage(access, as_json=as_json)
