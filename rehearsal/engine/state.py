"""The state of the engine: the resources and outputs of its stacks."""

from __future__ import annotations

import dataclasses
import itertools
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


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
        protected: Whether it must not be replaced or deleted.
        order: When it was registered last. All that it depends on was registered before, so what
            was registered last is deleted first.
    """

    urn: str
    type: str
    name: str
    id: str
    location: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    retained: bool = False
    protected: bool = False
    order: int = 0


@dataclass
class State:
    """All stacks of one emulator; it lives as long as the emulator does.

    Attributes:
        outputs: The outputs of each stack, by `<project>/<stack>`.
    """

    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    _resources: dict[str, dict[str, Resource]] = field(default_factory=dict)
    # Replaced resources that are not deleted yet.
    _replaced: dict[str, list[Resource]] = field(default_factory=dict)
    _count: itertools.count[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def resources(self, stack: str) -> list[Resource]:
        """Return the resources of a stack (`<project>/<stack>`), dependents last."""
        found = self._resources.get(stack, {}).values()
        return sorted(found, key=lambda resource: resource.order)

    def find(self, stack: str, urn: str) -> Resource | None:
        """Return a resource of a stack, or None."""
        return self._resources.get(stack, {}).get(urn)

    def keep(self, stack: str, resource: Resource) -> None:
        """Add or replace the record of a resource.

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
            self._resources.setdefault(stack, {})[resource.urn] = dataclasses.replace(
                resource, order=next(self._count)
            )

    def replace(self, stack: str, urn: str) -> None:
        """Set a resource aside, to be deleted once the program has run."""
        with self._lock:
            self._replaced.setdefault(stack, []).append(self._resources[stack].pop(urn))

    def forget(self, stack: str, resource: Resource) -> None:
        """Remove a resource that was deleted, or that stays but no longer belongs to the stack."""
        with self._lock:
            if self._resources[stack].get(resource.urn) is resource:
                del self._resources[stack][resource.urn]
            else:
                self._replaced[stack] = [
                    other for other in self._replaced.get(stack, []) if other is not resource
                ]

    def obsolete(self, stack: str, registered: Collection[str]) -> list[Resource]:
        """Return what is to be deleted: dependents first, and last what they depend on.

        Args:
            stack: The stack as `<project>/<stack>`.
            registered: The URNs that the program has registered; the others are obsolete.
        """
        gone = [one for one in self.resources(stack) if one.urn not in registered]
        found = [*gone, *self._replaced.get(stack, [])]
        return sorted(found, key=lambda resource: resource.order, reverse=True)

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
