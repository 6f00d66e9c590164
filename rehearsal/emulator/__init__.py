"""The embedded AWS of the rehearsal: MiniStack as a child process, with an ECS stand-in.

What it answers is no evidence about AWS; it is there to run the whole kit on one machine.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.emulator.clients import Credentials
    from rehearsal.emulator.fault_injection import Call, InjectedFault, throttle
    from rehearsal.emulator.process import Emulator, EmulatorError

__all__ = ["Call", "Credentials", "Emulator", "EmulatorError", "InjectedFault", "throttle"]

_HOMES = {"Credentials": "clients", "Emulator": "process", "EmulatorError": "process"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    """Import on demand: the child runs from this package too and has no use for boto3."""
    if name not in __all__:
        raise AttributeError(name)
    return getattr(
        importlib.import_module(f"{__name__}.{_HOMES.get(name, 'fault_injection')}"), name
    )
