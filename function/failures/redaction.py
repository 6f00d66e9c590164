"""Taking secrets out of a text.

The values of an override's environment and command may be secrets, and an error of AWS may quote
the request, whole or cut short. A text goes through here before it is logged, announced or stored.
"""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Final

from function.limits import MAX_ERROR_LENGTH, MAX_LITERAL_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

MASK: Final = "***"

_SECRET_PLACES: Final = frozenset({"environment", "command"})
_NAME_PLACES: Final = frozenset({"name"})

_MAX_WORD_LENGTH: Final = 3
"""A value this short is only masked where it stands alone: "1" is part of every second text."""

_PREFIX_LENGTH: Final = 8
"""A text that is cut short is recognised by so many characters."""

# What SQS and SNS take: https://www.w3.org/TR/REC-xml/#charsets
_UNSENDABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def secrets_of(body: str) -> list[str]:
    """Return every value in a body that may be a secret, longest first."""
    found = {text for text in _secrets(_loosely(body), inside=False) if text.strip()}
    spelled = {spelling for text in found for spelling in _spellings(text)}
    return sorted(spelled, key=len, reverse=True)


def scrub(text: str, secrets: list[str]) -> str:
    """Return a text without the secrets, fit for SQS and SNS, cut to MAX_ERROR_LENGTH."""
    for secret in secrets:
        text = _masked(text, secret)
    text = _UNSENDABLE.sub("\ufffd", text)
    return text if len(text) <= MAX_ERROR_LENGTH else text[: MAX_ERROR_LENGTH - 1] + "…"


def _loosely(body: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    if len(body) > MAX_LITERAL_LENGTH:
        return None
    try:
        return ast.literal_eval(body.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _secrets(value: object, *, inside: bool) -> Iterator[str]:
    # A stack of its own: a body may be nested deeper than Python calls.
    stack = [(value, inside)]
    while stack:
        current, secret = stack.pop()
        if isinstance(current, dict):
            for name, item in current.items():
                low = str(name).lower()
                stack.append((item, low not in _NAME_PLACES if secret else low in _SECRET_PLACES))
        elif isinstance(current, list | tuple | set):
            stack.extend((item, secret) for item in current)
        elif secret and current is not None and not isinstance(current, bool):
            yield current if isinstance(current, str) else repr(current)


def _spellings(text: str) -> Iterator[str]:
    yield text
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
        length = _common(rest[start : start + len(secret)], secret)
        parts += [rest[:start], MASK]
        rest = rest[start + length :]
    return "".join([*parts, rest])


def _common(text: str, secret: str) -> int:
    pairs = zip(text, secret, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(text), len(secret)))
