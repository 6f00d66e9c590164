"""docs/cost.md: its tables are those that the measurements and the prices give."""

from __future__ import annotations

from bench import costs, results


def test_the_page_has_the_tables_that_the_script_calculates() -> None:
    text = costs.PAGE.read_text(encoding="utf-8")

    assert text == costs.page(text, results.load())
