"""CPU time of the command's start: `python -m bench.command [RUNS]`.

Each run starts `python -c pass` and then each command line, so that whatever else the machine does
counts for all of them. Printed is the median of what a command line takes beyond `pass`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from typing import Final

from infra.bundle import ROOT

# What `runtask --help` may take beyond `python -c pass`.
MAX_HELP_CPU_MILLISECONDS: Final = 150

_DEFAULT_RUNS: Final = 20

_PASS: Final[tuple[str, ...]] = ("-c", "pass")
_LINES: Final[tuple[tuple[str, ...], ...]] = (
    ("-m", "runtask", "--help"),
    ("-m", "runtask", "send", "--help"),
    ("-m", "runtask", "--version"),
    ("-m", "runtask", "completion", "bash"),
)


def main() -> None:
    """Measure, and print a line for each command line."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else _DEFAULT_RUNS
    beyond: dict[tuple[str, ...], list[float]] = {line: [] for line in _LINES}
    for line in (_PASS, *_LINES):  # writes what Python compiles, and fills the kernel's caches
        _cpu_milliseconds(line)
    for _ in range(runs):
        nothing = _cpu_milliseconds(_PASS)
        for line, figures in beyond.items():
            figures.append(_cpu_milliseconds(line) - nothing)
    for line, figures in beyond.items():
        name = " ".join(line[1:])
        print(f"{name}: {statistics.median(figures):.0f} ms of CPU beyond `python -c pass`")  # noqa: T201 - the result
    print(f"goal for runtask --help: {MAX_HELP_CPU_MILLISECONDS} ms")  # noqa: T201


def _cpu_milliseconds(arguments: tuple[str, ...]) -> float:
    """Return the CPU time of a Python process, its user and its system time."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    after = os.times()
    children = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    return 1000 * children


if __name__ == "__main__":
    main()
