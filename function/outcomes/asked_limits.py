"""What the limits of a message say, as far as it matters after its launch.

They were validated before the launch; what cannot be read of an old item is no limit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from function.outcomes.history import Asked

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")
_RANGE: Final = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")

# Restarts by `onExit` where the message does not say how many.
_TIMES: Final = 1


def max_runtime_text(asked: Asked | None) -> str:
    """Return `maxRuntime` as it was written, empty if there is none."""
    return "" if asked is None else str(asked.limits.get("maxRuntime", "") or "")


def max_runtime_seconds(asked: Asked | None) -> float | None:
    """Return `maxRuntime` in seconds, None if there is none."""
    match = _DURATION.fullmatch(max_runtime_text(asked))
    return None if match is None else float(int(match[1]) * _UNITS[match[2]])


def has_lease(asked: Asked | None) -> bool:
    """Return whether a lease of a concurrency group was needed."""
    return asked is not None and bool(asked.limits.get("concurrency"))


def exit_restarts(asked: Asked | None, code: int | None) -> int:
    """Return how often a task is started again that ended with this code."""
    rules = _on_exit(asked)
    if code is None or not _covers(rules.get("restart"), code):
        return 0
    times = rules.get("times", _TIMES)
    return times if isinstance(times, int) else _TIMES


def announces_exit(asked: Asked | None, code: int | None) -> bool:
    """Return whether a person is to be told of this exit code."""
    return code is not None and _covers(_on_exit(asked).get("announce"), code)


def _on_exit(asked: Asked | None) -> Mapping[str, Any]:
    rules = None if asked is None else asked.limits.get("onExit")
    return rules if isinstance(rules, dict) else {}


def _covers(codes: object, code: int) -> bool:
    """Return whether a list of codes and ranges, such as `"100-110"`, has a code."""
    if not isinstance(codes, list | tuple):
        return False
    for item in codes:
        match = _RANGE.fullmatch(str(item))
        if item == code or str(item) == str(code):
            return True
        if match is not None and int(match[1]) <= code <= int(match[2]):
            return True
    return False
