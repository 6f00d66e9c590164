"""Output for an operator: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console

from runtask.tables import table_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.live import Live

# What a terminal or a reader could take for something else than text: control characters except
# tab and newline, line separators, and marks that change the direction of text.
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)

# Characters of a digest or a commit that are enough to recognize it.
_SHORT_DIGEST_LENGTH: Final = 12


def new_console(*, stderr: bool = False) -> Console:
    """Return what writes to a stream, without any escape sequence where NO_COLOR is set.

    Args:
        stderr: Whether it writes to stderr, and not to stdout.
    """
    # Rich itself leaves out the colours alone, and keeps bold.
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        stderr=stderr, highlight=False, soft_wrap=True, color_system=None if plain else "auto"
    )


_progress: Final = new_console(stderr=True)
_results: Final = new_console()


def progress(text: str) -> None:
    """Print on stderr what is being done."""
    _progress.print(printable(text), markup=False)


def error(text: str) -> None:
    """Print on stderr what went wrong."""
    _progress.print(f"runtask: {printable(text)}", style="red", markup=False)


def on_terminal() -> bool:
    """Return whether results are read on a terminal, and not by a program or from a file."""
    return sys.stdout.isatty()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; no cell is cut, and lines are wrapped only on a terminal."""
    width = shutil.get_terminal_size().columns if on_terminal() else None
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    header, lines = table_lines(columns, cells, width)
    for line in header:
        _results.print(line, style="bold", markup=False)
    for line in lines:
        _results.print(line, markup=False)


def gap() -> None:
    """Print an empty line on stdout, between two tables."""
    _results.print()


def line(text: str) -> None:
    """Print a line on stdout."""
    _results.print(printable(text), markup=False)
    # Who reads a pipe sees each line when it is written.
    sys.stdout.flush()


@contextlib.contextmanager
def redrawn() -> Iterator[Callable[[list[str]], None]]:
    """Give a function that draws lines on a terminal in the place of those before."""
    live: Live | None = None

    def redraw(lines: list[str]) -> None:
        nonlocal live
        from rich.live import Live  # noqa: PLC0415 - takes long
        from rich.text import Text  # noqa: PLC0415

        text = Text("\n".join(printable(one) for one in lines))
        if live is None:
            live = Live(text, console=_results, auto_refresh=False)
            live.start(refresh=True)
        else:
            live.update(text, refresh=True)

    try:
        yield redraw
    finally:
        if live is not None:
            live.stop()


def compact(value: object) -> str:
    """Return a value as JSON on one line."""
    return printable(json.dumps(value, ensure_ascii=False))


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


def shown_digest(digest: str) -> str:
    """Return a digest, a commit or an id for a table: short on a terminal, whole anywhere else."""
    return short_digest(digest) if on_terminal() else digest
