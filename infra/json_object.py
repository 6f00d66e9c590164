"""Dataclasses of strings and booleans, read from JSON and checked by type."""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

# Characters of an invalid value that are quoted in an error.
_MAX_QUOTED_CHARACTERS: Final = 40

SHA256: Final = re.compile(r"[0-9a-f]{64}")

# A git commit by SHA-1 or SHA-256, or none.
COMMIT: Final = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})?")

# ISO 8601 in UTC with seconds, as `datetime.isoformat` writes it, or none.
TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00)?")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_dictionary(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


# A field's type to its check and to its name in an error.
_CHECKS: Final[Mapping[Any, tuple[Callable[[object], bool], str]]] = {
    str: (_is_text, "a string"),
    bool: (_is_flag, "true or false"),
    dict[str, str]: (_is_dictionary, "an object of strings"),
}


def read_object(cls: type[T], text: str, *, closed: bool) -> T:
    """Return the dataclass that `text` contains as a JSON object.

    Args:
        cls: A dataclass with fields of the types `str`, `bool` and `dict[str, str]`.
        text: The JSON.
        closed: Refuse keys that the dataclass does not have, instead of ignoring what another
            version wrote.

    Raises:
        ValueError: if it is not a JSON object, or a field is missing, unknown or has another type.
    """
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(content, dict):
        found = quoted(content)
        raise ValueError(f"expected a JSON object, found {found}")  # noqa: TRY004 - not of a caller
    hints = get_type_hints(cls)
    unknown = sorted(content.keys() - {field.name for field in fields(cast("Any", cls))})
    if closed and unknown:
        raise ValueError(f"{quoted(unknown[0])} is unknown; expected {', '.join(hints)}")
    values = {}
    for field in fields(cast("Any", cls)):
        accepts, expected = _CHECKS[hints[field.name]]
        if field.name in content:
            value = content[field.name]
            if not accepts(value):
                raise ValueError(f"{field.name}: expected {expected}, found {quoted(value)}")
            values[field.name] = value
        elif field.default is MISSING:
            raise ValueError(f"{field.name}: is missing; expected {expected}")
    return cls(**values)


def check_text(field: str, value: str, pattern: re.Pattern[str], expected: str) -> None:
    """Check the text of a field.

    Args:
        field: The field's name, for the error.
        value: The text.
        pattern: What all of it must match.
        expected: The same in words, for the error.

    Raises:
        ValueError: if it does not match.
    """
    if not pattern.fullmatch(value):
        raise ValueError(f"{field}: expected {expected}, found {quoted(value)}")


def quoted(value: object) -> str:
    """Return the beginning of an invalid value as JSON, in which nothing controls a terminal."""
    return json.dumps(value)[:_MAX_QUOTED_CHARACTERS]
