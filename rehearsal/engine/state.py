"""The state of the engine: the resources and outputs of its stacks."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource that exists at the emulator.

    Attributes:
        urn: Pulumi's URN.
        type: The type token, for example `aws:sqs/queue:Queue`.
        name: The logical name.
        id: The provider's id.
        location: The account and region, as `<account>/<region>`.
        inputs: The program's inputs, secrets unwrapped, files by their SHA-256.
        outputs: The outputs, inputs included.
        retained: Whether it stays when it is no longer in the program.
    """

    urn: str
    type: str
    name: str
    id: str
    location: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    retained: bool = False


@dataclass
class State:
    """All stacks of one emulator; it lives as long as the emulator does.

    Attributes:
        outputs: The outputs of each stack, by `<project>/<stack>`.
    """

    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _resources: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def resources(self, stack: str) -> list[Resource]:
        """Return the resources of a stack (`<project>/<stack>`) in the order of their creation."""
        return list(self._resources.get(stack, {}).values())

    def find(self, stack: str, urn: str) -> Resource | None:
        """Return a resource of a stack, or None."""
        return self._resources.get(stack, {}).get(urn)

    def keep(self, stack: str, resource: Resource) -> None:
        """Add or replace a resource.

        Raises:
            EngineError: if another resource has the same type, location and id.
        """
        with self._lock:
            for other in self._all():
                same = (other.type, other.location, other.id)
                if (
                    same == (resource.type, resource.location, resource.id)
                    and other.urn != resource.urn
                ):
                    raise EngineError(
                        f"{resource.type} {resource.name!r} is created twice: {other.name!r} is "
                        f"{resource.id} already"
                    )
            self._resources.setdefault(stack, {})[resource.urn] = resource

    def forget(self, stack: str, urn: str) -> None:
        """Remove a resource that stays at the provider but no longer belongs to the stack."""
        with self._lock:
            del self._resources[stack][urn]

    def reference(self, name: str) -> dict[str, Any]:
        """Return the outputs of a stack by the name in a StackReference.

        Raises:
            EngineError: if there is no such stack.
        """
        stack = "/".join(name.split("/")[-2:])
        if stack not in self.outputs:
            known = ", ".join(sorted(self.outputs)) or "none"
            raise EngineError(f"there is no stack {name}; deployed stacks: {known}")
        return self.outputs[stack]

    def _all(self) -> Iterator[Resource]:
        for resources in self._resources.values():
            yield from resources.values()
