"""The CPU share of a Lambda function, for a process of this machine.

Lambda gives a function CPU in proportion to its memory, one vCPU at 1,769 MB, as a quota of the
kernel's scheduler: in each period the process may run for so long, then it stands still.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html

A control group would do that, but needs rights that few machines give. Here the parent reads the
child's CPU clock about a thousand times a second and stops the child (SIGSTOP) once it has used
its quota of a period, until later periods have paid for it (SIGCONT). The child is bound to one
CPU. What is overdrawn between two looks is paid back, so the share holds on average.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Final, Self

PERIOD_SECONDS: Final = 0.02
"""Of the quota; the scheduler's own default would be 0.1 s, and Lambda's is shorter."""

_LOOK_SECONDS: Final = 0.0007
_CLOCK_OF_ALL_THREADS: Final = 2
"""CPUCLOCK_SCHED of Linux; with the process's number it names the clock of another process."""

MEGABYTES_OF_A_CPU: Final = 1769


class Share:
    """Holds a process to a share of one CPU for as long as the context lasts."""

    def __init__(self, pid: int, share: float) -> None:
        """Hold the process `pid` to `share`, a number below 1."""
        self._pid = pid
        self._share = share
        self._clock = (~pid << 3) | _CLOCK_OF_ALL_THREADS
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._hold, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        os.sched_setaffinity(self._pid, {max(os.sched_getaffinity(self._pid))})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the process go."""
        self._ended.set()
        self._thread.join()

    def _used(self) -> float:
        return time.clock_gettime(self._clock)

    def _hold(self) -> None:
        stopped = False
        start, used_before = time.monotonic(), self._used()
        allowed = quota = PERIOD_SECONDS * self._share
        while not self._ended.is_set():
            time.sleep(_LOOK_SECONDS)
            try:
                used = self._used() - used_before
            except OSError:
                return  # it has ended
            now = time.monotonic()
            while now >= start + PERIOD_SECONDS:
                start += PERIOD_SECONDS
                # What was not used is gone, what was overdrawn stays to be paid.
                allowed = min(allowed, used) + quota
            if used >= allowed and not stopped:
                os.kill(self._pid, signal.SIGSTOP)
                stopped = True
            elif used < allowed and stopped:
                os.kill(self._pid, signal.SIGCONT)
                stopped = False
        if stopped:
            os.kill(self._pid, signal.SIGCONT)
