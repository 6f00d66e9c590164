"""Decodes the escapes with which an error may quote a value, and remembers where each stood."""

from __future__ import annotations

import html
import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import Final, Self

# JSON in an error in JSON in a URL.
_MAX_DEPTH: Final = 3

# The escapes of URLs, of JSON and Python, and of HTML. Each is decoded alone: a value may contain
# what looks like an escape of another kind.
_ESCAPES: Final = (
    re.compile(r"(?P<url>(?:%[0-9A-Fa-f]{2})+)"),
    re.compile(
        r"(?P<json>(?:\\u[0-9A-Fa-f]{4})+)"
        r"|\\x(?P<byte>[0-9A-Fa-f]{2})"
        r"|\\U(?P<long>000[0-9A-Fa-f]{5}|0010[0-9A-Fa-f]{4})"
        r"|\\(?P<one>.)",
        re.DOTALL,
    ),
    re.compile(
        r"&(?:\#(?P<decimal>[0-9]{1,6})|\#[xX](?P<hex>[0-9A-Fa-f]{1,5})|(?P<name>[A-Za-z]{2,8}));"
    ),
)

_ONE: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "a": "\a"}

# What stands for a character that would control a terminal, or that SQS and SNS refuse.
_UNPRINTABLE: Final = "\ufffd"


@dataclass(frozen=True, kw_only=True)
class View:
    """A text as it reads after decoding.

    Attributes:
        text: What it reads.
        starts: For each of its characters, where its spelling begins in the original.
        ends: The same for where it ends.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return a text as it is."""
        return cls(text=text, starts=tuple(range(len(text))), ends=tuple(range(1, len(text) + 1)))

    @classmethod
    def within(cls, text: str, start: int, end: int) -> Self:
        """Return a text of which each character stands for the same part of the original."""
        return cls(text=text, starts=(start,) * len(text), ends=(end,) * len(text))

    def decoded(self, max_depth: int = _MAX_DEPTH) -> list[View]:
        """Return the text itself, and as it reads after decoding it in every order."""
        found = {self.text: self}
        last = [self]
        for _ in range(max_depth):
            views = (view.decoded_once(escape) for view in last for escape in _ESCAPES)
            last = [view for view in views if found.setdefault(view.text, view) is view]
        return list(found.values())

    def folded(self) -> View:
        """Return the text as it is compared."""
        return View(text=fold(self.text), starts=self.starts, ends=self.ends)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters from `start` to `end` stand in the original."""
        return self.starts[start], self.ends[end - 1]

    def mark(self, marks: bytearray, start: int, end: int) -> None:
        """Set the marks of the original's characters that spell a part of the text."""
        first, last = self.span(start, end)
        marks[first:last] = b"\x01" * (last - first)

    def decoded_once(self, escapes: re.Pattern[str]) -> View:
        """Return the text without escapes of one kind."""
        if not escapes.search(self.text):
            return self
        texts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for escape in escapes.finditer(self.text):
            first, last = escape.span()
            plain = _plain(escape)
            texts += [self.text[at:first], plain]
            starts += [*self.starts[at:first], *[self.starts[first]] * len(plain)]
            ends += [*self.ends[at:first], *[self.ends[last - 1]] * len(plain)]
            at = last
        return View(
            text="".join([*texts, self.text[at:]]),
            starts=(*starts, *self.starts[at:]),
            ends=(*ends, *self.ends[at:]),
        )


def printable(text: str) -> str:
    """Return a text of the same length that a terminal shows, and that SQS and SNS take."""
    return text if text.isprintable() else "".join(map(_printable, text))


def fold(text: str) -> str:
    """Return a text of the same length as it is compared.

    It makes no difference whether it was printed, and in which case, and what a space is in a URL.
    """
    text = printable(text).replace("+", " ")
    folded = text.casefold()
    return folded if len(folded) == len(text) else "".join(map(_fold_one, text))


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else _UNPRINTABLE


def _fold_one(character: str) -> str:
    folded = character.casefold()
    return folded if len(folded) == 1 else character


def _plain(escape: re.Match[str]) -> str:
    kind = escape.lastgroup or ""
    found = escape[kind]
    if kind == "url":
        return urllib.parse.unquote(found)
    if kind == "json":
        return str(json.loads(f'"{found}"'))
    if kind == "one":
        return _ONE.get(found, found)
    if kind == "name":
        return html.unescape(escape[0])
    return chr(int(found, 10 if kind == "decimal" else 16))
