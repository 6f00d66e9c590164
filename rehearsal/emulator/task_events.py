"""The event "ECS Task State Change": its shape, and how it reaches the account's event bus.

Fields and their types are those of AWS's examples. `detail.overrides` carries the values of an
overridden environment in the clear, as AWS's does.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

from __future__ import annotations

import collections
import datetime as dt
import json
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.emulator.conditions import Conditions

# How long the first event of a task is held back where events arrive in reverse order.
HOLD_SECONDS: Final = 0.3

# ECS's API gives them as numbers, its events as text.
_TIMESTAMPS: Final = (
    "createdAt",
    "startedAt",
    "stoppedAt",
    "stoppingAt",
    "executionStoppedAt",
    "connectivityAt",
    "pullStartedAt",
    "pullStoppedAt",
    "updatedAt",
)
_NOT_IN_EVENTS: Final = ("tags", "healthStatus", "ephemeralStorage")


def event_of(task: dict[str, Any]) -> dict[str, Any]:
    """Return the event of a task as it is now, an entry of PutEvents."""
    detail = {
        name: value
        for name, value in ministack_internals.wire_shape(task).items()
        if name not in _NOT_IN_EVENTS
    }
    detail["updatedAt"] = time.time()
    for name in _TIMESTAMPS:
        if name in detail:
            moment = dt.datetime.fromtimestamp(detail[name], dt.UTC)
            detail[name] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "Source": "aws.ecs",
        "DetailType": "ECS Task State Change",
        "Resources": [task["taskArn"]],
        "Detail": json.dumps(detail),
    }


class TaskEvents:
    """Puts the events of tasks on the event bus, as well-behaved as the conditions say.

    Args:
        conditions: Returns the conditions.

    Attributes:
        conditions: The same.
    """

    def __init__(self, conditions: Callable[[], Conditions]) -> None:
        self.conditions = conditions
        self._lock = threading.Lock()
        self._counts: collections.Counter[str] = collections.Counter()
        self._held: dict[str, list[dict[str, Any]]] = {}

    def put(self, task: dict[str, Any]) -> None:
        """Put the event of a task as it is now; called in the scope of its account."""
        conditions = self.conditions()
        event = event_of(task)
        if self._is_lost(task["lastStatus"], conditions.lose_every):
            return
        if not conditions.events_reversed:
            self._deliver([event], conditions)
            return
        arn = task["taskArn"]
        with self._lock:
            first = arn not in self._held
            self._held.setdefault(arn, []).append(event)
        if task["lastStatus"] == "STOPPED":
            self._release(arn)
        elif first:
            scope = (ministack_internals.get_account_id(), ministack_internals.get_region())
            timer = threading.Timer(HOLD_SECONDS, self._release_later, args=(arn, scope))
            timer.daemon = True
            timer.start()

    def _is_lost(self, status: str, every: int) -> bool:
        with self._lock:
            self._counts[status] += 1
            return bool(every) and self._counts[status] % every == 0

    def _release_later(self, arn: str, scope: tuple[str, str]) -> None:
        with ministack_internals.request_scope(*scope):
            self._release(arn)

    def _release(self, arn: str) -> None:
        with self._lock:
            events = self._held.pop(arn, [])
        self._deliver(events[::-1], self.conditions())

    def _deliver(self, events: list[dict[str, Any]], conditions: Conditions) -> None:
        for event in events:
            for _ in range(2 if conditions.events_twice else 1):
                ministack_internals.put_events({"Entries": [event]}, allow_aws_source=True)
