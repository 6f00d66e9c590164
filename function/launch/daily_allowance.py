"""How many tasks a stage starts in a day: counts them in the ledger, before they are started.

Only a stage with `maxTasksPerDay` has one. A call of RunTask is counted when it is made first: a
repetition with the same client token starts nothing more. Where nothing tells whether a call was
counted, it is counted again, so that the ceiling holds: after the crash of a delivery whose message
has no key, and where DynamoDB's answer was lost. Two things are not counted: the call of a delivery
that crashed, or lost the table, between its announcement in the ledger and its count, which are
milliseconds apart; and tasks that ECS starts although it has reported them as failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from function.failures.reasons import RetryableFailure
from function.ledger import ContendedError, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from function.clock import Clock
    from function.launch.job import LaunchStats

_DAY_SECONDS: Final = 24 * 60 * 60

# The messages that waited for a new day come back within this time, not all at once.
_SPREAD_SECONDS: Final = 900


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Tasks that were counted.

    Attributes:
        day: The day of UTC for which.
        tasks: How many.
    """

    day: str
    tasks: int


@dataclass(frozen=True, kw_only=True)
class DailyAllowance:
    """The tasks that a stage may start in a day.

    Attributes:
        ledger: Has the number of each day.
        max_tasks: The most in a day of UTC.
        clock: Tells the day.
        draw: Returns the jitter, a random number from 0 to 1.
    """

    ledger: Ledger
    max_tasks: int
    clock: Clock
    draw: Callable[[], float]

    def reserve(self, tasks: int, *, repeated: bool) -> Reservation:
        """Count tasks that are about to be started.

        Args:
            tasks: How many.
            repeated: Whether the call may have been made before. It is then counted, and made
                whatever the number is: its tasks may run already.

        Raises:
            RetryableFailure: `daily-limit`, if they would be too many; `table-unavailable`.
        """
        now = self.clock.time()
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        try:
            self.ledger.add_tasks(day, tasks, None if repeated else self.max_tasks)
        except ContendedError:
            wait = _DAY_SECONDS - now % _DAY_SECONDS + _SPREAD_SECONDS * self.draw()
            raise RetryableFailure(
                "daily-limit",
                f"the stage starts at most {self.max_tasks} tasks on a day (maxTasksPerDay), and"
                f" {tasks} more on {day} UTC would exceed that",
                seconds=wait,
            ) from None
        return Reservation(day=day, tasks=tasks)

    def give_back(self, reservation: Reservation, tasks: int, stats: LaunchStats) -> None:
        """Take back tasks that were counted and not started."""
        try:
            self.ledger.add_tasks(reservation.day, -tasks)
        except RetryableFailure:
            stats.table_failures += 1
