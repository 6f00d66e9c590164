"""The CPU share of a Lambda function, for a local process.

Lambda gives a function CPU in proportion to its memory, one vCPU at 1,769 MB, as a quota of the
kernel's scheduler: in each period the process may run for a quota of time, then it is stopped.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html

A control group would do that, but needs privileges that few machines grant. Here the parent reads
the child's CPU clock about a thousand times a second. It stops the child (SIGSTOP) once it has used
the quota of a period, and continues it (SIGCONT) when later periods have made up for it. The child
is bound to one CPU. What it uses in excess between two readings is deducted later, so that the
share is correct on average.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Final, Self

# The period of the quota. The scheduler's default is 0.1 s; Lambda's is shorter.
PERIOD_SECONDS: Final = 0.02

_POLL_SECONDS: Final = 0.0007

# CPUCLOCK_SCHED of Linux; with the process id it names the CPU clock of another process.
_CLOCK_OF_ALL_THREADS: Final = 2

MEGABYTES_OF_A_CPU: Final = 1769


class Share:
    """Limits a process to a share of one CPU for as long as the context lasts.

    Args:
        pid: The process.
        share: A number below 1.
    """

    def __init__(self, pid: int, share: float) -> None:
        self._pid = pid
        self._share = share
        self._clock = (~pid << 3) | _CLOCK_OF_ALL_THREADS
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._limit, daemon=True)

    def __enter__(self) -> Self:
        os.sched_setaffinity(self._pid, {max(os.sched_getaffinity(self._pid))})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _used(self) -> float:
        return time.clock_gettime(self._clock)

    def _limit(self) -> None:
        stopped = False
        start, used_before = time.monotonic(), self._used()
        allowed = quota = PERIOD_SECONDS * self._share
        while not self._ended.is_set():
            time.sleep(_POLL_SECONDS)
            try:
                used = self._used() - used_before
            except OSError:
                return  # it has ended
            now = time.monotonic()
            while now >= start + PERIOD_SECONDS:
                start += PERIOD_SECONDS
                # Unused time expires, and excess time is deducted.
                allowed = min(allowed, used) + quota
            if used >= allowed and not stopped:
                os.kill(self._pid, signal.SIGSTOP)
                stopped = True
            elif used < allowed and stopped:
                os.kill(self._pid, signal.SIGCONT)
                stopped = False
        if stopped:
            os.kill(self._pid, signal.SIGCONT)
