"""What the engine has made: the outputs of stacks, and their resources."""

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

    Args:
        urn: Its name for Pulumi.
        type: Its type token, for example `aws:sqs/queue:Queue`.
        name: Its logical name.
        id: What the provider calls it.
        location: The account and region that it is in.
        inputs: The program's inputs, secrets unwrapped.
        outputs: What the provider told of it.
        retained: Whether it stays when the program no longer has it.
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
    """All stacks of one emulator; it lives as long as the emulator does."""

    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _resources: dict[str, dict[str, Resource]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def resources(self, stack: str) -> list[Resource]:
        """Return the resources of a stack (`<project>/<stack>`) in the order they were made."""
        return list(self._resources.get(stack, {}).values())

    def find(self, stack: str, urn: str) -> Resource | None:
        """Return a resource of a stack, or None."""
        return self._resources.get(stack, {}).get(urn)

    def keep(self, stack: str, resource: Resource) -> None:
        """Remember a resource.

        Raises:
            EngineError: Another resource of the program is the same thing at the provider.
        """
        with self._lock:
            for other in self._everything():
                same = (other.type, other.location, other.id)
                if (
                    same == (resource.type, resource.location, resource.id)
                    and other.urn != resource.urn
                ):
                    raise EngineError(
                        f"{resource.type} {resource.name!r} is made twice: {other.name!r} is "
                        f"{resource.id} already"
                    )
            self._resources.setdefault(stack, {})[resource.urn] = resource

    def forget(self, stack: str, urn: str) -> None:
        """Drop a resource that stays at the provider without belonging to the stack."""
        with self._lock:
            del self._resources[stack][urn]

    def reference(self, name: str) -> dict[str, Any]:
        """Return the outputs of a stack by the name that a StackReference gives it.

        Raises:
            EngineError: There is no such stack.
        """
        stack = "/".join(name.split("/")[-2:])
        if stack not in self.outputs:
            known = ", ".join(sorted(self.outputs)) or "none"
            raise EngineError(f"there is no stack {name}; stacks that were made: {known}")
        return self.outputs[stack]

    def _everything(self) -> Iterator[Resource]:
        for resources in self._resources.values():
            yield from resources.values()
