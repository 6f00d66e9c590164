"""Fault injection: makes calls of the embedded AWS fail. For tests and benchmarks only.

with FaultyEmulator.start() as emulator:
    emulator.inject(InjectedFault(error="AccessDeniedException", times=1))
"""

from __future__ import annotations

from rehearsal.fault_injection.emulator import FaultyEmulator
from rehearsal.fault_injection.faults import InjectedFault, throttle

__all__ = ["FaultyEmulator", "InjectedFault", "throttle"]
