"""The lines of a table, for a terminal of any width or for a file.

No cell is ever cut. Where a table does not fit, columns with spaces are wrapped between words; if
that is not enough, each row becomes a paragraph.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

# Between two columns.
_GAP: Final = "  "

# A column of up to this many characters holds names, and a wider one sentences.
_MAX_NAME_COLUMNS: Final = 40

# The narrowest that columns are made. A sentence with a word on each line cannot be read.
_MIN_NAME_COLUMNS: Final = 12
_MIN_SENTENCE_COLUMNS: Final = 30


def table_lines(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None
) -> tuple[list[str], list[str]]:
    """Return the lines of a table's header and of its rows.

    Args:
        columns: The names of the columns.
        rows: The cells, each of one or several lines.
        width: The columns of the terminal; None for no limit.

    Returns:
        The header and the rest. Without a header, each row is a paragraph that names the columns.
    """
    cells = [list(columns), *(list(row) for row in rows)]
    natural = [max(map(_widest_line, column)) for column in zip(*cells, strict=True)]
    widths = natural
    if width is not None:
        narrowest = [
            _narrowest(column, limit)
            for column, limit in zip(zip(*cells, strict=True), natural, strict=True)
        ]
        available = width - len(_GAP) * (len(columns) - 1)
        if sum(narrowest) > available:
            return [], _paragraphs(columns, rows, width)
        widths = _shrunk(natural, narrowest, available)
    lines = [_row(row, widths) for row in cells]
    return lines[0], [line for row in lines[1:] for line in row]


def _widest_line(cell: str) -> int:
    return max(map(len, cell.split("\n")))


def _narrowest(column: Sequence[str], natural: int) -> int:
    """Return the least width of a column: no word of it is cut."""
    word = max((len(word) for cell in column for word in cell.split()), default=0)
    is_name = natural <= _MAX_NAME_COLUMNS
    floor = _MIN_NAME_COLUMNS if is_name else _MIN_SENTENCE_COLUMNS
    return min(natural, max(word, floor))


def _shrunk(natural: list[int], narrowest: list[int], available: int) -> list[int]:
    """Return widths whose sum is what is available, taken from the widest columns first."""
    widths = list(natural)
    while sum(widths) > available:
        slack = [wide if wide > least else 0 for wide, least in zip(widths, narrowest, strict=True)]
        widths[slack.index(max(slack))] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the lines of one row."""
    wrapped = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, wrapped))
    padded = [lines + [""] * (height - len(lines)) for lines in wrapped]
    return [
        _GAP.join(line.ljust(width) for line, width in zip(lines, widths, strict=True)).rstrip()
        for lines in zip(*padded, strict=True)
    ]


def _paragraphs(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return each row as lines of a name and a value, with an empty line between two rows."""
    names = max(map(len, columns))
    values = max(width - names - len(_GAP), _MIN_NAME_COLUMNS)
    lines: list[str] = []
    for row in rows:
        if lines:
            lines.append("")
        for name, cell in zip(columns, row, strict=True):
            lines += _row((name, cell), (names, values))
    return lines


def _wrapped(cell: str, width: int) -> list[str]:
    """Return a cell's lines, wrapped between words; a word that is too long stays whole."""
    return [
        line
        for text in cell.split("\n")
        for line in textwrap.wrap(
            text, max(width, 1), break_long_words=False, break_on_hyphens=False
        )
        or [""]
    ]
