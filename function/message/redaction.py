"""Masks what a text quotes of a message, in whatever encoding it quotes it.

The values of an override's environment and command may be secrets, and an AWS error may quote the
request, in full or in part, as it is or escaped. A text is redacted before it is logged or stored;
before it is published, everything else that its sender has chosen is masked as well.

The text is decoded in every way in which it may have been encoded, and compared by pieces of
PIECE_LENGTH characters. So it may lose words that a message has by chance, too.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from function.limits import MAX_ERROR_LENGTH
from function.message import encodings
from function.message.encodings import View

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

MASK: Final = "***"

# A piece of this many characters is masked wherever it occurs.
PIECE_LENGTH: Final = 8

# A secret this short is only masked as a whole word: "1" is part of half of all texts.
_MAX_WORD_LENGTH: Final = 3

# How much of a text is examined: what is masked is often longer than its mask.
_MAX_EXAMINED_LENGTH: Final = 2 * MAX_ERROR_LENGTH

_MASKED: Final = re.compile(b"\x01+")

# The characters of base64 in both alphabets, of at least PIECE_LENGTH bytes.
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{11,}")
_BASE64_QUANTUM: Final = 4


def redact(text: str, hidden: Collection[str], public: frozenset[str] = frozenset()) -> str:
    """Return a text that quotes nothing of what has to be hidden.

    Args:
        text: It is cut to MAX_ERROR_LENGTH, and gets no character that controls a terminal.
        hidden: Any piece of PIECE_LENGTH characters of them is masked. What is shorter is masked
            as a whole.
        public: Pieces that are not masked, from `pieces_of`.
    """
    cut = len(text) > _MAX_EXAMINED_LENGTH
    text = text[:_MAX_EXAMINED_LENGTH]
    marks = bytearray(len(text))
    views = View.of(text).decoded()
    _mark_short(marks, views, hidden)
    views += [inner for view in views for inner in _base64_views(view)]
    _mark_pieces(marks, [view.folded() for view in views], hidden, public)
    text = _masked(text, marks)
    if cut:
        # The first cut may have split a value: what is left of it was not recognised.
        text = text[:-PIECE_LENGTH]
    text = encodings.printable(text)
    cut = cut or len(text) > MAX_ERROR_LENGTH
    return text[: MAX_ERROR_LENGTH - 1] + "…" if cut else text


def pieces_of(texts: Iterable[str]) -> frozenset[str]:
    """Return every piece of texts that need not be hidden."""
    return frozenset(piece for text in texts for piece in _pieces(encodings.fold(text)))


def _mark_pieces(
    marks: bytearray, views: list[View], hidden: Collection[str], public: frozenset[str]
) -> None:
    """Mark what occurs both in the text and in what has to be hidden."""
    here = {piece for view in views for piece in _pieces(view.text)} - public
    if not here:
        return
    found = {
        piece
        for text in hidden
        if len(text) >= PIECE_LENGTH
        for piece in _pieces(encodings.fold(text))
        if piece in here
    }
    if not found:
        return
    for view in views:
        for start, piece in enumerate(_pieces(view.text)):
            if piece in found:
                view.mark(marks, start, start + PIECE_LENGTH)


def _mark_short(marks: bytearray, views: list[View], hidden: Collection[str]) -> None:
    """Mark what is too short to be recognised by a piece."""
    short = {text for text in hidden if len(text) < PIECE_LENGTH and text.strip()}
    for length in {len(text) for text in short}:
        for view in views:
            text = view.text
            for start in range(len(text) - length + 1):
                end = start + length
                if text[start:end] in short and (
                    length > _MAX_WORD_LENGTH or _stands_alone(text, start, end)
                ):
                    view.mark(marks, start, end)


def _stands_alone(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (_in_word(before) or _in_word(after))


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _base64_views(view: View) -> Iterator[View]:
    """Yield what a text holds in base64; it may begin in the middle."""
    for run in _BASE64.finditer(view.text):
        letters = run[0].translate({ord("-"): "+", ord("_"): "/"})
        for missing in range(_BASE64_QUANTUM):
            part = "A" * missing + letters
            if len(part) % _BASE64_QUANTUM == 1:
                part = part[:-1]
            padded = part + "=" * (-len(part) % _BASE64_QUANTUM)
            text = base64.b64decode(padded).decode(errors="replace")
            whole = view.span(run.start(), run.end())
            yield from View.within(text, *whole).decoded(max_depth=1)


def _pieces(text: str) -> Iterator[str]:
    return (text[at : at + PIECE_LENGTH] for at in range(len(text) - PIECE_LENGTH + 1))


def _masked(text: str, marks: bytearray) -> str:
    parts, end = [], 0
    for run in _MASKED.finditer(marks):
        parts += [text[end : run.start()], MASK]
        end = run.end()
    return "".join([*parts, text[end:]])
