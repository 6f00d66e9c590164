"""The commands of docs/sessions.md, and how each is run as if at a terminal."""

from __future__ import annotations

import io
import re
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from runtask import console
from runtask.cli import main
from tests.runtask.conftest import ROOT

if TYPE_CHECKING:
    import pytest

PAGE: Final = ROOT / "docs" / "sessions.md"

# Set to rewrite what the page says that the commands print.
REWRITE: Final = "REWRITE_SESSIONS"

# The width of a terminal for which the command line sets none.
_COLUMNS: Final = "80"

# A block of the page: a command, which can be continued on the next line, and what it prints.
_BLOCK: Final = re.compile(
    r"^```console\n\$ ((?:[^\n]*\\\n)*[^\n]*\n)(.*?)^```$", re.MULTILINE | re.DOTALL
)

# What differs from one run to the next, and what stands in its place when two are compared.
_CHANGING: Final = (
    (re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)"), "TIME"),
    (re.compile(r"\b\d+ s later\b"), "LATER"),
)

# On the page, the current folder is the checkout.
_CHECKOUT: Final = re.compile(r"(?<=\$schema=)\S+/(?=schemas/)")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A command of the page, with what is printed.

    Attributes:
        command: The command line: variables, the command, and what a pipe ends in.
        printed: The lines after it, and `$ echo $?` with its answer if it failed.
    """

    command: str
    printed: str

    @property
    def block(self) -> str:
        """Return the block of the page."""
        return f"```console\n$ {self.command}\n{self.printed}```\n"


def sessions() -> list[Session]:
    """Return the commands of the page."""
    found = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [Session(command=command.rstrip("\n"), printed=printed) for command, printed in found]


def rewrite(old: Session, printed: str) -> None:
    """Put what a command prints on the page."""
    text = PAGE.read_text(encoding="utf-8")
    new = Session(command=old.command, printed=printed)
    PAGE.write_text(text.replace(old.block, new.block, 1), encoding="utf-8")


def constant(text: str) -> str:
    """Return a text without what differs from one run to the next."""
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return text


class _Stream(io.StringIO):
    """A stream that writes to a screen, as a terminal or through a pipe."""

    def __init__(self, screen: list[str], *, terminal: bool) -> None:
        super().__init__()
        self._screen = screen
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        count = super().write(text)  # raises for bytes, by which click knows a stream of text
        self._screen.append(text)
        return count


def at_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a command line writes to a terminal, both streams together.

    Args:
        command: Variables, the command, and `| cat` or `| head -n NUMBER`.
        monkeypatch: Replaces the streams and the environment of this process.
    """
    line, _, pipe = command.partition(" | ")
    words = shlex.split(line.replace("\\\n", " "))
    variables = {"COLUMNS": _COLUMNS, "TERM": "xterm-256color"}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    screen: list[str] = []
    with monkeypatch.context() as patch:
        patch.delenv("NO_COLOR", raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", words)
        patch.setattr(sys, "stdout", _Stream(screen, terminal=not pipe))
        patch.setattr(sys, "stderr", _Stream(screen, terminal=True))
        # Whether there are colours is decided once, when a console is made.
        patch.setattr(console, "_results", console.new_console())
        patch.setattr(console, "_progress", console.new_console(stderr=True))
        code = _exit_code()
    lines = "".join(screen).splitlines(keepends=True)
    if pipe.startswith("head"):
        lines = lines[: int(pipe.split()[-1])]
    text = _CHECKOUT.sub("", "".join(lines))
    return text if pipe or not code else f"{text}$ echo $?\n{code}\n"


def _exit_code() -> int:
    try:
        main()
    except SystemExit as exit_:
        return int(exit_.code or 0)
    return 0
