"""What `runtask redrive` does: looks, decides, asks, moves, and says what became of each letter."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import click

from runtask import console
from runtask.confirmation import confirmed, require_terminal
from runtask.delivery.progress import make_progress
from runtask.delivery.run import PROGRESS_MESSAGES
from runtask.errors import ExitCode, RuntaskError, UnknownKeyError, UsageError
from runtask.histories import Histories
from runtask.redrive.edit import edited
from runtask.redrive.move import Move, Orders
from runtask.redrive.plan import relaunched, survey
from runtask.redrive.queue import DeadLetterQueue
from runtask.sending import handler_settings
from runtask.stage_access import open_stage

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from runtask.profiles import Profiles
    from runtask.project import Project
    from runtask.redrive.plan import Decision, Group, Selection, Survey
    from runtask.stage_access import StageAccess


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the command line asks for.

    Attributes:
        selection: Which letters are meant.
        edit: Whether their bodies are changed before.
        relaunch: Whether their tasks are started again, under new keys.
        rate: Messages a second; None for no limit.
        dry_run: Whether nothing is moved.
        ask: Whether to ask before something is.
        as_json: Whether the result is printed as JSON.
    """

    selection: Selection
    edit: bool = False
    relaunch: bool = False
    rate: float | None = None
    dry_run: bool = False
    ask: bool = True
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A letter in the result.

    Attributes:
        key: Its key.
        reason: Why it is a dead letter.
        error: What was found.
        tasks: How many of its tasks were started, or `unknown`; empty if nothing tells.
        dead_letter: What SQS calls it in the dead-letter queue.
        result: `redriven`, `relaunched`, `stays`, `in-doubt` (it may be in both queues), or
            `missed` (it was not visible any more); of a dry run, `redrive` or `relaunch`.
        new_key: The key of a message whose tasks are started again; empty for others.
        message_id: What SQS calls it in the work queue; empty if it is not there.
        why: Why it stays; empty if it does not.
    """

    key: str
    reason: str
    error: str
    tasks: str
    dead_letter: str
    result: str
    new_key: str = ""
    message_id: str = ""
    why: str = ""

    @property
    def words(self) -> str:
        """What became of it, for the table."""
        if self.why:
            return f"{self.result}: {self.why}"
        return f"{self.result} as {self.new_key}" if self.new_key else self.result


def execute(project: Project, stage: str, profiles: Profiles, wishes: Wishes) -> ExitCode:
    """Do what the command line asks for, and print the result.

    Raises:
        UsageError: if options do not fit together, there is no terminal to ask at, or a body was
            changed to one that the handler would reject.
        UnknownKeyError: if there is no letter with a key.
        AccountError: if the credentials are missing, invalid or of another account.
        RuntaskError: if SQS rejects a request, or Ctrl-C ended the redrive.
    """
    _check(wishes)
    access = open_stage(project, stage, profiles)
    queue = DeadLetterQueue(access=access, settings=handler_settings(access.config))
    found = survey(queue, wishes.selection, relaunch=wishes.relaunch, edit=wishes.edit)
    if not wishes.selection:
        _print_groups(found, access, as_json=wishes.as_json)
        return ExitCode.OK
    _check_found(found, wishes.selection, access)
    chosen = found.chosen
    if wishes.edit:
        chosen = edited(chosen, queue, relaunch=wishes.relaunch, again=_again)
    if wishes.relaunch:
        chosen = relaunched(chosen)
        _tell_known({one.key for one in chosen if not one.refusal}, access)
    found = replace(found, chosen=chosen)
    if wishes.dry_run or not found.moving:
        rows = [_planned(one) for one in found.chosen]
    elif not _confirm(found, access, wishes):
        return ExitCode.FAILED
    else:
        return _moved(found, queue, wishes)
    _print_rows(rows, as_json=wishes.as_json)
    return ExitCode.FAILED if found.staying else ExitCode.OK


def _check(wishes: Wishes) -> None:
    for option, given in (
        ("--edit", wishes.edit),
        ("--relaunch", wishes.relaunch),
        ("--rate", wishes.rate is not None),
        ("--dry-run", wishes.dry_run),
    ):
        if given and not wishes.selection:
            raise UsageError(f"{option}: which letters? add --reason, --key or --all")
    if wishes.selection.everything and (wishes.selection.reasons or wishes.selection.keys):
        raise UsageError("--all: is every letter; leave out --reason and --key, or --all")
    if wishes.selection:
        require_terminal(yes=not wishes.ask or wishes.dry_run, what="redrive")


def _check_found(found: Survey, selection: Selection, access: StageAccess) -> None:
    """Check that there is a letter for each reason and key that was named.

    Raises:
        UnknownKeyError: if there is none with a key.
        RuntaskError: if there is none with a reason.
    """
    hidden = found.total - found.seen
    behind = (
        f"; about {hidden:,} letters were not seen: others read them at the moment, or they are "
        "behind others of their group"
        if hidden > 0
        else ""
    )
    there = f"the dead-letter queue of stage {access.stage}"
    missing = sorted(selection.keys - {one.letter.key for one in found.chosen})
    if missing:
        raise UnknownKeyError(f"{there} has no letter with the key {', '.join(missing)}{behind}")
    reasons = sorted(group.reason for group in found.groups)
    absent = sorted(selection.reasons - set(reasons))
    if absent:
        raise RuntaskError(
            f"{there} has no letter with the reason {', '.join(absent)}; the reasons there: "
            f"{', '.join(reasons) or 'none, it is empty'}{behind}"
        )


def _confirm(found: Survey, access: StageAccess, wishes: Wishes) -> bool:
    for one in found.staying:
        console.progress(f"{one.letter.key} stays: {one.refusal}")
    what = f"{len(found.moving):,} of {found.total:,} dead letters"
    if _has_more_behind(found, access, wishes):
        what += ", and those behind them in their groups,"
    how = "Start the tasks of" if wishes.relaunch else "Redrive"
    again = " again, under new keys" if wishes.relaunch else ""
    return confirmed(access, f"{how} {what}{again}?", yes=not wishes.ask)


def _tell_known(keys: Collection[str], access: StageAccess) -> None:
    """Say which new keys are none: those of letters that were relaunched before."""
    try:
        known = Histories(access).many(keys)
    except RuntaskError as error:
        console.progress(f"it is not known whether something was relaunched before: {error}")
        return
    for key in sorted(known):
        console.progress(
            f"{key} is known, so this was relaunched before: what was started for it is not "
            "started once more"
        )


def _again(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return click.confirm(console.printable(question), default=True, err=True)


def _has_more_behind(found: Survey, access: StageAccess, wishes: Wishes) -> bool:
    """Return whether letters follow in the groups of a FIFO queue that could not be seen yet."""
    unchanged = not (wishes.edit or wishes.relaunch or wishes.selection.keys)
    return access.config.fifo and unchanged and found.total > found.seen


def _moved(found: Survey, queue: DeadLetterQueue, wishes: Wishes) -> ExitCode:
    total = len(found.moving)
    with make_progress(total, 0, shown=total >= PROGRESS_MESSAGES) as progress:
        move = Move(
            queue,
            Orders(
                survey=found,
                selection=wishes.selection,
                behind=_has_more_behind(found, queue.access, wishes),
                rate=wishes.rate,
                progress=progress.update,
            ),
        )
        try:
            move.run()
        finally:  # what was moved before an error is in the work queue
            rows = [_result(one, move) for one in move.decisions]
            _print_rows(rows, as_json=wishes.as_json)
    if move.missing:
        console.progress(
            f"{move.missing:,} letters were not visible any more: somebody else reads them, or "
            "they are behind others of their group; to go on, run the same command again"
        )
    done = {"redriven", "relaunched"}
    return ExitCode.OK if all(row.result in done for row in rows) else ExitCode.FAILED


def _planned(one: Decision) -> Row:
    relaunch = one.key != one.letter.key
    result = "relaunch" if relaunch else "redrive"
    return replace(
        _row(one),
        result="stays" if one.refusal else result,
        new_key=one.key if relaunch else "",
        why=one.refusal,
    )


def _result(one: Decision, move: Move) -> Row:
    name = one.letter.message_id
    planned = _planned(one)
    if one.refusal:
        return planned
    if name in move.moved:
        result = "relaunched" if planned.new_key else "redriven"
        return replace(planned, result=result, message_id=move.moved[name])
    if name in move.in_doubt:
        return replace(planned, result="in-doubt", why="it may be in both queues")
    if name in move.refused:
        return replace(planned, result="stays", why=move.refused[name])
    return replace(planned, result="missed", why="it was not reached")


def _row(one: Decision) -> Row:
    letter = one.letter
    return Row(
        key=letter.key,
        reason=letter.reason,
        error=letter.error,
        tasks=letter.tasks,
        dead_letter=letter.message_id,
        result="",
    )


def _print_rows(rows: Sequence[Row], *, as_json: bool) -> None:
    if as_json:
        console.as_json([asdict(row) for row in rows])
        return
    console.table(("key", "reason", "result"), ((row.key, row.reason, row.words) for row in rows))


def _print_groups(found: Survey, access: StageAccess, *, as_json: bool) -> None:
    if as_json:
        console.as_json([{**asdict(group), "oldest": _moment(group)} for group in found.groups])
    elif found.groups:
        console.table(
            ("reason", "letters", "redrivable", "oldest", "what to do"),
            (
                (group.reason, group.letters, group.redrivable, _moment(group), group.cure)
                for group in found.groups
            ),
        )
    hidden = found.total - found.seen
    if hidden > 0:
        console.progress(
            f"about {hidden:,} more are hidden: others read them at the moment, or they are behind "
            "others of their group"
        )
    if not found.groups:
        console.progress(f"the dead-letter queue of {access} is empty")
        return
    console.progress(
        f"to redrive some of them: runtask redrive --stage {access.stage} --reason "
        f"{found.groups[0].reason}"
    )


def _moment(group: Group) -> str:
    return dt.datetime.fromtimestamp(group.oldest, dt.UTC).isoformat(timespec="seconds")
