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
from function.message.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Callable

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


def seconds_of(duration: str) -> int:
    """Return the seconds of a duration such as `90s`, `30m`, `4h` or `2d`.

    Raises:
        ValueError: if it is none.
    """
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(duration)
    return int(match[1]) * _UNITS[match[2]]


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
