"""What docs/security.md says cannot happen is tested, and every control has a verdict."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Final

import pytest

from tests.docs import pages
from tests.docs.pages import ROOT
from tools.scan import ACCEPTED

TEXT: Final = pages.read("security.md")
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
VERDICTS: Final = {"pass", "accepted", "not applicable"}


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def tables() -> dict[str, list[list[str]]]:
    """Return the rows of every table by the table's header."""
    found: dict[str, list[list[str]]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        header, _, *lines = block.splitlines()
        found[header.strip("| ")] = [
            [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
            for line in lines
        ]
    return found


CONTROLS: Final = tables()["control | verdict | reason | test"]


@pytest.mark.parametrize(("file", "test"), sorted(set(TEST.findall(TEXT))), ids=str)
def test_every_test_on_the_page_exists(file: str, test: str) -> None:
    assert test in functions_of(file), f"{file}::{test} is gone; name what tests it now"


def test_every_row_of_what_cannot_happen_names_a_test() -> None:
    cannot = [rows for header, rows in tables().items() if header.endswith("| test")]
    rows = [row for table in cannot if table is not CONTROLS for row in table if len(row) == 2]
    assert len(rows) > 30
    assert [row for row in rows if not TEST.search(row[1])] == []


def test_every_reader_of_the_threat_model_is_there() -> None:
    for who in ("sender", "task", "pull request", "dev account", "function role", "user"):
        assert re.search(rf"^### .*{who}", TEXT, re.MULTILINE), who


@pytest.mark.parametrize("row", CONTROLS, ids=lambda row: row[0])
def test_a_control_has_a_verdict_and_a_test_or_a_reason(row: list[str]) -> None:
    _, verdict, reason, test = row
    assert verdict in VERDICTS
    if verdict == "pass":
        assert TEST.search(test)
    else:
        assert reason


def test_every_accepted_finding_of_checkov_is_an_accepted_control() -> None:
    accepted = {
        check
        for row in CONTROLS
        if row[1] == "accepted"
        for check in re.findall(r"CKV2?_AWS_\d+", row[0])
    }
    assert {check for check, _ in ACCEPTED} <= accepted


def test_no_control_passes_that_checkov_reports() -> None:
    passing = {
        check for row in CONTROLS if row[1] == "pass" for check in re.findall(r"CKV\w+", row[0])
    }
    assert {check for check, _ in ACCEPTED} & passing == set()
