"""Pulumi's mock of its engine, with what that leaves out."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from pulumi.runtime import mocks, rpc

from rehearsal.engine.deployer import registration
from rehearsal.engine.inputs import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.engine.deployer import Deployer

_STACK = "pulumi:pulumi:Stack"


class Monitor(mocks.MockMonitor):
    """Hands URNs and options to the deployer, and keeps the stack's outputs."""

    def __init__(self, deployer: Deployer) -> None:
        """Start without outputs."""
        super().__init__(deployer)
        self.stack_outputs: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Tell the deployer the URN and the options that its arguments leave out."""
        urn = self.make_urn(request.parent, request.type, request.name)
        registration.set((urn, bool(request.retainOnDelete)))
        with _loop():
            return super().RegisterResource(request)  # type: ignore[no-untyped-call]

    def ReadResource(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Read a resource, which only a reference to a stack can be."""
        with _loop():
            return super().ReadResource(request)  # type: ignore[no-untyped-call]

    def Invoke(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Call a function of the provider."""
        with _loop():
            return super().Invoke(request)  # type: ignore[no-untyped-call]

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Keep the outputs of the stack itself."""
        if f"::{_STACK}::" in request.urn:
            with _loop():
                self.stack_outputs = plain(rpc.deserialize_properties(request.outputs))
        return super().RegisterResourceOutputs(request)  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def _loop() -> Iterator[None]:
    """Give this thread an event loop: Pulumi needs one, and would never close its own."""
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
