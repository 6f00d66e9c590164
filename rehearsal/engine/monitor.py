"""Pulumi's mock of its resource monitor, with the parts that it leaves out."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from pulumi.runtime import mocks, rpc

from rehearsal.engine.changes import Registration
from rehearsal.engine.inputs import unwrap
from rehearsal.engine.registrar import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.engine.registrar import Registrar

_STACK: Final = "pulumi:pulumi:Stack"


class Monitor(mocks.MockMonitor):
    """Passes URNs and options on to the registrar, and records the stack's outputs.

    Args:
        registrar: Answers the registrations.

    Attributes:
        stack_outputs: The stack's outputs, secrets unwrapped.
    """

    def __init__(self, registrar: Registrar) -> None:
        super().__init__(registrar)
        self.stack_outputs: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Pass on the URN and the options that the registrar's arguments leave out."""
        current.set(
            Registration(
                urn=self.make_urn(request.parent, request.type, request.name),
                retained=bool(request.retainOnDelete),
                protected=bool(request.protect),
                ignored=tuple(request.ignoreChanges),
                replaced=tuple(request.replaceOnChanges),
            )
        )
        with _loop():
            return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def ReadResource(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Read a resource; the registrar accepts stack references only."""
        with _loop():
            return super().ReadResource(request)  # type: ignore[no-untyped-call]

    def Invoke(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Call a function of the provider, which the registrar refuses."""
        with _loop():
            return super().Invoke(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Record the outputs of the stack itself."""
        if f"::{_STACK}::" in request.urn:
            with _loop():
                self.stack_outputs = unwrap(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _loop() -> Iterator[None]:
    """Set an event loop for this thread: Pulumi needs one, and would never close its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    else:
        yield
        return
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
