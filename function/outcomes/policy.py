"""What a stage decides about its keys after their launch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from function.limits import MAX_START_ATTEMPTS, START_ATTEMPTS
from function.outcomes.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What a stage decides.

    Attributes:
        stage: The stage's name.
        start_attempts: How often a task is started until a container runs, by cause; what is
            missing is as in START_ATTEMPTS.
        announce: The states of which a person is told.
        results: Whether finished keys are reported to a queue or bus.
        essential: The essential containers of the key's task definition, None if they are not
            known. They matter only where the message overrides no container.
    """

    stage: str
    start_attempts: Mapping[str, int] = field(default_factory=dict)
    announce: tuple[str, ...] = (
        State.REJECTED,
        State.EXPIRED,
        State.NEVER_STARTED,
        State.TIMED_OUT,
        State.STOPPED,
    )
    results: bool = False
    essential: tuple[str, ...] | None = None

    def restarts_for(self, cause: str) -> int:
        """Return how often a task is started again that never started for this cause."""
        attempts = self.start_attempts.get(cause, START_ATTEMPTS.get(cause, 1))
        return max(0, min(attempts, MAX_START_ATTEMPTS) - 1)
