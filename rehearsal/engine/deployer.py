"""Pulumi's mocks: each resource is created or updated at the emulator, or refused by name."""

from __future__ import annotations

import contextvars
import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pulumi
from botocore.exceptions import BotoCoreError, ClientError
from pulumi.runtime import mocks

from rehearsal.engine.errors import EngineError
from rehearsal.engine.inputs import Inputs, unwrap
from rehearsal.engine.missing_outputs import find_missing, mark_missing
from rehearsal.engine.read_back import read_back
from rehearsal.engine.resource_types import CreateContext, ResourceType
from rehearsal.engine.resources import RESOURCE_TYPES
from rehearsal.engine.state import Resource, State

if TYPE_CHECKING:
    from rehearsal.engine.provider import Provider

_STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"

# URN and `retainOnDelete` of the resource being registered, which Pulumi does not pass to mocks.
registration: contextvars.ContextVar[tuple[str, bool]] = contextvars.ContextVar("registration")


class Deployer(mocks.Mocks):
    """Creates or updates the resources of one stack.

    Args:
        stack: The stack as `<project>/<stack>`.
        provider: The provider that creates resources.
        state: The resources that exist; it is updated.
    """

    def __init__(self, stack: str, provider: Provider, state: State) -> None:
        self._stack, self._provider, self._state = stack, provider, state
        self._lock = threading.Lock()
        self._registered: set[str] = set()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Create or update a resource, and return its id and outputs.

        Raises:
            EngineError: if that is not possible here.
        """
        if args.typ == _STACK_REFERENCE:
            return self._reference(str(args.inputs.get("name") or args.name))
        where = f"{args.typ} {args.name!r}"
        if args.custom is None or args.resource_id:
            raise EngineError(f"{where}: the in-process engine reads no existing resources")
        urn, retained = registration.get()
        with self._lock:
            if urn in self._registered:
                raise EngineError(f"{where} is registered twice")
            self._registered.add(urn)
        values = unwrap(args.inputs)
        if name := find_missing(values):
            raise EngineError(f"{where}: uses {name}, which the in-process engine does not set")
        if not args.custom:
            return "", values
        if args.typ not in RESOURCE_TYPES:
            raise EngineError(f"{where}: the in-process engine does not know this type")
        return self._deploy(RESOURCE_TYPES[args.typ], args.name, urn, values, retained=retained)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Refuse a function of the provider: the program uses none.

        Raises:
            EngineError: always.
        """
        raise EngineError(f"{args.token}: the in-process engine does not know this function")

    def finish(self) -> None:
        """Forget the retained resources that are no longer in the program.

        Raises:
            EngineError: if a resource would have to be deleted.
        """
        for resource in self._state.resources(self._stack):
            if resource.urn in self._registered:
                continue
            if not resource.retained:
                raise EngineError(
                    f"{resource.type} {resource.name!r} is no longer in the program: the "
                    "in-process engine cannot delete"
                )
            self._state.forget(self._stack, resource.urn)

    def _deploy(
        self,
        resource_type: ResourceType,
        name: str,
        urn: str,
        values: dict[str, Any],
        *,
        retained: bool,
    ) -> tuple[str, dict[str, Any]]:
        where = f"{resource_type.type} {name!r}"
        comparable = _comparable(values)
        old = self._state.find(self._stack, urn)
        if old is not None and old.inputs == comparable:
            return old.id, old.outputs
        inputs = Inputs(values, where)
        context = CreateContext(name=name, inputs=inputs, provider=self._provider, old=old)
        creates = old is None or resource_type.create_is_put
        change = resource_type.create if creates else resource_type.update
        if change is None:
            raise EngineError(
                f"{where}: the in-process engine cannot update {_changed(old, comparable)}"
            )
        try:
            created = change(context)
            read_back(resource_type.type, context, created)
        except (ClientError, BotoCoreError) as error:
            raise EngineError(f"{where}: {error}") from error
        for ignored in ("region", *resource_type.ignored):
            inputs.get(ignored)
        if unread := inputs.unread():
            raise EngineError(f"{where}: the in-process engine does not use {', '.join(unread)}")
        region = values.get("region", self._provider.region)
        outputs = mark_missing(
            resource_type.type,
            {**values, "region": region, "tagsAll": context.tags(), **created.outputs},
        )
        self._state.keep(
            self._stack,
            Resource(
                urn=urn,
                type=resource_type.type,
                name=name,
                id=created.id,
                location=f"{self._provider.account}/{region}",
                inputs=comparable,
                outputs=outputs,
                retained=retained,
            ),
        )
        return created.id, outputs

    def _reference(self, name: str) -> tuple[str, dict[str, Any]]:
        outputs = self._state.reference(name)
        return name, {"name": name, "outputs": outputs, "secretOutputNames": []}


def _changed(old: Resource | None, new: dict[str, Any]) -> str:
    before = old.inputs if old else {}
    keys = before.keys() | new.keys()
    return ", ".join(sorted(key for key in keys if before.get(key) != new.get(key)))


def _comparable(value: Any) -> Any:  # noqa: ANN401 - JSON and assets
    """Return inputs with each file replaced by the SHA-256 of its content."""
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if isinstance(value, pulumi.FileAsset):
        return hashlib.sha256(Path(value.path).read_bytes()).hexdigest()
    return value
