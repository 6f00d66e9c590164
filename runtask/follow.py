"""Watches what becomes of keys: one poller for any number of them.

A look is one BatchGetItem for 100 keys. Where the stage keeps no histories, the table has the tasks
of a key, and ECS describes 100 of them in one call.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from function.outcomes.history import History
from function.outcomes.states import State
from runtask.histories import Histories
from runtask.sight import Sight, nothing_known
from runtask.task_observer import TaskObserver

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from function.clock import Clock
    from runtask.histories import Known
    from runtask.stage_access import StageAccess

# Between two looks, at first and at most.
_MIN_WAIT_SECONDS: Final = 1.0
_MAX_WAIT_SECONDS: Final = 15.0

# The wait is this part of the time for which nothing has changed.
_WAIT_PART: Final = 0.1


class Follower:
    """Looks at keys again and again.

    Args:
        access: The stage.
        keys: The keys.
        clock: Tells the time, and waits.
        is_earlier: Returns whether a history is of an earlier message of its key. It is waited for
            what becomes of the later one.
    """

    def __init__(
        self,
        access: StageAccess,
        keys: Collection[str],
        clock: Clock = time,
        is_earlier: Callable[[History], bool] | None = None,
    ) -> None:
        self._histories = Histories(access, clock)
        self._tasks = TaskObserver(access)
        self._clock = clock
        self._recorded = access.has_histories
        self._is_earlier = is_earlier
        self._sights = {key: nothing_known(key) for key in keys}
        self._changed_at = clock.monotonic()

    @property
    def sights(self) -> Mapping[str, Sight]:
        """What was found last of each key."""
        return self._sights

    @property
    def open(self) -> list[str]:
        """The keys of which something can still change."""
        return [key for key, sight in self._sights.items() if not sight.final]

    def look(self) -> list[Sight]:
        """Look once at all keys that have not ended, and return those that have changed.

        Raises:
            RuntaskError: if the table or ECS cannot be asked.
        """
        changed = []
        for sight in self._seen(self.open):
            if sight != self._sights[sight.key]:
                self._sights[sight.key] = sight
                changed.append(sight)
        if changed:
            self._changed_at = self._clock.monotonic()
        return changed

    def wait_seconds(self) -> float:
        """Return how long to wait before the next look: the longer, the longer nothing changes."""
        quiet = self._clock.monotonic() - self._changed_at
        return min(max(quiet * _WAIT_PART, _MIN_WAIT_SECONDS), _MAX_WAIT_SECONDS)

    def changes(self, until: float | None = None) -> Iterator[list[Sight]]:
        """Yield what each look has changed, also if that is nothing, until all keys have ended.

        Args:
            until: When to stop looking, in monotonic time; None for never. The last look is at
                that time.

        Raises:
            RuntaskError: if the table or ECS cannot be asked.
        """
        while True:
            yield self.look()
            if not self.open:
                return
            wait = self.wait_seconds()
            if until is not None:
                left = until - self._clock.monotonic()
                if left <= 0:
                    return
                wait = min(wait, left)
            self._clock.sleep(wait)

    def _seen(self, keys: Sequence[str]) -> list[Sight]:
        if not keys:
            return []
        known = self._histories.many(keys)
        if self._recorded:
            return [self._of_table(key, known.get(key)) for key in keys]
        return self._tasks.sights({key: known.get(key) for key in keys})

    def _of_table(self, key: str, known: Known | None) -> Sight:
        if known and known.history and self._is_earlier and self._is_earlier(known.history):
            return nothing_known(key)
        return _recorded(key, known)


def _recorded(key: str, known: Known | None) -> Sight:
    if known is None:
        return nothing_known(key)
    if known.history is not None:
        return Sight(history=known.history, known=True, recorded=True)
    # It was begun, and no report of it has been read yet.
    started = known.launch is not None and bool(known.launch.tasks)
    state = State.LAUNCHING if started else State.QUEUED
    return Sight(history=History(key=key, state=state), known=True, recorded=True)
