"""Rows of a CSV file, each of which fills in the `{column}` of a message."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runtask.errors import UsageError
from runtask.input.documents import Document, as_body, read_text, sendable, shown_name
from runtask.input.origin import shown_path
from runtask.input.shapes import takes_text, typed

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
    """A message with `{column}` in its texts; its JSON is written once, with gaps for the columns.

    Args:
        document: The message.
        rows: What it will be filled in with.

    Raises:
        UsageError: if it names a column that there is not, or JSON has no such value.
    """

    def __init__(self, document: Document, rows: Rows) -> None:
        self._origin = document.origin
        value = document.value()
        for place, column in _columns(value, ()):
            rows.require(column, f"{document.origin.at(place)}: {shown_path(place)}")
        as_body(value, document.origin)  # the rest cannot fail when it is written
        self._pieces = list(_pieces(value, ()))

    def filled(self, row: Row) -> Document:
        """Return the message of a row."""
        cells = row.cells
        body = "".join(
            piece if isinstance(piece, str) else piece.written(cells[piece.column])
            for piece in self._pieces
        )
        return Document(origin=self._origin.at_row(row.source), body=sendable(body))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gap:
    """Where the value of a column goes.

    Attributes:
        column: The column.
        place: The parameter, if it is this value alone; None inside of a longer text.
    """

    column: str
    place: Place | None

    def written(self, cell: str) -> str:
        """Return a value as JSON, or as a part of a JSON text."""
        if self.place is None:
            return _json(cell)[1:-1]
        value = cell if takes_text(self.place) else typed(cell)
        return _json(value)


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


def _pieces(value: Any, place: Place) -> Iterator[str | _Gap]:  # noqa: ANN401 - JSON
    """Yield the JSON of a message, with gaps for the columns."""
    if isinstance(value, dict):
        column = _bare(value)
        if column is not None:
            yield _Gap(column=column, place=place)
            return
        yield "{"
        for number, (name, item) in enumerate(value.items()):
            yield f"{', ' if number else ''}{_json(name)}: "
            yield from _pieces(item, (*place, name))
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for number, item in enumerate(value):
            if number:
                yield ", "
            yield from _pieces(item, (*place, number))
        yield "]"
    elif isinstance(value, str):
        yield from _text_pieces(value, place)
    else:
        yield _json(value)


def _text_pieces(text: str, place: Place) -> Iterator[str | _Gap]:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole is not None and whole[2] is not None:
        yield _Gap(column=whole[2], place=place)
        return
    end = 0
    yield '"'
    for found in _PLACEHOLDER.finditer(text):
        yield _json(text[end : found.start()])[1:-1]
        end = found.end()
        if found[2] is None:
            yield f"{{{found[1]}}}"
        else:
            yield _Gap(column=found[2], place=None)
    yield _json(text[end:])[1:-1] + '"'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


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
