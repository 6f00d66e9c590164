"""Restarts: messages of the stage to itself, by which tasks of a key are started again.

No request lies around for them. The history has the parameters, and ECS describes a stopped task
with its overrides for at least an hour. So a restart that nobody has decided starts nothing.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.classification import classify_error
from function.failures.reasons import FailureClass, PermanentFailure, RetryableFailure
from function.launch import later_attempts
from function.message import choices, task_limits
from function.message.request import Request
from function.outcomes import stops
from function.outcomes.reports import SERVICE
from function.outcomes.states import FINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_ecs import ECSClient

    from function.clock import Clock
    from function.message.task_limits import TaskLimits
    from function.outcomes.history import Asked, History
    from function.outcomes.store import HistoryStore
    from function.settings import Settings

_OVERRIDES: Final = "overrides"
_CONTAINERS: Final = "containerOverrides"
_TAGS: Final = "tags"

# The causes of a restart for which the next capacity provider is tried.
_OTHER_SUPPLY: Final = frozenset({"capacity", "spot"})


@dataclass(frozen=True, kw_only=True)
class Message:
    """The body of a restart.

    Attributes:
        key: The idempotency key.
        generation: Which restart of the key it is, from 1.
        task: The ARN of the task in whose place another is started.
        not_before: When, in seconds since 1970.
    """

    key: str
    generation: int
    task: str
    not_before: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be started again.

    Attributes:
        asked: What the message asked for, as its history has it.
        request: The request, to be completed.
        limits: The limits that hold for it.
        restart: What the ledger is told.
    """

    asked: Asked
    request: Request
    limits: TaskLimits
    restart: later_attempts.Restart


def parse(body: str) -> Message:
    """Return the restart in a body.

    Raises:
        PermanentFailure: `bad-restart`.
    """
    try:
        found = json.loads(body)["restart"]
        return Message(
            key=str(found["key"]),
            generation=int(found["generation"]),
            task=str(found["task"]),
            not_before=float(found["notBefore"]),
        )
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError):
        raise PermanentFailure(
            "bad-restart", "the body: expected a restart with key, generation, task and notBefore"
        ) from None


@dataclass(frozen=True, kw_only=True)
class Restarts:
    """Turns restarts into requests.

    Attributes:
        store: The histories.
        ecs: Describes the task that is replaced.
        settings: What a sender may choose.
        clock: Tells the time.
    """

    store: HistoryStore
    ecs: ECSClient
    settings: Settings
    clock: Clock

    def check(self, body: str, key: str) -> tuple[Message, History]:
        """Return a restart, and the history in which it was decided.

        Args:
            body: Of the message.
            key: The key of the message attribute.

        Raises:
            PermanentFailure: `bad-restart` if nobody has decided it.
            RetryableFailure: `table-unavailable`.
        """
        message = parse(body)
        history = self.store.load(key)
        if history.asked is None or not _is_decided(message, key, history):
            raise PermanentFailure(
                "bad-restart", "the body: the history of the key knows nothing of this restart"
            )
        return message, history

    def plan(self, message: Message, history: History) -> Plan | None:
        """Return what to start, None if the restart was answered before.

        Args:
            message: The restart.
            history: From `check`.

        Raises:
            PermanentFailure: if it cannot be made.
            RetryableFailure: `restart-delay` if it is too early.
        """
        asked = history.asked
        if (
            asked is None
            or history.state in FINAL
            or str(message.generation) in history.failed_restarts
        ):
            return None
        wait = message.not_before - self.clock.time()
        if wait > 0:
            raise RetryableFailure(
                "restart-delay", "the task is started again, but not yet", seconds=wait
            )
        limits = task_limits.parse(asked.limits) if asked.limits else task_limits.NO_LIMITS
        request = self._request(asked, message.task)
        run = next((run for run in history.runs if run.arn == message.task), None)
        cause = None if run is None else stops.cause_of(run)
        return Plan(
            asked=asked,
            request=request,
            limits=limits,
            restart=later_attempts.Restart(
                generation=message.generation,
                replaced=history.replaced[: message.generation],
                tasks=tuple(run.arn for run in history.runs),
                other_supply=cause is not None and cause.name in _OTHER_SUPPLY,
            ),
        )

    def _request(self, asked: Asked, task: str) -> Request:
        """Return the request of a task, with the overrides that ECS describes.

        Raises:
            PermanentFailure: if ECS does not describe the task any more, or the stage does not
                allow the request.
            RetryableFailure: if ECS does not answer.
        """
        parameters = dict(asked.parameters)
        service = parameters.pop(SERVICE, None)
        request = Request(parameters=parameters, count=asked.count, service=service)
        found = self._described(request.cluster, task)
        overrides = _overrides(found.get(_OVERRIDES, {}), asked.containers)
        if overrides:
            parameters[_OVERRIDES] = overrides
        _add_tags(parameters, found.get(_TAGS, ()))
        choices.check(request, self.settings)
        return request

    def _described(self, cluster: str, task: str) -> Mapping[str, Any]:
        try:
            answer: Any = self.ecs.describe_tasks(cluster=cluster, tasks=[task], include=["TAGS"])
        except (ClientError, BotoCoreError) as error:
            failure = classify_error(error)
            if failure.details.failure_class is FailureClass.INVALID:
                raise RetryableFailure("unexpected", failure.error) from None
            raise failure from None
        for found in answer.get("tasks", ()):
            described: Mapping[str, Any] = found
            return described
        raise PermanentFailure(
            "bad-restart", f"ECS does not describe the task {task} any more, nor what it was told"
        )


def _is_decided(message: Message, key: str, history: History) -> bool:
    return (
        message.key == key
        and 1 <= message.generation <= history.generation
        and message.task in history.replaced
    )


def _overrides(found: Mapping[str, Any], asked: tuple[str, ...]) -> dict[str, Any]:
    """Return overrides as RunTask takes them.

    ECS describes an override for each container, also for those that it has injected; one with a
    name alone says nothing, unless the message has it.
    """
    kept = {name: value for name, value in found.items() if value and name != _CONTAINERS}
    containers = []
    for override in found.get(_CONTAINERS, ()):
        values = {name: value for name, value in override.items() if value not in (None, [])}
        if len(values) > 1 or values.get("name") in asked:
            containers.append(values)
    return {**kept, _CONTAINERS: containers} if containers else kept


def _add_tags(parameters: dict[str, Any], found: Any) -> None:  # noqa: ANN401 - as boto3
    """Give the tags their values; ECS forgets them when a task is stopped."""
    wanted = {str(tag["key"]) for tag in parameters.pop(_TAGS, ())}
    tags = [
        {"key": str(tag["key"]), "value": str(tag.get("value", ""))}
        for tag in found
        if tag.get("key") in wanted
    ]
    if tags:
        parameters[_TAGS] = tags
    for volume in parameters.get("volumeConfigurations", ()):
        volume.get("managedEBSVolume", {}).pop("tagSpecifications", None)
