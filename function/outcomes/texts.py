"""How texts of ECS are shortened before they are kept."""

from __future__ import annotations

from typing import Final

from function.limits import MAX_STOP_TEXT_LENGTH

_GAP: Final = " … "


def shortened(text: str) -> str:
    """Return a text of at most MAX_STOP_TEXT_LENGTH characters.

    The middle is left out: the kind of an error stands in front, and what failed at last, behind.
    """
    if len(text) <= MAX_STOP_TEXT_LENGTH:
        return text
    half = (MAX_STOP_TEXT_LENGTH - len(_GAP)) // 2
    return f"{text[:half]}{_GAP}{text[-half:]}"
