"""Redacts a message's secrets from a text.

The values of an override's environment and command may be secrets, and an AWS error may quote the
request, in full or truncated. A text is redacted before it is logged, published or stored.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_ERROR_LENGTH
from function.message import parsing

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK: Final = "***"

# Parameters, of both forms of a message, that hold secrets; and what inside them is not secret.
_SECRET_NAMES: Final = frozenset({"environment", "command"})
_PUBLIC_NAMES: Final = frozenset({"name"})

# A value this short is only masked as a whole word: "1" is part of half of all texts.
_MAX_WORD_LENGTH: Final = 3

# A truncated secret is recognised by this many characters.
_PREFIX_LENGTH: Final = 8

# How much of a text is examined: what is masked is often longer than its mask.
_MAX_EXAMINED_LENGTH: Final = 2 * MAX_ERROR_LENGTH

_WORD: Final = re.compile(r"\w+")

# Texts that are spelled alike in JSON and Python.
_PLAIN: Final = re.compile(r"[ !#-&(-\[\]-~]*")

# Everything that SQS and SNS refuse: https://www.w3.org/TR/REC-xml/#charsets
_UNSENDABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def secrets_of(body: str) -> list[str]:
    """Return every value in a body that may be a secret, as it may be spelled, longest first."""
    try:
        content = parsing.load(body, python_literals=True)
    except (PermanentFailure, RecursionError):
        return []  # such a body never reaches AWS, so no error can quote it
    found = {text for text in _secrets(content) if text.strip()}
    spellings = {spelling for text in found for spelling in _spellings(text)}
    return sorted(spellings, key=len, reverse=True)


def redact(text: str, secrets: list[str]) -> str:
    """Return a text without the secrets, valid for SQS and SNS, cut to MAX_ERROR_LENGTH.

    The text is cut before it is masked, with enough left over to cut off a value that the first cut
    had split, and only values whose beginning occurs in it are looked for: a body can hold tens of
    thousands.
    """
    cut = len(text) > _MAX_EXAMINED_LENGTH
    text = text[:_MAX_EXAMINED_LENGTH]
    words = set(_WORD.findall(text))
    for secret in secrets:
        if _may_occur(secret, text, words):
            text = _masked(text, secret)
    if cut:
        text = text[:-_PREFIX_LENGTH]
    text = _UNSENDABLE.sub("\ufffd", text)
    cut = cut or len(text) > MAX_ERROR_LENGTH
    return text[: MAX_ERROR_LENGTH - 1] + "…" if cut else text


def _may_occur(secret: str, text: str, words: set[str]) -> bool:
    """Return whether a secret may occur in a text; quick for the many that do not."""
    if len(secret) <= _MAX_WORD_LENGTH and _WORD.fullmatch(secret):
        return secret in words
    return secret[:_PREFIX_LENGTH] in text


def _secrets(content: object) -> Iterator[str]:
    # An explicit stack: a body may be nested more deeply than Python can recurse.
    stack = [(content, False)]
    while stack:
        value, secret = stack.pop()
        if isinstance(value, dict):
            for name, item in value.items():
                low = str(name).lower()
                stack.append((item, low not in _PUBLIC_NAMES if secret else low in _SECRET_NAMES))
        elif isinstance(value, list | tuple | set):
            stack.extend((item, secret) for item in value)
        elif secret and value is not None and not isinstance(value, bool):
            yield value if isinstance(value, str) else repr(value)


def _spellings(text: str) -> Iterator[str]:
    yield text
    if _PLAIN.fullmatch(text):
        return
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]


def _masked(text: str, secret: str) -> str:
    if len(secret) <= _MAX_WORD_LENGTH:
        return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    if len(secret) <= _PREFIX_LENGTH:
        return text.replace(secret, MASK)
    parts, rest = [], text
    while (start := rest.find(secret[:_PREFIX_LENGTH])) >= 0:
        length = _common_length(rest[start : start + len(secret)], secret)
        parts += [rest[:start], MASK]
        rest = rest[start + length :]
    return "".join([*parts, rest])


def _common_length(text: str, secret: str) -> int:
    """Return the length of the longest common prefix."""
    pairs = zip(text, secret, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(text), len(secret)))
