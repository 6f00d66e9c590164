"""`runtask status --follow` of keys: shows each change until all of them have ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runtask import console
from runtask.follow import Follower
from runtask.key_report import key_report, moment, what_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from function.clock import Clock
    from runtask.sight import Sight
    from runtask.stage_access import StageAccess


def follow_keys(
    access: StageAccess, keys: Sequence[str], *, as_json: bool, clock: Clock = time
) -> None:
    """Print each change of keys until all have ended.

    A key of which nothing is known is waited for: its message can still be in the queue.

    Args:
        access: The stage.
        keys: The keys.
        as_json: Whether to print an object a line.
        clock: Tells the time, and waits.

    Raises:
        RuntaskError: if the stage cannot be asked.
    """
    follower = Follower(access, keys, clock)
    for number, changed in enumerate(follower.changes()):
        waiting = [key for key in follower.open if not follower.sights[key].known]
        if number == 0 and waiting:
            console.progress(f"nothing is known yet of {', '.join(waiting)}; waiting (Ctrl-C ends)")
        for sight in changed:
            if as_json:
                console.line(console.compact(key_report(sight, access.stage)))
            else:
                console.line(f"{moment(clock.time())} {change_words(sight)}")


def change_words(sight: Sight) -> str:
    """Return what a key has become, as a line."""
    history = sight.history
    reason = f" ({history.reason})" if history.reason else ""
    code = "" if history.exit_code is None else f", exit code {history.exit_code}"
    return f"{history.key} {history.state}{reason}: {what_words(history)}{code}"
