"""What is wrong with a message, as one failure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from function.failures.reasons import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from function.settings import Settings

# The namespace of the options in a stage's file.
_NAMESPACE: Final = "ecs-run-task"

# What an error quotes of a message: names, ids and ARNs, and no free text.
_QUOTED: Final = re.compile(r"[A-Za-z0-9_.:/*?@+=,-]{1,256}")

_MAX_PROBLEMS_SHOWN: Final = 5

# A name with more characters is no slip of the pen, and comparing it would take long.
_MAX_COMPARED_LENGTH: Final = 64


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        reason: A name of `REASONS`.
        text: What was found, where, and what is expected.
    """

    reason: str
    text: str


def not_allowed(where: str, found: str, allowed: str, settings: Settings, *options: str) -> Problem:
    """Return the problem of a value that an option of the stage would allow.

    Args:
        where: Its path, as the sender wrote it.
        found: The value, in words.
        allowed: What the stage allows, in words.
        settings: Name the stage.
        options: The options that would allow it.
    """
    keys = " and ".join(f"{_NAMESPACE}:{option}" for option in options)
    return Problem(
        "not-allowed",
        f"{where}: found {found}; allowed: {allowed}; to allow it, set"
        f" Pulumi.{settings.stage}.yaml: {keys}",
    )


def quoted(value: object) -> str:
    """Return a value as an error shows it: text only if it can be a name, an id or an ARN."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value if _QUOTED.fullmatch(value) else "a text that is no name, id or ARN"
    return str(value)


def listed(patterns: Iterable[str]) -> str:
    """Return patterns in words."""
    return ", ".join(patterns) or "nothing"


def raise_first(problems: Sequence[Problem]) -> None:
    """Raise what is wrong, if anything is.

    Raises:
        PermanentFailure: with the reason of the first problem and the texts of the first few.
    """
    if not problems:
        return
    texts = [problem.text for problem in problems]
    more = len(texts) - _MAX_PROBLEMS_SHOWN
    shown = texts[:_MAX_PROBLEMS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
    raise PermanentFailure(problems[0].reason, "; ".join(shown))


def unknown_parameter(where: str, name: str, known: list[str]) -> str:
    """Return the error for a name that nobody knows, with the one that was probably meant.

    Args:
        where: The path of the parameter.
        name: The name, which a sender chose.
        known: The names that there are.
    """
    if len(name) <= _MAX_COMPARED_LENGTH:
        import difflib  # noqa: PLC0415 - only for an error, and a cold start need not pay for it

        lower = {one.lower(): one for one in known}
        near = difflib.get_close_matches(name.lower(), lower, n=1)
        if near:
            return f"{where}: unknown parameter; did you mean {lower[near[0]]}?"
    return f"{where}: unknown parameter; expected one of {', '.join(known)}"
