"""The text of a message's body, read into the object that describes the task."""

from __future__ import annotations

import ast
import json
from typing import Any, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_LITERAL_LENGTH

WRAPPER: Final = "ECS"

_IGNORED_BESIDE_WRAPPER: Final = frozenset({"SQS_Retries"})
"""A counter that senders of the ancestor's messages carry along; it never described the task."""

Json = dict[str, Any]


def parse(body: str) -> Json:
    """Return the object inside a body, without the wrapper and without nulls.

    Args:
        body: JSON, or the text of a Python dict.

    Raises:
        PermanentFailure: `not-json`, `not-an-object` or `unknown-parameter`.
    """
    try:
        content = _unwrap(_load(body))
        return {name: without_nulls(item) for name, item in content.items() if item is not None}
    except RecursionError:
        raise PermanentFailure("not-json", "the body: nested too deeply to be read") from None


def _load(body: str) -> object:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except ValueError:  # Python refuses to read a number of thousands of digits
        where = "a number too long to be read"
    if body.lstrip().startswith("{") and len(body) <= MAX_LITERAL_LENGTH:
        # A str() of a dict instead of its JSON: senders in Python do that. Never by replacing
        # quotes, which breaks on the first apostrophe.
        try:
            return ast.literal_eval(body.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError):
            pass
    raise PermanentFailure("not-json", f"the body: expected JSON: {where}")


def _unwrap(value: object) -> Json:
    content = _object(value, "the body")
    if WRAPPER not in content:
        return content
    beside = sorted(content.keys() - {WRAPPER} - _IGNORED_BESIDE_WRAPPER)
    if beside:
        raise PermanentFailure(
            "unknown-parameter",
            f"{beside[0]}: unknown parameter beside {WRAPPER}; everything belongs inside it",
        )
    return _object(content[WRAPPER], WRAPPER)


def _object(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise PermanentFailure(
            "not-an-object", f"{where}: expected an object, got {describe(value)}"
        )
    stray = next((name for name in value if not isinstance(name, str)), None)
    if stray is not None:
        raise PermanentFailure(
            "not-an-object", f"{where}: expected names that are texts, got a number"
        )
    return value


def without_nulls(value: object) -> object:
    """Return a value without the members that are null: for RunTask a null is an absence."""
    if isinstance(value, dict):
        return {str(k): without_nulls(item) for k, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(item) for item in value]
    return value


def describe(value: object) -> str:
    """Return what a value is, in words; of its content only a number or a truth value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        digits = repr(value) if abs(value) < 10**15 else "with many digits"
        return f"the number {digits}"
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}
    return kinds.get(type(value), "a Python value that JSON does not have")
