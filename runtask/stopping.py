"""Stops the tasks of keys.

A task that a user stops is not started again: its stop code, UserInitiated, is no cause of a
restart, and its key becomes `stopped`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from function.outcomes import settling
from function.outcomes.clusters import cluster_of
from function.outcomes.states import FINAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from function.clock import Clock
    from function.outcomes.history import Run
    from runtask.sight import Sight
    from runtask.stage_access import StageAccess

# What the reason of StopTask may have, which becomes the task's `stoppedReason`.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
_MAX_REASON_LENGTH: Final = 255

# StopTask shares the rate of RunTask, 40 calls a second, of which the stage needs most.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
_PAUSE_SECONDS: Final = 0.1

_MISSING: Final = "InvalidParameterException"


class Fate(StrEnum):
    """What can be done about a key, or was.

    Attributes:
        TO_STOP: A task of it is to be stopped.
        STOPPING: ECS has been told to stop it.
        GONE: ECS does not know the task any more.
        ENDED: The key has ended before.
        NOT_STARTED: It has no task: its message waits, or its next task is still to be started.
    """

    TO_STOP = "to-stop"
    STOPPING = "stopping"
    GONE = "gone"
    ENDED = "ended"
    NOT_STARTED = "not-started"


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A task that is to be stopped, or a key without one.

    Attributes:
        key: The key.
        state: The state of the key, before.
        task: The task's ARN; empty if there is none to stop.
        cluster: The task's cluster.
        fate: What can be done about it, or was.
    """

    key: str
    state: str
    task: str
    cluster: str
    fate: Fate


def stops(sights: Sequence[Sight]) -> list[Stop]:
    """Return what is to be stopped: a line for each task that has not ended, or else for a key."""
    return [stop for sight in sights for stop in _stops(sight)]


def stop(access: StageAccess, plan: Sequence[Stop], clock: Clock = time) -> Iterator[Stop]:
    """Stop tasks, and yield each line of a plan with what became of it.

    Raises:
        RuntaskError: if AWS rejects a request; the tasks before it are stopped.
    """
    ecs = access.client("ecs")
    reason = f"runtask stop by {access.account.identity}"[:_MAX_REASON_LENGTH]
    pause = False
    for item in plan:
        if item.fate is not Fate.TO_STOP:
            yield item
            continue
        if pause:
            clock.sleep(_PAUSE_SECONDS)
        pause = True
        with access.asking(f"task {item.task} of key {item.key}", "ecs:StopTask"):
            try:
                ecs.stop_task(
                    task=item.task,
                    reason=reason,
                    **({"cluster": item.cluster} if item.cluster else {}),
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != _MISSING:
                    raise
                yield replace(item, fate=Fate.GONE)
                continue
        yield replace(item, fate=Fate.STOPPING)


def _stops(sight: Sight) -> Iterator[Stop]:
    history = sight.history
    runs = [run for run in history.runs if not settling.has_ended(run)]
    if history.state in FINAL or not runs:
        fate = Fate.ENDED if history.state in FINAL else Fate.NOT_STARTED
        yield Stop(key=history.key, state=str(history.state), task="", cluster="", fate=fate)
        return
    for run in runs:
        yield _stop(sight, run)


def _stop(sight: Sight, run: Run) -> Stop:
    return Stop(
        key=sight.key,
        state=str(sight.history.state),
        task=run.arn,
        cluster=cluster_of(run),
        fate=Fate.TO_STOP,
    )
