"""Changes the bodies of dead letters in an editor, before they are sent again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from function.message import builder
from runtask import console
from runtask.errors import UnknownKeyError, UsageError
from runtask.histories import Histories
from runtask.redrive.plan import check_body, refusal_of_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runtask.redrive.plan import Decision
    from runtask.redrive.queue import DeadLetterQueue

# Letters that are opened one after the other.
MAX_EDITED: Final = 20


def edited(
    chosen: Sequence[Decision],
    queue: DeadLetterQueue,
    *,
    relaunch: bool,
    again: Callable[[str], bool],
) -> tuple[Decision, ...]:
    """Return the decisions about letters, after their bodies were changed in an editor.

    Args:
        chosen: The letters, with their bodies; those that stay in any case are not opened.
        queue: Where they are.
        relaunch: Whether their tasks are started again.
        again: Asks whether to go on with a body that the handler would reject.

    Raises:
        UsageError: if there are too many, or a body stays one that the handler would reject.
        RuntaskError: if the ledger cannot be read.
    """
    opened = sum(not one.refusal for one in chosen)
    if opened > MAX_EDITED:
        raise UsageError(
            f"--edit: found {opened:,} letters; expected up to {MAX_EDITED}: name them with --key"
        )
    return tuple(
        one if one.refusal else _edited(one, queue, relaunch=relaunch, again=again)
        for one in chosen
    )


def _edited(
    one: Decision, queue: DeadLetterQueue, *, relaunch: bool, again: Callable[[str], bool]
) -> Decision:
    letter = one.letter
    shown = text = _shown(letter.body)
    console.progress(f"{letter.key}: {letter.reason}: {letter.error}")
    while True:
        found = click.edit(text, extension=".json")
        if found is None or found.strip() == shown.strip():
            return replace(one, refusal="it was not changed in the editor")
        text = found
        problem = check_body(text.strip(), queue.settings)
        if not problem:
            break
        if not again(f"{letter.key}: {problem}. Edit it again?"):
            raise UsageError(f"{letter.key}: {problem}; no message was sent")
    body = text.strip()
    refusal = refusal_of_body(letter, body, queue)
    if not refusal and not relaunch:
        refusal = _recorded(letter.key, body, queue)
    return replace(one, body=body, refusal=refusal)


def _shown(body: str) -> str:
    """Return a body as it is edited: JSON with a line for each value."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False) + "\n"
    except (ValueError, RecursionError):
        return body


def _recorded(key: str, body: str, queue: DeadLetterQueue) -> str:
    """Return that the stage remembers another request for the key; empty if it does not."""
    try:
        launch = Histories(queue.access).one(key).launch
    except UnknownKeyError:
        return ""
    if launch is None or launch.request == builder.read(body, queue.settings).digest():
        return ""
    return (
        f"the stage remembers its key with the request as it was, and {len(launch.tasks)} tasks of "
        "it; --relaunch gives it another key"
    )
