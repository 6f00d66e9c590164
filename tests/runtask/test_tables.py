"""A table is readable at any width, and none of its cells is ever cut."""

from __future__ import annotations

import pytest

from runtask import console
from runtask.tables import table_lines

COLUMNS = ("stage", "account", "running", "promoted", "drift")
ROW = (
    "prod",
    "222222222222",
    "d012ffa0bc9c",
    "2026-11-20T11:00:00+00:00",
    "none of it has drifted",
)


def test_without_a_width_a_row_is_one_line() -> None:
    header, lines = table_lines(COLUMNS, [ROW], None)
    assert len(header) == len(lines) == 1
    assert [header[0].index(column) for column in COLUMNS] == [lines[0].index(cell) for cell in ROW]


@pytest.mark.parametrize("width", [40, 60, 80, 90, 120])
def test_no_word_is_cut_and_no_line_is_longer_than_the_terminal(width: int) -> None:
    header, lines = table_lines(COLUMNS, [ROW, ROW], width)
    words = " ".join(lines).split()
    assert max(map(len, [*header, *lines])) <= width
    for word in " ".join(ROW).split():
        assert words.count(word) == 2


def test_a_sentence_is_wrapped_between_words() -> None:
    error = "Pulumi.prod.yaml pins another artifact than its function runs, since yesterday"
    header, lines = table_lines(("stage", "drift"), [("prod", error)], 60)
    assert header == ["stage  drift"]
    assert len(lines) == 2
    assert lines[0].startswith("prod   Pulumi.prod.yaml pins another artifact")


def test_where_a_table_does_not_fit_a_row_is_a_paragraph() -> None:
    header, lines = table_lines(COLUMNS, [ROW, ROW], 40)
    assert header == []
    assert lines[:2] == ["stage     prod", "account   222222222222"]
    assert lines[len(COLUMNS)] == ""


@pytest.mark.parametrize(("terminal", "shown"), [(True, "f" * 12), (False, "f" * 64)])
def test_a_digest_is_short_on_a_terminal_and_whole_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,  # noqa: FBT001
    shown: str,
) -> None:
    monkeypatch.setattr(console, "on_terminal", lambda: terminal)
    assert console.shown_digest("f" * 64) == shown
