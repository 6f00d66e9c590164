"""The limits that hold for a message: its own block, and what its stage says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from function.message.patterns import any_matches
from function.message.problems import Problem, listed, not_allowed
from function.message.task_limits import (
    LIMITS,
    NO_LIMITS,
    OPTION,
    Concurrency,
    TaskLimits,
    merge,
    of_family,
    parse_stage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from function.message.request import Request
    from function.settings import Settings


def effective(request: Request, settings: Settings) -> TaskLimits:
    """Return the limits that hold for a request that the stage allows.

    A message that names its launch type or capacity providers keeps them: the `capacity` of the
    stage is for those that do not.
    """
    own = request.limits
    if settings.events_queue_url is None or (own is None and not settings.limits):
        return NO_LIMITS
    stage = _of_stage(request, settings)
    limits = stage if own is None else merge(own, stage)
    if limits.capacity and not (own and own.capacity) and _has_supply(request):
        limits = replace(limits, capacity=())
    return limits


def problems(request: Request, settings: Settings) -> Iterator[Problem]:
    """Yield what is wrong with the limits of a request.

    The reason is `not-allowed` where the stage is stricter, and `bad-limits` where the block
    contradicts the rest of the message.
    """
    own = request.limits
    if own is None and not settings.limits:
        return
    if settings.events_queue_url is None:
        if own is not None:
            yield not_allowed("ECS.limits", "limits", "nothing", settings, "outcomes: true")
        return
    stage = _of_stage(request, settings)
    if own is not None:
        yield from _laxer(own, stage, settings)
        if own.capacity and _has_supply(request):
            yield Problem(
                "bad-limits",
                "ECS.limits.capacity: cannot be combined with launchType or"
                " capacityProviderStrategy; leave them out",
            )
    limits = effective(request, settings)
    if limits.concurrency is not None and request.count > limits.concurrency.max:
        yield Problem(
            "bad-limits",
            f"ECS.count: expected at most {limits.concurrency.max}, which is how many tasks"
            f" limits.concurrency lets run at once, got {request.count}",
        )
    where = "ECS.limits.capacity" if own and own.capacity else OPTION.format(stage=settings.stage)
    for name in limits.capacity:
        if not any_matches(settings.capacity_providers, name):
            allowed = listed(settings.capacity_providers)
            yield not_allowed(where, name, allowed, settings, "capacityProviders")


def group_of(request: Request, concurrency: Concurrency) -> str:
    """Return the concurrency group that a request counts in."""
    return concurrency.group or family_of(request.task_definition)


def block_of(request: Request, limits: TaskLimits) -> dict[str, Any]:
    """Return limits in the form of the block, with the name of the concurrency group."""
    if limits.concurrency is not None:
        group = group_of(request, limits.concurrency)
        limits = replace(limits, concurrency=replace(limits.concurrency, group=group))
    return limits.as_block()


def family_of(task_definition: str) -> str:
    """Return the family of a task definition's name, `family:revision`, or ARN."""
    return task_definition.rpartition("/")[2].partition(":")[0]


def _laxer(own: TaskLimits, stage: TaskLimits, settings: Settings) -> Iterator[Problem]:
    """Yield where a message allows itself more than its stage."""
    most = stage.max_runtime_seconds
    if most is not None and (own.max_runtime_seconds or 0) > most:
        yield not_allowed(
            "ECS.limits.maxRuntime",
            str(own.max_runtime),
            f"at most {stage.max_runtime}",
            settings,
            LIMITS,
        )
    if own.concurrency is None or stage.concurrency is None:
        return
    if own.concurrency.max > stage.concurrency.max:
        yield not_allowed(
            "ECS.limits.concurrency.max",
            str(own.concurrency.max),
            f"at most {stage.concurrency.max}",
            settings,
            LIMITS,
        )
    if own.concurrency.group not in {None, stage.concurrency.group}:
        yield not_allowed(
            "ECS.limits.concurrency.group",
            str(own.concurrency.group),
            stage.concurrency.group or "the family of the task definition, so leave it out",
            settings,
            LIMITS,
        )


def _has_supply(request: Request) -> bool:
    parameters = request.parameters
    return "launchType" in parameters or bool(parameters.get("capacityProviderStrategy"))


def _of_stage(request: Request, settings: Settings) -> TaskLimits:
    """Return what the stage says; its option is parsed once."""
    global _last  # noqa: PLW0603 - a cache that compares by identity, which a dictionary does not
    last = _last
    if last is None or last[0] is not settings.limits:
        option = OPTION.format(stage=settings.stage)
        last = _last = (settings.limits, parse_stage(settings.limits, option))
    return of_family(last[1], family_of(request.task_definition))


_last: tuple[Mapping[str, Any], dict[str, TaskLimits]] | None = None
