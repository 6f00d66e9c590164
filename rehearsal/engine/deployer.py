"""Pulumi's mocks for a deployment: each resource is brought into the state of the program."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.engine.changes import (
    Action,
    Change,
    Registration,
    comparable,
    deletes_first,
    find_change,
    with_ignored,
)
from rehearsal.engine.deletion import delete
from rehearsal.engine.errors import EngineError, ProtectedError, cannot_delete
from rehearsal.engine.inputs import Inputs, unwrap
from rehearsal.engine.missing_outputs import find_missing, mark_missing
from rehearsal.engine.read_back import read_back
from rehearsal.engine.registrar import Registrar
from rehearsal.engine.resource_types import CreateContext, Created, ResourceType
from rehearsal.engine.resources import RESOURCE_TYPES
from rehearsal.engine.state import Resource

if TYPE_CHECKING:
    from pulumi.runtime import mocks

    from rehearsal.engine.provider import Provider
    from rehearsal.engine.state import State

# Inputs that an update can take away; of others the engine does not know the provider's default.
_REMOVABLE: Final = frozenset(
    {"description", "forceDestroy", "globalSecondaryIndexes", "kmsKeyId", "retentionInDays", "tags"}
)


class Deployer(Registrar):
    """Creates, updates, replaces and deletes the resources of one stack.

    Args:
        stack: The stack as `<project>/<stack>`.
        provider: The provider that makes the calls.
        state: The resources that exist; it is updated.
    """

    def __init__(self, stack: str, provider: Provider, state: State) -> None:
        super().__init__(stack, state)
        self._provider = provider

    def register(
        self, args: mocks.MockResourceArgs, registration: Registration
    ) -> tuple[str | None, dict[str, Any]]:
        """Bring a resource into the state that the program describes.

        Raises:
            EngineError: if that is not possible here.
        """
        values, where = unwrap(args.inputs), f"{args.typ} {args.name!r}"
        if name := find_missing(values):
            raise EngineError(f"{where}: uses {name}, which the in-process engine does not set")
        if not args.custom:
            return "", values
        resource_type = RESOURCE_TYPES[args.typ]
        old = self._state.find(self._stack, registration.urn)
        values = with_ignored(values, registration, old)
        inputs = Inputs(values, where)
        context = CreateContext(name=args.name, inputs=inputs, provider=self._provider, old=old)
        change = find_change(resource_type, old, values, context.tags(), registration.replaced)
        if old is not None and change is None:
            self._state.keep(
                self._stack,
                dataclasses.replace(
                    old, retained=registration.retained, protected=registration.protected
                ),
            )
            return old.id, old.outputs
        if old is not None and change is not None and change.action is Action.REPLACE:
            self._set_aside(resource_type, change, old, values)
            context = dataclasses.replace(context, old=None)
        created = self._apply(resource_type, context, where)
        resource = self._record(resource_type, context, registration, values, created)
        self._state.keep(self._stack, resource)
        return resource.id, resource.outputs

    def finish(self) -> None:
        """Delete what was replaced and what is no longer in the program, dependents first.

        Raises:
            ProtectedError: if such a resource is protected.
            EngineError: if one cannot be deleted; the next run tries again.
        """
        for resource in self._state.obsolete(self._stack, self.registered):
            current = self._state.find(self._stack, resource.urn) is resource
            if current and resource.protected and not resource.retained:
                raise ProtectedError(cannot_delete(resource.urn))
            self._delete(resource)

    def _set_aside(
        self, resource_type: ResourceType, change: Change, old: Resource, values: dict[str, Any]
    ) -> None:
        """Make room for the replacement of a resource."""
        if deletes_first(resource_type, change, values):
            self._delete(old)
        else:
            self._state.replace(self._stack, old.urn)

    def _delete(self, resource: Resource) -> None:
        delete(resource, self._provider)
        self._state.forget(self._stack, resource)

    def _apply(self, resource_type: ResourceType, context: CreateContext, where: str) -> Created:
        """Create or update a resource, and read it back as the provider does."""
        inputs, old = context.inputs, context.old
        creates = old is None or resource_type.create_is_put
        change = resource_type.create if creates else resource_type.update
        removed = (
            [] if old is None else sorted(old.inputs.keys() - inputs.values().keys() - _REMOVABLE)
        )
        if change is None or removed:
            names = removed or _changed(old, inputs)
            raise EngineError(f"{where}: the in-process engine cannot update {', '.join(names)}")
        try:
            created = change(context)
            read_back(
                resource_type.type,
                context.client,
                {**inputs.values(), **created.outputs, "id": created.id},
            )
        except (ClientError, BotoCoreError) as error:
            raise EngineError(f"{where}: {error}") from error
        for ignored in ("region", *resource_type.ignored):
            inputs.get(ignored)
        if unread := inputs.unread():
            raise EngineError(f"{where}: the in-process engine does not use {', '.join(unread)}")
        return created

    def _record(
        self,
        resource_type: ResourceType,
        context: CreateContext,
        registration: Registration,
        values: dict[str, Any],
        created: Created,
    ) -> Resource:
        region = values.get("region", self._provider.region)
        known = {**values, "region": region, "tagsAll": context.tags(), **created.outputs}
        return Resource(
            urn=registration.urn,
            type=resource_type.type,
            name=context.name,
            id=created.id,
            location=f"{self._provider.account}/{region}",
            inputs=comparable(values),
            outputs=mark_missing(resource_type.type, known),
            retained=registration.retained,
            protected=registration.protected,
        )


def _changed(old: Resource | None, inputs: Inputs) -> list[str]:
    before, after = old.inputs if old else {}, comparable(inputs.values())
    names = before.keys() | after.keys()
    return sorted(name for name in names if before.get(name) != after.get(name))
