"""Dataclasses of strings and booleans, read from JSON and checked by type."""

from __future__ import annotations

import json
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

# Characters of an invalid value that are quoted in an error.
_MAX_QUOTED_CHARACTERS: Final = 40


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


def read_object(cls: type[T], text: str) -> T:
    """Return the dataclass that `text` contains as a JSON object.

    Keys that the dataclass does not have are ignored: another version may write more or fewer.

    Args:
        cls: A dataclass with fields of the types `str`, `bool` and `dict[str, str]`.
        text: The JSON.

    Raises:
        ValueError: if it is not a JSON object, or a field is missing or has another type.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(content, dict):
        found = json.dumps(content)[:_MAX_QUOTED_CHARACTERS]
        raise ValueError(f"expected a JSON object, found {found}")  # noqa: TRY004 - not of a caller
    hints = get_type_hints(cls)
    values = {}
    for field in fields(cast("Any", cls)):
        accepts, expected = _CHECKS[hints[field.name]]
        if field.name in content:
            value = content[field.name]
            if not accepts(value):
                found = json.dumps(value)[:_MAX_QUOTED_CHARACTERS]
                raise ValueError(f"{field.name}: expected {expected}, found {found}")
            values[field.name] = value
        elif field.default is MISSING:
            raise ValueError(f"{field.name}: is missing; expected {expected}")
    return cls(**values)
