"""`docs/failures.md` and the table of reasons agree."""

from __future__ import annotations

import re
from pathlib import Path

from function.failures.reasons import REASONS, FailureClass

TEXT = (Path(__file__).parents[2] / "docs" / "failures.md").read_text(encoding="utf-8")

ROW = re.compile(r"^\| `([a-z-]+)` \| (yes|no) \| (.*) \| (.*) \|$", re.MULTILINE)


def rows(text: str = TEXT) -> dict[str, tuple[str, str, str]]:
    return {name: (redrivable, cause, cure) for name, redrivable, cause, cure in ROW.findall(text)}


def test_every_reason_is_documented_and_every_documented_one_exists() -> None:
    assert rows().keys() == REASONS.keys()
    assert len(ROW.findall(TEXT)) == len(REASONS)


def test_every_reason_has_a_cause_and_a_cure() -> None:
    assert all(cause.strip() and cure.strip() for _, cause, cure in rows().values())


def test_redrivable_reasons_are_documented_as_such() -> None:
    documented = {name: redrivable == "yes" for name, (redrivable, _, _) in rows().items()}

    assert documented == {name: reason.redrivable for name, reason in REASONS.items()}


def test_every_reason_stands_under_its_class() -> None:
    sections = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    for title in ("Invalid", "Environment", "Transient"):
        names = {
            name for section in sections if section.startswith(title) for name in rows(section)
        }
        assert names == {
            name
            for name, reason in REASONS.items()
            if reason.failure_class is FailureClass(title.lower()) and name != "expired"
        }
