"""The two forms of a message, and the way from the flat one to RunTask's parameters."""

from __future__ import annotations

from typing import Any, Final

from function.failures.reasons import PermanentFailure
from function.message.parsing import WRAPPER

_AWSVPC: Final = "networkConfiguration.awsvpcConfiguration"
_CONTAINER: Final = "overrides.containerOverrides[0]"

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
"""Each parameter of the flat form, and where it stands in the RunTask form."""

_BUILT: Final = frozenset({"taskDefinition", "overrides", "networkConfiguration"})
"""What the flat form spells in other words, so cannot stand beside it."""


def is_flat(content: dict[str, Any]) -> bool:
    """Return whether a message's content is written in the flat form."""
    return any(name in content for name in FLAT_NAMES)


def to_run_task_form(content: dict[str, Any]) -> dict[str, Any]:
    """Return a flat message's content in RunTask's words; values are not looked at.

    Raises:
        PermanentFailure: both forms are mixed.
    """
    mixed = sorted(_BUILT & content.keys())
    if mixed:
        flat = sorted(FLAT_NAMES.keys() & content.keys())
        raise PermanentFailure(
            "bad-value",
            f"{WRAPPER}.{mixed[0]}: cannot stand beside {WRAPPER}.{flat[0]};"
            " write the message in one of the two forms",
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
    """Return how the sender calls a parameter.

    Args:
        place: its place in the RunTask form, such as `overrides.cpu`.
        flat: whether the message is written in the flat form.
    """
    if flat:
        for name, start in FLAT_NAMES.items():
            if place == start or place.startswith((f"{start}.", f"{start}[")):
                return f"{WRAPPER}.{name}{place[len(start) :]}"
    return f"{WRAPPER}.{place}" if place else WRAPPER


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
