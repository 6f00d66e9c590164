"""`python -m bench [handler|drain|realtime ...] [--runs N]`: measure, tell, write down."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from bench import drain, handler, realtime, report, results

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BENCHES: Final[dict[str, Callable[[int], list[dict[str, Any]]]]] = {
    "handler": lambda runs: [{"": figures} for figures in handler.run(runs)],
    "drain": drain.run,
    "realtime": lambda runs: [realtime.run_once() for _ in range(runs)],
}


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; all of it by default.

    Returns:
        0, also where a goal is missed: a figure is no failure of the command.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("which", nargs="*", choices=[[], *_BENCHES], help="default: all")
    parser.add_argument("--runs", type=int, default=5, help="of each benchmark (default: 5)")
    options = parser.parse_args(arguments)
    found = results.load()
    for name in options.which or _BENCHES:
        _say(f"{name}: {options.runs} runs")
        begun = time.monotonic()
        load = os.getloadavg()[0]
        runs = _BENCHES[name](options.runs)
        found[name] = {
            "meta": {
                "date": dt.datetime.now(dt.UTC).date().isoformat(),
                "runs": options.runs,
                "machine": f"{os.cpu_count()} CPUs of {platform.machine()}, Python"
                f" {platform.python_version()}, load {load:.1f} before it began",
            },
            "runs": runs,
        }
        results.save(found)
        _say(f"{name}: done in {time.monotonic() - begun:.0f} s")
    found = results.load()
    report.write(found)
    for text in report.sections(found).values():
        print(text)  # noqa: T201 - the result
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
