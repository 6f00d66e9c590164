"""A line of `runtask doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check found.

    Attributes:
        OK: Nothing to do.
        WARN: It works, but not as well as it could; or it could not be looked at.
        FAIL: Something will not work.
    """

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check that was made.

    Attributes:
        stage: The stage that it is about; empty for the machine and the files.
        check: Its name.
        verdict: What it found.
        found: The same in words.
        fix: What to do about it; empty if there is nothing to do.
    """

    stage: str
    check: str
    verdict: Verdict
    found: str
    fix: str = ""
