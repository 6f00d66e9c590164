"""What became the RunTask request of a key: from its history, and from ECS while it has the task.

A history has the parameters as the sender gave them, without `overrides` and values of tags; ECS
shows a stopped task, with its overrides, for an hour. No value of an environment or a command is
shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from function.message.idempotency import Stage, client_token, started_by
from function.message.redaction import MASK
from function.outcomes.reports import SERVICE
from runtask.dry_run import leaves
from runtask.follow import Follower
from runtask.histories import Histories, unknown_key
from runtask.task_observer import TaskObserver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from function.outcomes.history import Asked, Run
    from runtask.histories import Known
    from runtask.sight import Sight
    from runtask.stage_access import StageAccess

_MESSAGE: Final = "the message"

# Members of a container's override whose values are not shown.
_COMMAND: Final = "command"
_ENVIRONMENT: Final = "environment"

_CONTAINERS: Final = "containerOverrides"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A parameter of the request.

    Attributes:
        parameter: Its path.
        value: Its value.
        source: Who or what has given it.
    """

    parameter: str
    value: object
    source: str


@dataclass(frozen=True, kw_only=True)
class ExplainedKey:
    """The request of a key.

    Attributes:
        key: The key.
        state: What became of it.
        request: Its parameters.
        notes: What is not known, as sentences.
    """

    key: str
    state: str
    request: tuple[Made, ...]
    notes: tuple[str, ...]


def explain_key(access: StageAccess, key: str) -> ExplainedKey:
    """Return the request of a key.

    Raises:
        UnknownKeyError: if nothing is known of the key.
        RuntaskError: if the table or ECS cannot be asked.
    """
    follower = Follower(access, [key])
    follower.look()
    sight = follower.sights[key]
    if not sight.known:
        raise unknown_key(access, [key])
    known = Histories(access).one(key)
    run = sight.history.runs[-1] if sight.history.runs else None
    described = {} if run is None else TaskObserver(access).described([run.arn])
    task = described.get(run.arn) if run is not None else None
    asked = sight.history.asked if sight.recorded else None
    return ExplainedKey(
        key=key,
        state=str(sight.history.state),
        request=tuple(_request(access, known, asked, run, task)),
        notes=tuple(_notes(sight, asked, task)),
    )


def _request(
    access: StageAccess,
    known: Known,
    asked: Asked | None,
    run: Run | None,
    task: Mapping[str, Any] | None,
) -> Iterator[Made]:
    given = {} if asked is None else dict(asked.parameters)
    for place, value in _parts(given):
        yield Made(parameter=place, value=value, source=_MESSAGE)
    if asked is not None:
        yield Made(parameter="count", value=asked.count, source=_MESSAGE)
        for place, value in _parts({"limits": asked.limits} if asked.limits else {}):
            source = "the message, or the stage's option limits"
            yield Made(parameter=place, value=value, source=source)
    yield from _overrides(asked, task)
    if run is None:
        return
    yield from _resolved(given, run, task)
    stage, location = access.stage, access.config.location
    yield Made(parameter="startedBy", value=started_by(stage, known.key), source="the handler")
    if known.launch is not None:
        where = Stage(name=stage, account=location.account, region=location.region)
        yield Made(
            parameter="clientToken",
            value=client_token(known.key, where, known.launch.attempt),
            source=f"the handler, of the key and attempt {known.launch.attempt}",
        )


def _overrides(asked: Asked | None, task: Mapping[str, Any] | None) -> Iterator[Made]:
    """Yield what overrides a container, without values that can be secrets."""
    if task is None:
        for name in () if asked is None else asked.containers:
            yield Made(parameter="overrides", value=f"of container {name}", source=_MESSAGE)
        return
    overrides = dict(task.get("overrides") or {})
    containers = [
        _masked(one)
        for one in overrides.get("containerOverrides", ())
        if set(one) - {"name"}  # ECS names every container
    ]
    rest = {name: value for name, value in overrides.items() if value and name != _CONTAINERS}
    shown = {**rest, **({_CONTAINERS: containers} if containers else {})}
    for place, value in _parts({"overrides": shown} if shown else {}):
        named = place.endswith("].name") and asked is not None and not asked.containers
        source = f"task definition {task['taskDefinitionArn']}" if named else _MESSAGE
        yield Made(parameter=place, value=value, source=source)


def _parts(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    return list(leaves(value)) if value else []


def _masked(override: Mapping[str, Any]) -> dict[str, Any]:
    shown = dict(override)
    if _COMMAND in shown:
        shown[_COMMAND] = [MASK for _ in shown[_COMMAND]]
    if _ENVIRONMENT in shown:
        shown[_ENVIRONMENT] = {one["name"]: MASK for one in shown[_ENVIRONMENT]}
    return shown


def _resolved(given: Mapping[str, Any], run: Run, task: Mapping[str, Any] | None) -> Iterator[Made]:
    """Yield what ECS has made of the request, where the message did not say it exactly."""
    revision = run.task_definition.rpartition("/")[2]
    if revision and str(given.get("taskDefinition", "")).rpartition("/")[2] != revision:
        source = "ECS: the family's newest revision then"
        yield Made(parameter="taskDefinition", value=run.task_definition, source=source)
    if "cluster" not in given and run.cluster:
        yield Made(parameter="cluster", value=run.cluster, source="the account's default cluster")
    if task is None:
        return
    supplied = "launchType" in given or "capacityProviderStrategy" in given
    service = given.get(SERVICE)
    filled = f"service {service}" if service else "the limit capacity, or the cluster's default"
    for name in ("capacityProviderName", "launchType"):
        if task.get(name) and not (supplied and name in given):
            source = "ECS: of the message's strategy" if supplied else filled
            yield Made(parameter=name, value=task[name], source=source)
    if task.get("platformVersion") and "platformVersion" not in given:
        source = "ECS: the latest then"
        yield Made(parameter="platformVersion", value=task["platformVersion"], source=source)
    network = given.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
    for subnet in _subnets(task):
        source = "ECS: one of the message's" if network.get("subnets") else filled
        yield Made(parameter="subnet", value=subnet, source=source)


def _subnets(task: Mapping[str, Any]) -> list[str]:
    return [
        str(detail["value"])
        for attachment in task.get("attachments") or ()
        for detail in attachment.get("details") or ()
        if detail.get("name") == "subnetId" and detail.get("value")
    ]


def _notes(sight: Sight, asked: Asked | None, task: Mapping[str, Any] | None) -> Iterator[str]:
    if not sight.recorded:
        yield (
            "the stage keeps no histories (ecs-run-task:outcomes), so what the message asked is "
            "not known"
        )
    elif asked is None and sight.history.rejection is not None:
        yield (
            "the message was rejected, and is in the dead-letter queue; to see it, run: runtask "
            f"redrive --key {sight.key} --dry-run"
        )
    elif asked is None:
        yield "the launch has not been reported yet, so what the message asked is not known"
    elif not asked.parameters:
        yield "the request was too long to be kept, so only the task tells of it"
    if task is None and sight.history.runs:
        yield (
            "ECS does not describe the task any more, so overrides, network and capacity are not "
            "known; it does for about an hour after the end"
        )
    if asked is not None and asked.parameters.get("tags"):
        yield "values of tags are not kept"
