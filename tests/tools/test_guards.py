"""The guards that `python -m tools.guards` takes away are where it looks for them."""

from __future__ import annotations

import pytest

from infra.bundle import ROOT
from tests.docs import pages
from tools.guards import GUARDS, Guard, failures

guards = pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)


@guards
def test_a_guard_is_in_its_file_once(guard: Guard) -> None:
    text = (ROOT / guard.file).read_text(encoding="utf-8")
    assert text.count(guard.text) == 1
    assert guard.text != guard.instead


@guards
def test_a_guard_has_tests_that_fail_without_it(guard: Guard) -> None:
    assert guard.fails
    for test in guard.fails:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), test


@guards
def test_a_guards_controls_are_on_the_security_page(guard: Guard) -> None:
    page = pages.read("security.md")
    assert [control for control in guard.controls if control not in page] == []


def test_a_guard_that_is_gone_is_reported() -> None:
    guard = next(iter(GUARDS.values()))
    gone = Guard(**{**vars(guard), "text": "not in the file"})
    with pytest.raises(ValueError, match="'not in the file' 0 times"):
        failures(gone)
