"""The block `limits` of a message, and the option `limits` of a stage.

Both are read by the same rules, here alone: the stack program checks the option with them before a
deployment, and the handler checks each message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

from function.limits import (
    MAX_CAPACITY_PROVIDERS,
    MAX_CONCURRENCY,
    MAX_EXIT_CODE,
    MAX_EXIT_RESTARTS,
    MAX_EXIT_RULES,
    MAX_RUNTIME_SECONDS,
    MIN_RUNTIME_SECONDS,
)
from function.message.patterns import any_matches, matches
from function.message.problems import Problem, listed, not_allowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from function.message.request import Request
    from function.settings import Settings

# The name of the block, in a message and of the option.
LIMITS: Final = "limits"

# Where the stage's file has the option.
OPTION: Final = "Pulumi.{stage}.yaml: ecs-run-task:limits"

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_RANGE: Final = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_PATTERN: Final = re.compile(r"[A-Za-z0-9_*?-]{1,255}")

# Characters of a text that an error quotes.
_MAX_QUOTED_LENGTH: Final = 40
_QUOTABLE: Final = re.compile(rf"[A-Za-z0-9_.:*?+ -]{{0,{_MAX_QUOTED_LENGTH}}}")


class LimitsError(ValueError):
    """A block `limits` is not valid; the text says what was found, where, and what is expected."""


@dataclass(frozen=True, kw_only=True)
class Concurrency:
    """How many tasks may be in ECS at once.

    Attributes:
        max: The most, of all messages of the group together.
        group: The group; None for the family of the task definition.
    """

    max: int
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class OnExit:
    """What exit codes mean.

    Attributes:
        restart: The codes that start a task again, as pairs of the first and the last.
        times: How often.
        announce: The codes that are announced on the failure topic.
    """

    restart: tuple[tuple[int, int], ...] = ()
    times: int = 1
    announce: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskLimits:
    """The limits of a message's tasks. What is None, or empty, is not limited.

    Attributes:
        max_runtime: How long a task may run, as it was written, such as `30m`.
        concurrency: How many tasks may be in ECS at once.
        capacity: The capacity providers to try, in this order.
        on_exit: What exit codes mean.
    """

    max_runtime: str | None = None
    concurrency: Concurrency | None = None
    capacity: tuple[str, ...] = ()
    on_exit: OnExit | None = None

    @property
    def max_runtime_seconds(self) -> int | None:
        """How long a task may run."""
        return None if self.max_runtime is None else seconds_of(self.max_runtime)

    def as_block(self) -> dict[str, Any]:
        """Return the limits in the form of the block, which `parse` reads."""
        block: dict[str, Any] = {}
        if self.max_runtime is not None:
            block["maxRuntime"] = self.max_runtime
        if self.concurrency is not None:
            group = {} if self.concurrency.group is None else {"group": self.concurrency.group}
            block["concurrency"] = {"max": self.concurrency.max, **group}
        if self.capacity:
            block["capacity"] = list(self.capacity)
        if self.on_exit is not None:
            block["onExit"] = {
                "restart": _as_codes(self.on_exit.restart),
                "times": self.on_exit.times,
                "announce": _as_codes(self.on_exit.announce),
            }
        return block


NO_LIMITS: Final = TaskLimits()


def parse(block: object, where: str = "ECS.limits") -> TaskLimits:
    """Return the limits of a block.

    Args:
        block: The value, as JSON has it.
        where: Its place, as an error names it.

    Raises:
        LimitsError: if it is not valid.
    """
    values = {
        _FIELDS[name]: _READERS[name](value, f"{where}.{name}")
        for name, value in _object(block, where, tuple(_FIELDS)).items()
        if value is not None
    }
    return TaskLimits(**values)


def parse_stage(value: object, where: str) -> dict[str, TaskLimits]:
    """Return the limits of a stage, by task definition family or pattern.

    Args:
        value: An object, or its JSON text, as the option has it.
        where: The option, as an error names it: `OPTION` with the stage's name.

    Raises:
        LimitsError: if it is not valid.
    """
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise LimitsError(
                f"{where}: expected JSON such as "
                f'{{"report": {{"maxRuntime": "30m"}}}}, got a text that is none: {error}'
            ) from None
    if not isinstance(value, Mapping):
        raise LimitsError(f"{where}: expected an object, got {_shown(value)}")
    found = {}
    for pattern, block in value.items():
        if _PATTERN.fullmatch(pattern) is None:
            raise LimitsError(
                f"{where}: expected the family of a task definition, or a pattern with * and ?,"
                f" got {_shown(pattern)}"
            )
        found[str(pattern)] = parse(block, f"{where}.{pattern}")
    return found


def of_family(stage: Mapping[str, TaskLimits], family: str) -> TaskLimits:
    """Return what a stage says for a task definition: for each limit, the most exact pattern wins.

    Args:
        stage: From `parse_stage`.
        family: The task definition's family.
    """
    if not stage:
        return NO_LIMITS
    merged: dict[str, Any] = {}
    for pattern in sorted(
        (pattern for pattern in stage if matches(pattern, family)), key=_exactness
    ):
        merged.update(_given(stage[pattern]))
    return TaskLimits(**merged)


def merge(own: TaskLimits, stage: TaskLimits) -> TaskLimits:
    """Return what holds: what a message says, and where it says nothing, what its stage says."""
    merged = replace(stage, **_given(own))
    if merged.concurrency is not None and merged.concurrency.group is None and stage.concurrency:
        group = stage.concurrency.group
        merged = replace(merged, concurrency=replace(merged.concurrency, group=group))
    return merged


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


def seconds_of(duration: str) -> int:
    """Return the seconds of a duration such as `90s`, `30m`, `4h` or `2d`.

    Raises:
        ValueError: if it is none.
    """
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(duration)
    return int(match[1]) * _UNITS[match[2]]


def covers(codes: tuple[tuple[int, int], ...], code: int) -> bool:
    """Return whether a code is in one of several ranges."""
    return any(first <= code <= last for first, last in codes)


def _given(limits: TaskLimits) -> dict[str, Any]:
    return {
        field.name: value
        for field in fields(limits)
        if (value := getattr(limits, field.name)) not in (None, ())
    }


def _exactness(pattern: str) -> tuple[bool, int]:
    """Return what orders patterns: a name without wildcards comes last, and so wins."""
    literal = len(pattern) - pattern.count("*") - pattern.count("?")
    return literal == len(pattern), literal


def _max_runtime(value: object, where: str) -> str:
    seconds = None
    if isinstance(value, str) and _DURATION.fullmatch(value):
        seconds = seconds_of(value)
    if not isinstance(value, str) or seconds is None:
        raise LimitsError(f'{where}: expected a duration such as "30m", got {_shown(value)}')
    if not MIN_RUNTIME_SECONDS <= seconds <= MAX_RUNTIME_SECONDS:
        raise LimitsError(
            f'{where}: expected a duration from "{MIN_RUNTIME_SECONDS}s" to'
            f' "{MAX_RUNTIME_SECONDS // _UNITS["d"]}d", got {_shown(value)}'
        )
    return value


def _concurrency(value: object, where: str) -> Concurrency:
    if not isinstance(value, Mapping):
        return Concurrency(max=_whole(value, where, 1, MAX_CONCURRENCY))
    block = _object(value, where, ("max", "group"))
    if block.get("max") is None:
        raise LimitsError(f"{where}.max: missing; expected a whole number of tasks")
    group = block.get("group")
    if group is not None and not (isinstance(group, str) and _NAME.fullmatch(group)):
        raise LimitsError(
            f"{where}.group: expected a name of up to 255 letters, digits, - and _,"
            f" got {_shown(group)}"
        )
    return Concurrency(max=_whole(block["max"], f"{where}.max", 1, MAX_CONCURRENCY), group=group)


def _capacity(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_CAPACITY_PROVIDERS:
        raise LimitsError(
            f"{where}: expected a list of 1 to {MAX_CAPACITY_PROVIDERS} capacity providers such as"
            f' ["FARGATE_SPOT", "FARGATE"], got {_shown(value)}'
        )
    for number, name in enumerate(value):
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise LimitsError(
                f"{where}[{number}]: expected the name of a capacity provider, got {_shown(name)}"
            )
        if name in value[:number]:
            raise LimitsError(f"{where}[{number}]: {_shown(name)} is in the list twice")
    return tuple(value)


def _on_exit(value: object, where: str) -> OnExit:
    block = _object(value, where, ("restart", "times", "announce"))
    times = block.get("times")
    if times is not None and not block.get("restart"):
        raise LimitsError(f"{where}.times: expected only beside {where}.restart")
    return OnExit(
        restart=_codes(block.get("restart"), f"{where}.restart"),
        times=1 if times is None else _whole(times, f"{where}.times", 1, MAX_EXIT_RESTARTS),
        announce=_codes(block.get("announce"), f"{where}.announce"),
    )


def _codes(value: object, where: str) -> tuple[tuple[int, int], ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or len(value) > MAX_EXIT_RULES:
        raise LimitsError(
            f"{where}: expected a list of up to {MAX_EXIT_RULES} exit codes such as"
            f' [75, "100-110"], got {_shown(value)}'
        )
    return tuple(_code(item, f"{where}[{number}]") for number, item in enumerate(value))


def _code(value: object, where: str) -> tuple[int, int]:
    match = None
    if isinstance(value, int | str) and not isinstance(value, bool):
        match = _RANGE.fullmatch(str(value))
    if match is not None:
        first, last = int(match[1]), int(match[2] or match[1])
        if first <= last <= MAX_EXIT_CODE:
            return first, last
    raise LimitsError(
        f"{where}: expected an exit code from 0 to {MAX_EXIT_CODE}, or a range such as"
        f' "100-110", got {_shown(value)}'
    )


def _as_codes(ranges: tuple[tuple[int, int], ...]) -> list[int | str]:
    return [first if first == last else f"{first}-{last}" for first, last in ranges]


def _whole(value: object, where: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise LimitsError(
            f"{where}: expected a whole number from {least} to {most}, got {_shown(value)}"
        )
    return value


def _object(value: object, where: str, names: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise LimitsError(f"{where}: expected an object, got {_shown(value)}")
    for name in value:
        if name not in names:
            raise LimitsError(
                f"{where}.{name if _QUOTABLE.fullmatch(str(name)) else '?'}: unknown; expected one"
                f" of {', '.join(names)}"
            )
    return value


def _shown(value: object) -> str:
    """Return what was found: a number, a short plain text, or else only its kind."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)[:_MAX_QUOTED_LENGTH]
    if isinstance(value, str):
        return f'"{value}"' if _QUOTABLE.fullmatch(value) else "another text"
    if isinstance(value, Mapping):
        return "an object"
    return f"a list of {len(value)}" if isinstance(value, list | tuple) else "another value"


_FIELDS: Final = {
    "maxRuntime": "max_runtime",
    "concurrency": "concurrency",
    "capacity": "capacity",
    "onExit": "on_exit",
}
_READERS: Final[dict[str, Callable[[object, str], Any]]] = {
    "maxRuntime": _max_runtime,
    "concurrency": _concurrency,
    "capacity": _capacity,
    "onExit": _on_exit,
}
