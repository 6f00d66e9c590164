"""The embedded AWS as tests and benchmarks use it: its calls can be made to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rehearsal.emulator import Emulator
from rehearsal.fault_injection.faults import write_faults

if TYPE_CHECKING:
    from rehearsal.fault_injection.faults import InjectedFault


class FaultyEmulator(Emulator):
    """An embedded AWS with fault injection; use it as an `Emulator`."""

    interceptor: ClassVar[str] = "rehearsal.fault_injection.injector:FaultInjector"

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - those of `Emulator`
        super().__init__(*args, **kwargs)
        self._faults: list[InjectedFault] = []

    def inject(self, *faults: InjectedFault) -> None:
        """Add faults; of those that match a call, the first that was added is used."""
        self._faults.extend(faults)
        write_faults(self.folder, self._faults)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._faults.clear()
        write_faults(self.folder, [])
