"""What Pulumi's mocks call for each resource: it is made at the emulator, or refused by name."""

from __future__ import annotations

import contextvars
import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from botocore.exceptions import BotoCoreError, ClientError
from pulumi.runtime import mocks

from rehearsal.engine.errors import EngineError
from rehearsal.engine.inputs import Inputs, plain
from rehearsal.engine.missing_outputs import broken, fill
from rehearsal.engine.read_back import read_back
from rehearsal.engine.resource_types import CreateContext, ResourceType
from rehearsal.engine.resources import FUNCTIONS, RESOURCE_TYPES
from rehearsal.engine.state import Resource, State

if TYPE_CHECKING:
    from rehearsal.engine.provider import Provider

_REFERENCE = "pulumi:pulumi:StackReference"

registration: contextvars.ContextVar[tuple[str, bool]] = contextvars.ContextVar("registration")
"""The URN and `retain_on_delete` of the resource being registered, which mocks are not told."""


class Deployer(mocks.Mocks):
    """Makes or changes the resources of one stack.

    Args:
        stack: The stack as `<project>/<stack>`.
        provider: Where resources are made.
        state: What was made before, and is kept.
    """

    def __init__(self, stack: str, provider: Provider, state: State) -> None:
        """Start with nothing registered."""
        self._stack, self._provider, self._state = stack, provider, state
        self._lock = threading.Lock()
        self.seen: set[str] = set()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Make a resource, or return it as it is."""
        if args.typ == _REFERENCE:
            return self._reference(str(args.inputs.get("name") or args.name))
        where = f"{args.typ} {args.name!r}"
        if args.custom is None or args.resource_id:
            raise EngineError(f"{where}: the in-process engine reads no existing resources")
        urn, retained = registration.get()
        with self._lock:
            if urn in self.seen:
                raise EngineError(f"{where} is registered twice")
            self.seen.add(urn)
        values = plain(args.inputs)
        if name := broken(values):
            raise EngineError(f"{where}: uses {name}, which the in-process engine does not give")
        if not args.custom:
            return "", values
        if args.typ not in RESOURCE_TYPES:
            raise EngineError(f"{where}: the in-process engine does not know this type")
        return self._make(RESOURCE_TYPES[args.typ], args.name, urn, values, retained=retained)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Answer a function of the provider."""
        function = FUNCTIONS.get(args.token)
        if function is None:
            raise EngineError(f"{args.token}: the in-process engine does not know this function")
        inputs = Inputs(plain(args.args), args.token)
        answer = function(self._provider, inputs)
        _refuse_unread(inputs, args.token)
        return answer, []

    def finish(self) -> None:
        """Forget what the program no longer has, if it is retained.

        Raises:
            EngineError: It would have to be deleted, which is not written.
        """
        for resource in self._state.resources(self._stack):
            if resource.urn in self.seen:
                continue
            if not resource.retained:
                raise EngineError(
                    f"{resource.type} {resource.name!r} is no longer in the program: the "
                    "in-process engine cannot delete"
                )
            self._state.forget(self._stack, resource.urn)

    def _make(
        self, kind: ResourceType, name: str, urn: str, values: dict[str, Any], *, retained: bool
    ) -> tuple[str, dict[str, Any]]:
        where = f"{kind.token} {name!r}"
        recorded = _recorded(values)
        old = self._state.find(self._stack, urn)
        if old is not None and old.inputs == recorded:
            return old.id, old.outputs
        inputs = Inputs(values, where)
        context = CreateContext(name, inputs, self._provider, old)
        change = kind.create if old is None or kind.puts else kind.update
        if change is None:
            raise EngineError(
                f"{where}: the in-process engine cannot update {_changed(old, recorded)}"
            )
        try:
            made = change(context)
            read_back(kind.token, context, made)
        except (ClientError, BotoCoreError) as error:
            raise EngineError(f"{where}: {error}") from error
        for ignored in ("region", *kind.ignored):
            inputs.get(ignored)
        _refuse_unread(inputs, where)
        outputs = {
            **values,
            "region": values.get("region", self._provider.region),
            "tagsAll": context.tags(),
            **made.outputs,
        }
        outputs = fill(kind.token, outputs)
        location = f"{self._provider.account}/{outputs['region']}"
        self._state.keep(
            self._stack,
            Resource(
                urn=urn,
                type=kind.token,
                name=name,
                id=made.id,
                location=location,
                inputs=recorded,
                outputs=outputs,
                retained=retained,
            ),
        )
        return made.id, outputs

    def _reference(self, name: str) -> tuple[str, dict[str, Any]]:
        outputs = self._state.reference(name)
        return name, {"name": name, "outputs": outputs, "secretOutputNames": []}


def _refuse_unread(inputs: Inputs, where: str) -> None:
    if unread := inputs.unread():
        raise EngineError(f"{where}: the in-process engine does not use {', '.join(unread)}")


def _changed(old: Resource | None, new: dict[str, Any]) -> str:
    before = old.inputs if old else {}
    keys = before.keys() | new.keys()
    return ", ".join(sorted(key for key in keys if before.get(key) != new.get(key)))


def _recorded(value: Any) -> Any:  # noqa: ANN401 - JSON and assets
    """Return inputs as they can be compared later: a file by what is in it."""
    if isinstance(value, dict):
        return {key: _recorded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_recorded(item) for item in value]
    if isinstance(value, pulumi.FileAsset):
        return hashlib.sha256(Path(value.path).read_bytes()).hexdigest()
    return value
