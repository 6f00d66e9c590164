"""docs/outcomes.md says what the tables of the code say."""

from __future__ import annotations

import re
from pathlib import Path

from function.limits import START_ATTEMPTS
from function.outcomes.states import State
from function.outcomes.stops import CAUSES

TEXT = (Path(__file__).parents[2] / "docs" / "outcomes.md").read_text()


def test_every_state_is_described() -> None:
    states = TEXT.partition("## States")[2].partition("##")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", states, re.MULTILINE) == list(State)


def test_every_cause_is_described_with_its_starts() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (yes|no) \|", TEXT, re.MULTILINE)
    assert rows == [
        (name, str(START_ATTEMPTS.get(name, 1)), "yes" if cause.slow else "no")
        for name, cause in CAUSES.items()
    ]
