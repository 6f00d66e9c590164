"""Pulumi's mocks for a preview: finds what a deployment would change, and makes no call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from rehearsal.engine.changes import (
    Action,
    Change,
    Registration,
    find_change,
    has_unknown,
    with_ignored,
)
from rehearsal.engine.errors import ProtectedError, cannot_delete, cannot_replace
from rehearsal.engine.inputs import unwrap
from rehearsal.engine.registrar import Registrar
from rehearsal.engine.resources import RESOURCE_TYPES

if TYPE_CHECKING:
    from pulumi.runtime import mocks

    from rehearsal.engine.provider import ProviderConfig
    from rehearsal.engine.state import Resource, State


class Planner(Registrar):
    """Compares what the program registers with the resources of one stack.

    A resource that does not change has its old outputs. One that changes has them too, except those
    that the new inputs determine. Outputs of a new or replaced resource are unknown, and so is all
    that the program derives from them.

    Args:
        stack: The stack as `<project>/<stack>`.
        provider: The provider's configuration.
        state: The resources that exist.
    """

    def __init__(self, stack: str, provider: ProviderConfig, state: State) -> None:
        super().__init__(stack, state)
        self._provider = provider
        self._changes: list[Change] = []
        self._refusals: list[str] = []
        self._changes_lock = threading.Lock()

    def register(
        self, args: mocks.MockResourceArgs, registration: Registration
    ) -> tuple[str | None, dict[str, Any]]:
        """Record the change of a resource, and return what is known of it."""
        values = unwrap(args.inputs)
        if not args.custom:
            return "", _known(values)
        resource_type, urn = RESOURCE_TYPES[args.typ], registration.urn
        old = self._state.find(self._stack, urn)
        values = with_ignored(values, registration, old)
        tags = {**self._provider.tags, **_mapping(values.get("tags"))}
        change = find_change(resource_type, old, values, tags, registration.replaced)
        if old is not None and change is None:
            self._note_options(old, registration)
            return old.id, old.outputs
        assert change is not None  # noqa: S101 - a resource without a change exists
        self._note(Change(action=change.action, urn=urn, properties=change.properties))
        if old is None:
            return None, _known(values)
        if change.action is Action.REPLACE:
            # As Pulumi does, a deployment may take the protection away and replace.
            if old.protected and registration.protected:
                self._refuse(cannot_replace(urn))
            return None, _known(values)
        unknown = {*resource_type.recomputed, *(k for k, v in values.items() if has_unknown(v))}
        outputs = {**old.outputs, **values}
        return old.id, {key: value for key, value in outputs.items() if key not in unknown}

    def finish(self) -> list[Change]:
        """Return all changes, deletions last.

        Raises:
            ProtectedError: if a protected resource would be replaced or deleted.
        """
        for resource in self._state.obsolete(self._stack, self.registered):
            if resource.retained:
                continue
            self._note(Change(action=Action.DELETE, urn=resource.urn))
            if resource.protected and self._state.find(self._stack, resource.urn) is resource:
                self._refuse(cannot_delete(resource.urn))
        if self._refusals:
            raise ProtectedError("\n".join(self._refusals))
        return self._changes

    def _note_options(self, old: Resource, registration: Registration) -> None:
        """Record that only an option of a resource changes, which makes no call."""
        if (old.protected, old.retained) != (registration.protected, registration.retained):
            changed = tuple(
                name
                for name, before, after in (
                    ("protect", old.protected, registration.protected),
                    ("retainOnDelete", old.retained, registration.retained),
                )
                if before != after
            )
            self._note(Change(action=Action.UPDATE, urn=old.urn, properties=changed))

    def _note(self, change: Change) -> None:
        with self._changes_lock:
            self._changes.append(change)

    def _refuse(self, text: str) -> None:
        with self._changes_lock:
            self._refusals.append(text)


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if not has_unknown(value)}


def _mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, dict) else {}
