"""Output for an operator: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Columns of a table that is not printed on a terminal: a pipe or a file has no width.
_UNLIMITED_COLUMNS: Final = 1000

# What a terminal or a reader could take for something else than text: control characters except
# tab and newline, line separators, and marks that change the direction of text.
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)

# Characters of a digest or a commit that are enough to recognize it.
_SHORT_DIGEST_LENGTH: Final = 12

_progress: Final = Console(stderr=True, highlight=False, soft_wrap=True)
_results: Final = Console(
    highlight=False, width=None if sys.stdout.isatty() else _UNLIMITED_COLUMNS
)


def progress(text: str) -> None:
    """Print on stderr what is being done."""
    _progress.print(printable(text), markup=False)


def error(text: str) -> None:
    """Print on stderr what went wrong."""
    _progress.print(f"runtask: {printable(text)}", style="red", markup=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; its lines are wrapped only on a terminal."""
    view = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        view.add_row(*(escape(printable(str(cell))) for cell in row))
    _results.print(view)


def as_json(value: object) -> None:
    """Print a value on stdout as JSON."""
    # Inside of JSON text, what is escaped here is still the same character.
    sys.stdout.write(printable(json.dumps(value, indent=2, ensure_ascii=False)) + "\n")


def printable(text: str) -> str:
    """Return a text with every character that could control a terminal written as its number.

    What is shown can come from another account: the text of an error, a name, a manifest.
    """
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def short_digest(digest: str) -> str:
    """Return the first characters of a digest or a commit, enough to recognize it."""
    return digest[:_SHORT_DIGEST_LENGTH]
