"""What an operator sees: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ANY_WIDTH = 1000

_progress = Console(stderr=True, highlight=False, soft_wrap=True)
# A pipe or a file has no width to fit into.
_results = Console(highlight=False, width=None if sys.stdout.isatty() else _ANY_WIDTH)


def progress(text: str) -> None:
    """Say on stderr what is being done."""
    _progress.print(text, markup=False)


def error(text: str) -> None:
    """Say on stderr what went wrong."""
    _progress.print(f"runtask: {text}", style="red", markup=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout, with no line broken where there is no terminal to fit."""
    view = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        view.add_row(*(escape(str(cell)) for cell in row))
    _results.print(view)


def as_json(value: object) -> None:
    """Print a value on stdout as JSON, for a program to read."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
