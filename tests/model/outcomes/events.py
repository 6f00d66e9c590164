"""EventBridge: the stage's rules with their input transformers, and a way on which events get lost.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.event_rules import TASK_RULES
from tests.model.outcomes.fates import is_clean

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from infra.event_rules import TaskRule
    from tests.model.outcomes.ecs import Life, LivingEcs
    from tests.model.sqs import Queue

# How late an event is: so that some come in another order.
_DELAYS: Final = (0.5, 0.5, 0.5, 5.0, 120.0)

_VARIABLE: Final = re.compile("<([A-Za-z]+)>")


@dataclass(kw_only=True)
class EventBus:
    """Sends what happens to tasks to the queues of the stages.

    Attributes:
        ecs: with the tasks.
        draw: chance.
        queues: the events queues by stage.
        loss: the chance of an event to get lost.
        double: the chance of an event to come twice.
        on_wrong: is told of what must never be.
    """

    ecs: LivingEcs
    draw: random.Random
    queues: dict[str, Queue]
    on_wrong: Callable[[str], None]
    loss: float = 0.0
    double: float = 0.2

    def pump(self) -> None:
        """Send all events that have happened until now."""
        now = self.ecs.kernel.now
        for life in self.ecs.alive.values():
            for status in ("RUNNING", "STOPPED"):
                moment = life.moment(status)
                if moment is not None and moment <= now and status not in life.told:
                    life.told.add(status)
                    self._send(life, status, moment)

    def next_at(self) -> float | None:
        """Return when the next event happens, None if none will."""
        moments = [
            moment
            for life in self.ecs.alive.values()
            for status in ("RUNNING", "STOPPED")
            if status not in life.told and (moment := life.moment(status)) is not None
        ]
        return min(moments, default=None)

    def _send(self, life: Life, status: str, moment: float) -> None:
        detail = life.detail(status)
        for stage, queue in self.queues.items():
            rules = [rule for rule in TASK_RULES if matches(rule.pattern(stage), detail)]
            if len(rules) > 1:
                self.on_wrong(f"an event of {life.task.arn} is sent by {len(rules)} rules")
            for rule in rules:
                self._deliver(life, status, transformed(rule, detail), queue, moment)

    def _deliver(self, life: Life, status: str, body: str, queue: Queue, moment: float) -> None:
        if not is_clean(body):
            self.on_wrong(f"an event has a value of an environment: {body}")
        if self.draw.random() < self.loss:
            return
        life.heard.add(status)
        for _ in range(2 if self.draw.random() < self.double else 1):
            message = queue.send(body, {})
            message.visible_at = moment + self.draw.choice(_DELAYS)


def matches(pattern: Any, detail: dict[str, Any]) -> bool:
    """Return whether an event of a task matches a pattern."""
    return all(
        any(_allows(condition, detail.get(name)) for condition in conditions)
        for name, conditions in pattern["detail"].items()
    )


def _allows(condition: object, value: object) -> bool:
    if not isinstance(condition, dict):
        return condition == value
    if "exists" in condition:
        return bool(condition["exists"]) == (value is not None)
    return isinstance(value, str) and value.startswith(condition["prefix"])


def transformed(rule: TaskRule, detail: dict[str, Any]) -> str:
    """Return what a rule's input transformer makes of an event; every path has to exist."""
    values = {
        name: json.dumps(detail[path.removeprefix("$.detail.")])
        for name, path in rule.paths.items()
    }
    return _VARIABLE.sub(lambda found: values[found[1]], rule.template)
