"""What every run of the program does with a registration, whether it deploys or only compares."""

from __future__ import annotations

import contextvars
import threading
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final

from pulumi.runtime import mocks

from rehearsal.engine.errors import EngineError
from rehearsal.engine.resources import RESOURCE_TYPES

if TYPE_CHECKING:
    from rehearsal.engine.changes import Registration
    from rehearsal.engine.state import State

_STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"

# The registration that is being answered: Pulumi does not pass all of it to mocks.
current: contextvars.ContextVar[Registration] = contextvars.ContextVar("registration")


class Registrar(mocks.Mocks):
    """Checks each registration, and answers stack references.

    Args:
        stack: The stack as `<project>/<stack>`.
        state: The resources that exist.

    Attributes:
        registered: The URNs that the program has registered.
    """

    def __init__(self, stack: str, state: State) -> None:
        self._stack, self._state = stack, state
        self._lock = threading.Lock()
        self.registered: set[str] = set()

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Answer the registration of a resource with its id and outputs.

        Raises:
            EngineError: if the engine cannot do what the program asks for.
        """
        if args.typ == _STACK_REFERENCE:
            return self._reference(str(args.inputs.get("name") or args.name))
        where = f"{args.typ} {args.name!r}"
        if args.custom is None or args.resource_id:
            raise EngineError(f"{where}: the in-process engine reads no existing resources")
        registration = current.get()
        with self._lock:
            if registration.urn in self.registered:
                raise EngineError(f"{where} is registered twice")
            self.registered.add(registration.urn)
        if args.custom and args.typ not in RESOURCE_TYPES:
            raise EngineError(f"{where}: the in-process engine does not know this type")
        return self.register(args, registration)

    @abstractmethod
    def register(
        self, args: mocks.MockResourceArgs, registration: Registration
    ) -> tuple[str | None, dict[str, Any]]:
        """Return the id and the outputs of a resource.

        Raises:
            EngineError: if the engine cannot do what the program asks for.
        """

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Refuse a function of the provider: the program uses none.

        Raises:
            EngineError: always.
        """
        raise EngineError(f"{args.token}: the in-process engine does not know this function")

    def _reference(self, name: str) -> tuple[str, dict[str, Any]]:
        outputs = self._state.reference(name)
        return name, {"name": name, "outputs": outputs, "secretOutputNames": []}
