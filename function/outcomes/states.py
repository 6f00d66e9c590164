"""The states of a key: what became of the message that was sent with it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """What has become of a message. A key has exactly one state at a time."""

    # It waits in the work queue. Known only where something was recorded before the launch.
    QUEUED = "queued"
    # RunTask has started its tasks, which do not run yet, or one of them is started again.
    LAUNCHING = "launching"
    # At least one of its tasks runs.
    RUNNING = "running"
    # All of its tasks ended, and the containers that decide ended with 0.
    SUCCEEDED = "succeeded"
    # The same, but one of these containers ended with another exit code, or with none.
    FAILED = "failed"
    # No container of a task ever ran, and it is not started again.
    NEVER_STARTED = "never-started"
    # A task was stopped because it ran for longer than `maxRuntime`.
    TIMED_OUT = "timed-out"
    # A task was stopped by somebody or something else: a user, Spot, the infrastructure.
    STOPPED = "stopped"
    # The message was moved to the dead-letter queue.
    REJECTED = "rejected"
    # The same, because its retention was about to end.
    EXPIRED = "expired"


# The states that no further event of ECS changes.
FINAL: Final = frozenset(State) - {State.QUEUED, State.LAUNCHING, State.RUNNING}

# The final states that somebody may have to look at.
PROBLEMS: Final = FINAL - {State.SUCCEEDED}

# Where the tasks of a message ended differently, the worst tells the state of the key.
WORST_FIRST: Final = (
    State.NEVER_STARTED,
    State.TIMED_OUT,
    State.STOPPED,
    State.FAILED,
    State.SUCCEEDED,
)
