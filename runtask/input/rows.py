"""Rows of a CSV file, each of which fills in the `{column}` of a message."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runtask.errors import UsageError
from runtask.input.documents import Document, as_body, read_text, shown_name
from runtask.input.origin import shown_path
from runtask.input.shapes import typed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runtask.input.origin import Path as Place

# `{column}`; in two pairs of braces it stands for itself, as in `${{HOME}}`. Other braces, such as
# those of JSON in a command, are left alone.
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_. -]*"
_PLACEHOLDER: Final = re.compile(rf"\{{\{{({_NAME})\}}\}}|\{{({_NAME})\}}")

_TABS: Final = (".tsv", ".tab")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row.

    Attributes:
        source: The file and the line on which it begins.
        cells: The values by column.
    """

    source: str
    cells: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of a file.

    Attributes:
        name: The file, as an error names it.
        columns: The names in the first line.
        rows: The other lines that are not empty.
    """

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Row]

    def require(self, column: str, where: str) -> None:
        """Check that there is a column.

        Raises:
            UsageError: naming the place that asks for it, and the columns that there are.
        """
        if column not in self.columns:
            known = ", ".join(name for name in self.columns if name)
            raise UsageError(f"{where}: no column {column} in {self.name}:1; found {known}")


def read_rows(path: str) -> Rows:
    """Read a CSV file, whose first line has the names of the columns.

    Args:
        path: The file, or `-` for standard input. In a `.tsv` file, tabs separate the values.

    Raises:
        UsageError: if it cannot be read, has no rows, or a row has another number of values.
    """
    name = shown_name(path)
    text = read_text(path)
    delimiter = "\t" if Path(path).suffix.lower() in _TABS else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: tuple[str, ...] = ()
    rows: list[Row] = []
    for line, cells in _lines(reader, name):
        if not columns:
            columns = tuple(cell.strip() for cell in cells)
            twice = {column for column in columns if column and columns.count(column) > 1}
            if twice:
                raise UsageError(f"{name}:{line}: column {min(twice)} is there twice")
            continue
        if len(cells) != len(columns):
            raise UsageError(
                f"{name}:{line}: found {len(cells)} values; the first line names {len(columns)} "
                "columns"
            )
        cells_by_column = dict(zip(columns, cells, strict=True))
        rows.append(Row(source=f"{name}:{line}", cells=cells_by_column))
    if not rows:
        raise UsageError(f"{name}: no rows; expected a line with names of columns, and rows")
    return Rows(name=name, columns=columns, rows=rows)


class Template:
    """A message with `{column}` in its texts.

    Args:
        document: The message.
        rows: What it will be filled in with.

    Raises:
        UsageError: if it names a column that there is not.
    """

    def __init__(self, document: Document, rows: Rows) -> None:
        self._origin = document.origin
        self._value = document.value()
        for place, column in _columns(self._value, ()):
            rows.require(column, f"{document.origin.at(place)}: {shown_path(place)}")

    def filled(self, row: Row) -> Document:
        """Return the message of a row.

        Raises:
            UsageError: if JSON has no such value.
        """
        origin = self._origin.at_row(row.source)
        return Document(origin=origin, body=as_body(_filled(self._value, (), row), origin))


class TextTemplate:
    """A text of the command line with `{column}` in it, such as a message group.

    Args:
        text: The text.
        option: The option, for an error.
        rows: What it will be filled in with.

    Raises:
        UsageError: if it names a column that there is not.
    """

    def __init__(self, text: str, option: str, rows: Rows) -> None:
        self._text = text
        for _, column in _columns(text, ()):
            rows.require(column, f"{option} {text}")

    def filled(self, row: Row) -> str:
        """Return the text of a row."""
        return _replaced(self._text, row)


def _lines(reader: Iterator[list[str]], name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line of each record, and its values; empty lines are left out.

    Raises:
        UsageError: if it is not CSV.
    """
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(f"{name}:{line}: not CSV: {error}") from None
        if cells:
            yield line, cells
        line = reader.line_num + 1  # type: ignore[attr-defined] # csv's own reader


def _columns(value: Any, place: Place) -> Iterator[tuple[Place, str]]:  # noqa: ANN401 - JSON
    """Yield place and name of every column that a message names."""
    if isinstance(value, dict):
        column = _bare(value)
        if column is not None:
            yield place, column
            return
        for name, item in value.items():
            yield from _columns(item, (*place, name))
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            yield from _columns(item, (*place, position))
    elif isinstance(value, str):
        for found in _PLACEHOLDER.finditer(value):
            if found[2] is not None:
                yield place, found[2]


def _filled(value: Any, place: Place, row: Row) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        column = _bare(value)
        if column is not None:
            return typed(row.cells[column], place)
        return {name: _filled(item, (*place, name), row) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, (*place, position), row) for position, item in enumerate(value)]
    if not isinstance(value, str) or "{" not in value:
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole is not None and whole[2] is not None:
        return typed(row.cells[whole[2]], place)
    return _replaced(value, row)


def _replaced(text: str, row: Row) -> str:
    return _PLACEHOLDER.sub(
        lambda found: f"{{{found[1]}}}" if found[2] is None else row.cells[found[2]], text
    )


def _bare(value: Mapping[str, Any]) -> str | None:
    """Return the column of a `{column}` that was written without quotes, which YAML reads so."""
    if len(value) != 1:
        return None
    ((name, item),) = value.items()
    return name if item is None and re.fullmatch(_NAME, name) else None
