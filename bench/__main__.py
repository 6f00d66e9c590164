"""Measure, report and save.

`python -m bench [handler|drain|outcomes|realtime|send ...] [--runs N]`, or
`python -m bench handler --against COMMIT [--runs N]` for the handler compared with an earlier
version of itself.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from bench import against, drain, handler, outcomes, realtime, report, results, send

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BENCHES: Final[dict[str, Callable[[int], list[dict[str, Any]]]]] = {
    "handler": lambda runs: [{"": figures} for figures in handler.run(runs)],
    "drain": drain.run,
    "outcomes": outcomes.run,
    "realtime": lambda runs: [realtime.run_once() for _ in range(runs)],
    "send": lambda runs: [{"": send.run_once()} for _ in range(runs)],
}


def main(arguments: Sequence[str]) -> int:
    """Run the chosen benchmarks; all of them by default.

    Returns:
        0, even if a goal is missed: a figure is not a failure of the command.
    """
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("which", nargs="*", choices=[[], *_BENCHES], help="default: all")
    parser.add_argument("--runs", type=int, default=5, help="runs of each benchmark (default: 5)")
    parser.add_argument(
        "--against", metavar="COMMIT", help="compare the handler with that version, nothing else"
    )
    options = parser.parse_args(arguments)
    benches: dict[str, Callable[[int], list[dict[str, Any]]]] = {
        name: _BENCHES[name] for name in options.which or _BENCHES
    }
    more = {}
    if options.against is not None:
        if options.which != ["handler"]:
            parser.error("--against compares the handler: python -m bench handler --against COMMIT")
        more["commit"] = against.commit_of(options.against)
        benches = {
            "against": lambda runs: [{"": pair} for pair in against.run(runs, options.against)]
        }
    saved = results.load()
    for name, measure in benches.items():
        _progress(f"{name}: {options.runs} runs")
        started = time.monotonic()
        load = os.getloadavg()[0]
        runs = measure(options.runs)
        saved[name] = {
            "meta": {
                "date": dt.datetime.now(dt.UTC).date().isoformat(),
                "runs": options.runs,
                "machine": f"{os.cpu_count()} CPUs of {platform.machine()}, Python"
                f" {platform.python_version()}, load {load:.1f} before it began",
                **more,
            },
            "runs": runs,
        }
        results.save(saved)
        _progress(f"{name}: done in {time.monotonic() - started:.0f} s")
    saved = results.load()
    report.write(saved)
    for name, text in report.sections(saved).items():
        if name in {"goals", *benches}:
            print(text)  # noqa: T201 - the result
    return 0


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - progress


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
