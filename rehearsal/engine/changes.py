"""What a deployment changes: the program's inputs compared with the resources that exist."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.output import Unknown

from rehearsal.engine.missing_outputs import guaranteed_outputs

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rehearsal.engine.resource_types import ResourceType
    from rehearsal.engine.state import Resource

_TAGS: Final = "tagsAll"


class Action(StrEnum):
    """What happens to a resource, with the sign that Pulumi shows."""

    CREATE = "+"
    UPDATE = "~"
    REPLACE = "+-"
    DELETE = "-"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of a deployment.

    Attributes:
        action: What happens.
        urn: The resource.
        properties: The inputs that change; empty for a new or deleted resource.
    """

    action: Action
    urn: str
    properties: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return a line as in a preview."""
        token, name = self.urn.split("::")[2:]
        changed = f" [{', '.join(self.properties)}]" if self.properties else ""
        return f"{self.action} {token.rpartition('$')[2]} {name}{changed}"


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What Pulumi's mocks leave out of the registration of a resource.

    Attributes:
        urn: The URN.
        retained: The option `retain_on_delete`.
        protected: The option `protect`.
        ignored: The option `ignore_changes`: inputs by the names of the provider.
        replaced: The option `replace_on_changes`, likewise.
    """

    urn: str
    retained: bool = False
    protected: bool = False
    ignored: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()


def with_ignored(
    values: dict[str, Any], registration: Registration, old: Resource | None
) -> dict[str, Any]:
    """Return the inputs, with the old values of those whose changes are ignored."""
    kept = {name: old.inputs[name] for name in registration.ignored if old and name in old.inputs}
    return {**values, **kept}


def find_change(
    resource_type: ResourceType,
    old: Resource | None,
    values: dict[str, Any],
    tags: Mapping[str, str],
    replaced: Collection[str] = (),
) -> Change | None:
    """Return the change that new inputs make to a resource; None if there is none.

    Args:
        resource_type: The type.
        old: The resource as it is, or None.
        values: The new inputs, secrets unwrapped; `Unknown` in a preview.
        tags: The new tags, default tags included.
        replaced: The option `replace_on_changes`.
    """
    if old is None:
        return Change(action=Action.CREATE, urn="")
    new = comparable(values)
    changed = {
        name for name in old.inputs.keys() | new.keys() if old.inputs.get(name) != new.get(name)
    }
    if _TAGS in guaranteed_outputs(resource_type.type) and old.outputs.get(_TAGS) != tags:
        changed.add("tags")
    if not changed:
        return None
    replaces = changed & {"region", *resource_type.replace_on, *replaced}
    return Change(
        action=Action.REPLACE if replaces else Action.UPDATE,
        urn=old.urn,
        properties=tuple(sorted(replaces or changed)),
    )


def deletes_first(resource_type: ResourceType, change: Change, values: Mapping[str, Any]) -> bool:
    """Return whether a resource is deleted before its replacement: both would have one name."""
    name = resource_type.named_by
    return bool(name and values.get(name) and name not in change.properties)


def has_unknown(value: Any) -> bool:  # noqa: ANN401 - JSON and assets
    """Return whether a value is not known before the deployment."""
    if isinstance(value, Unknown):
        return True
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(has_unknown, items))


def comparable(value: Any) -> Any:  # noqa: ANN401 - JSON and assets
    """Return inputs with each file replaced by the SHA-256 of its content."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, pulumi.FileAsset):
        return hashlib.sha256(Path(value.path).read_bytes()).hexdigest()
    return value
