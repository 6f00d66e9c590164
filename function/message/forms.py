"""The two forms of a message, and the conversion of the flat form to the RunTask form."""

from __future__ import annotations

from typing import Any, Final

from function.failures.reasons import PermanentFailure
from function.message.parsing import WRAPPER

# How the ARN of anything in ECS begins, as a regular expression. A sender chooses the length of
# what is not bounded.
ECS_ARN: Final = r"arn:[a-z-]{1,32}:ecs:[a-z0-9-]{1,32}:[0-9]{12}"

_AWSVPC: Final = "networkConfiguration.awsvpcConfiguration"
_CONTAINER: Final = "overrides.containerOverrides[0]"

# Each parameter of the flat form, and its location in the RunTask form.
FLAT_NAMES: Final = {
    "task_def": "taskDefinition",
    "container_name": f"{_CONTAINER}.name",
    "environment": f"{_CONTAINER}.environment",
    "command": f"{_CONTAINER}.command",
    "subnets": f"{_AWSVPC}.subnets",
    "security_groups": f"{_AWSVPC}.securityGroups",
    "cpu": "overrides.cpu",
    "memory": "overrides.memory",
}

# Parameters of the RunTask form that the flat form replaces, so that a message cannot have both.
_REPLACED: Final = frozenset({"taskDefinition", "overrides", "networkConfiguration"})


# What a message cannot decide, and what it can have besides the parameters of RunTask.
_DECIDED_BY_THE_KIT: Final = frozenset({"clientToken", "startedBy"})
_BESIDE_RUN_TASK: Final = ("limits", "payload", "service")


def is_flat(content: dict[str, Any]) -> bool:
    """Return whether a message uses the flat form."""
    return any(name in content for name in FLAT_NAMES)


def to_run_task_form(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a flat message in the RunTask form; values are not validated.

    Raises:
        PermanentFailure: `bad-value`, if the message mixes both forms.
    """
    mixed = sorted(_REPLACED & content.keys())
    if mixed:
        flat = sorted(FLAT_NAMES.keys() & content.keys())
        raise PermanentFailure(
            "bad-value",
            f"{WRAPPER}.{mixed[0]}: cannot be combined with {WRAPPER}.{flat[0]};"
            " use one of the two forms",
        )
    result = {name: value for name, value in content.items() if name not in FLAT_NAMES}
    if "task_def" in content:
        result["taskDefinition"] = content["task_def"]
    container = _renamed(content, {"container_name": "name", "command": "command"})
    if "environment" in content:
        container["environment"] = _environment(content["environment"])
    overrides = _renamed(content, {"cpu": "cpu", "memory": "memory"})
    if container:
        overrides["containerOverrides"] = [container]
    if overrides:
        result["overrides"] = overrides
    network = _renamed(content, {"subnets": "subnets", "security_groups": "securityGroups"})
    if network:
        result["networkConfiguration"] = {"awsvpcConfiguration": network}
    return result


def path(place: str, *, flat: bool) -> str:
    """Return the path of a parameter as the sender wrote it.

    Args:
        place: Its location in the RunTask form, such as `overrides.cpu`.
        flat: Whether the message uses the flat form.
    """
    if flat:
        for name, start in FLAT_NAMES.items():
            if place == start or place.startswith((f"{start}.", f"{start}[")):
                return f"{WRAPPER}.{name}{place[len(start) :]}"
    return f"{WRAPPER}.{place}" if place else WRAPPER


def top_level_names(names: list[str], *, flat: bool) -> list[str]:
    """Return what a message can have at its top, for an error.

    Args:
        names: The parameters of RunTask.
        flat: Whether the message uses the flat form.
    """
    left_out = _REPLACED | _DECIDED_BY_THE_KIT if flat else _DECIDED_BY_THE_KIT
    known = [name for name in names if name not in left_out]
    return sorted({*known, *_BESIDE_RUN_TASK, *(FLAT_NAMES if flat else ())})


def _renamed(content: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {new: content[old] for old, new in names.items() if old in content}


def _environment(value: object) -> object:
    if not isinstance(value, list):
        return value
    names = {"Name": "name", "Value": "value"}
    return [
        {names.get(name, name): part for name, part in item.items()}
        if isinstance(item, dict)
        else item
        for item in value
    ]
