"""What AWS's documents leave open about client tokens: readings, of which any may be true.

The handler has to be right in all. Standard library only: parent and child both import it.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_Idempotency.html
"""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from rehearsal.emulator.child_files import write_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How RunTask answers a client token that it knows.

    Attributes:
        failures_remembered: Whether a token whose first answer was failures alone answers them
            again; otherwise RunTask tries again.
        partial_completed: Whether a token whose first answer was some tasks and some failures
            starts the rest; otherwise it gives the first answer again.
        conflict_names_tasks: Whether a ConflictException names the token's tasks.
    """

    failures_remembered: bool
    partial_completed: bool
    conflict_names_tasks: bool

    def __str__(self) -> str:
        """Return the reading in a few words."""
        return ", ".join(
            (
                f"failures {'remembered' if self.failures_remembered else 'retried'}",
                f"partial {'completed' if self.partial_completed else 'replayed'}",
                f"conflict {'with' if self.conflict_names_tasks else 'without'} tasks",
            )
        )

    def tries_again(self, *, started: bool) -> bool:
        """Return whether a replay tries again what the first answer failed to start.

        Args:
            started: Whether that answer had tasks besides.
        """
        return self.partial_completed if started else not self.failures_remembered


# A token keeps its first answer, whatever it was.
KEPT: Final = Reading(failures_remembered=True, partial_completed=False, conflict_names_tasks=True)

# A token keeps its tasks only; what failed is tried again.
RETRIED: Final = Reading(
    failures_remembered=False, partial_completed=True, conflict_names_tasks=False
)

# Each combination.
READINGS: Final = tuple(
    Reading(failures_remembered=failures, partial_completed=partial, conflict_names_tasks=conflict)
    for failures, partial, conflict in itertools.product((True, False), repeat=3)
)


def readings_file(folder: Path) -> Path:
    """Return the file in an emulator's private folder with the readings by cluster."""
    return folder / "readings.json"


def write_readings(folder: Path, readings: Mapping[str, Reading]) -> None:
    """Replace the readings by cluster of the emulator in a folder, atomically."""
    write_settings(
        readings_file(folder), {name: asdict(reading) for name, reading in readings.items()}
    )


def read_reading(folder: Path, cluster: str) -> Reading:
    """Return the reading that holds in a cluster; KEPT unless another was written."""
    try:
        readings = json.loads(readings_file(folder).read_text())
    except FileNotFoundError:
        return KEPT
    return Reading(**readings[cluster]) if cluster in readings else KEPT
