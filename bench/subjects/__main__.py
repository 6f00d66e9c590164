"""A subject's process: `python -m bench.subjects NAME CHANNEL BATCHES`.

It communicates with the benchmark over the socket CHANNEL: it sends one JSON line after the import,
waits for a line, processes the first batch and BATCHES more, and sends a second JSON line.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_STATUS: Final = Path("/proc/self/status")


def peak_megabytes() -> float:
    """Return the peak memory of this process.

    Not `ru_maxrss`, which a child inherits from the process that forked it.
    """
    match = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii"))
    return int(match[1]) / 1024 if match else float("nan")


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Return the wall and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def main(name: str, channel: int, batches: int) -> None:
    """Measure one subject."""
    with socket.socket(fileno=channel) as parent, parent.makefile("rw", encoding="utf-8") as line:

        def say(content: dict[str, Any]) -> None:
            line.write(json.dumps(content) + "\n")
            line.flush()

        loaded: list[Any] = []
        imported = timed(
            lambda: loaded.append(importlib.import_module(f"bench.subjects.{name}").subject())
        )
        say({"import": imported, "pid": os.getpid(), "peak": peak_megabytes()})
        line.readline()
        if batches < 0:
            return
        subject = loaded[0]
        events = [subject.prepare(number) for number in range(batches + 1)]
        first = timed(lambda: subject.work(events[0]))
        warm = [timed(functools.partial(subject.work, event)) for event in events[1:]]
        say(
            {
                "first": first,
                "warm": warm,
                "size": subject.size,
                "count": getattr(subject, "count", 1),
                "peak": peak_megabytes(),
            }
        )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
