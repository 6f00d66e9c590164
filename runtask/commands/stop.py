"""`runtask stop`: stops the tasks of messages."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from function.outcomes.states import State
from runtask import console
from runtask.errors import ExitCode, RuntaskError, UsageError
from runtask.options import (
    HELP,
    dry_run_option,
    json_option,
    profile_option,
    project_option,
    stage_option,
    yes_option,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runtask.profiles import Profiles
    from runtask.project import Project
    from runtask.sight import Sight
    from runtask.stage_access import StageAccess
    from runtask.stopping import Stop

# The states in which a key can have tasks.
_STATES: Final = (State.LAUNCHING, State.RUNNING)

# The most keys of a state; whoever has more repeats the command.
_MAX_KEYS: Final = 10_000

_COLUMNS: Final = ("key", "state", "task", "outcome")


@click.command(context_settings=HELP)
@click.argument("keys", metavar="[KEY...]", nargs=-1)
@stage_option
@click.option(
    "--state",
    "states",
    metavar="STATE",
    multiple=True,
    type=click.Choice([state.value for state in _STATES]),
    help=f"All keys in this state, {' or '.join(_STATES)}; can be given twice.",
)
@dry_run_option
@yes_option
@json_option
@profile_option
@project_option
def stop(  # noqa: PLR0913, PLR0917 - one for each option
    keys: tuple[str, ...],
    stage: str,
    states: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - click passes a flag so
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    profiles: Profiles,
    project: Project,
) -> None:
    """Stop the tasks of the messages with KEY..., or of all in a state.

    What would be stopped is shown first, with account, region and stack, and asked. A task that is
    stopped so is not started again, and its key becomes stopped. Nothing is stopped if one of the
    keys is not known (exit code 5). Of a key whose message still waits there is nothing to stop;
    the exit code is 1 then. A key that has ended before is no error.

    \b
    Examples:
      runtask stop nightly-2026-11-22 --stage prod
      runtask stop --state running --stage dev --dry-run
      runtask stop --state launching --state running --stage dev --yes
    """  # noqa: D301 - click wants the character itself
    from runtask import stopping  # noqa: PLC0415 - imports boto3
    from runtask.confirmation import confirmed, require_terminal  # noqa: PLC0415
    from runtask.histories import check_key  # noqa: PLC0415
    from runtask.stage_access import open_stage  # noqa: PLC0415

    if bool(keys) == bool(states):
        raise UsageError("found KEY and --state, or neither; expected one of them")
    for key in keys:
        check_key(key)
    if not dry_run:
        require_terminal(yes=yes, what="stop tasks")
    access = open_stage(project, stage, profiles)
    plan = stopping.stops(_of_keys(access, keys) if keys else _of_states(access, states))
    number = sum(item.fate is stopping.Fate.TO_STOP for item in plan)
    if dry_run or not number:
        _print(plan, as_json=as_json)
        sys.exit(_exit_code(plan))
    if not yes:
        _ask_about(plan)
    if not confirmed(access, f"Stop {number} task{'' if number == 1 else 's'}?", yes=yes):
        console.progress("nothing was stopped")
        sys.exit(ExitCode.FAILED)
    done: list[Stop] = []
    try:
        for item in stopping.stop(access, plan):
            done.append(item)  # noqa: PERF402 - kept if the next one fails
    finally:  # what was stopped before an error belongs into the result
        _print(done, as_json=as_json)
    sys.exit(_exit_code(done))


def _of_keys(access: StageAccess, keys: Sequence[str]) -> list[Sight]:
    from runtask.follow import Follower  # noqa: PLC0415 - imports boto3
    from runtask.histories import unknown_key  # noqa: PLC0415

    follower = Follower(access, keys)
    follower.look()
    sights = list(follower.sights.values())
    unknown = [sight.key for sight in sights if not sight.known]
    if unknown:
        raise unknown_key(access, unknown)
    return sights


def _of_states(access: StageAccess, states: Sequence[str]) -> list[Sight]:
    from runtask.histories import Histories, Selection  # noqa: PLC0415 - imports boto3
    from runtask.sight import Sight  # noqa: PLC0415

    if not access.has_histories:
        raise RuntaskError(
            f"stage {access.stage} keeps no histories (ecs-run-task:outcomes), so the keys of a "
            "state are not known; name each KEY"
        )
    chosen = Selection(states=frozenset(map(State, states)), since=None, limit=_MAX_KEYS)
    listing = Histories(access).select(chosen)
    if listing.more:
        console.progress(f"there are more than {_MAX_KEYS} keys; repeat the command for the rest")
    return [Sight(history=one, known=True, recorded=True) for one in listing.histories]


def _ask_about(plan: Sequence[Stop]) -> None:
    """Show on stderr what would be stopped: stdout has the result."""
    from runtask.key_report import task_id  # noqa: PLC0415 - imports boto3

    for item in plan:
        if item.task:
            console.progress(f"{item.key} {item.state}: task {task_id(item.task)}")


def _print(plan: Sequence[Stop], *, as_json: bool) -> None:
    from runtask.key_report import task_id  # noqa: PLC0415 - imports boto3

    if as_json:
        console.as_json([asdict(item) for item in plan])
    elif plan:
        rows = [
            (item.key, item.state, console.shown_digest(task_id(item.task)) or "-", item.fate)
            for item in plan
        ]
        console.table(_COLUMNS, rows)
    else:
        console.progress("there is no such key, so nothing is to be stopped")


def _exit_code(plan: Sequence[Stop]) -> ExitCode:
    """Return FAILED if a key has no task yet: it would start after all."""
    from runtask.stopping import Fate  # noqa: PLC0415 - imports boto3

    waiting = [item.key for item in plan if item.fate is Fate.NOT_STARTED]
    if not waiting:
        return ExitCode.OK
    console.progress(
        f"{', '.join(waiting)}: no task to stop; the message, or a restart, waits in the work "
        "queue: repeat the command when it has started (runtask status KEY --follow)"
    )
    return ExitCode.FAILED
