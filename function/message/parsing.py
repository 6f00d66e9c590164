"""Parses a message's body into the object that describes the task."""

from __future__ import annotations

import ast
import json
from typing import Any, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_LITERAL_LENGTH

# The object that may be wrapped around the description of the task.
WRAPPER: Final = "ECS"

# A counter in the messages of the AWS Labs sample; it never described the task.
_IGNORED_BESIDE_WRAPPER: Final = frozenset({"SQS_Retries"})

Json = dict[str, Any]


def parse(body: str) -> Json:
    """Return the object in a body, without the wrapper and without nulls.

    Args:
        body: JSON, or the text of a Python dict.

    Raises:
        PermanentFailure: `not-json`, `not-an-object` or `unknown-parameter`.
    """
    try:
        content = _unwrapped(load(body))
        return {name: _without_nulls(item) for name, item in content.items() if item is not None}
    except RecursionError:
        raise PermanentFailure("not-json", "the body: nested too deeply to be parsed") from None


def load(body: str) -> object:
    """Return the value that a body holds, whatever it is.

    Args:
        body: JSON, or the text of a Python dict.

    Raises:
        PermanentFailure: `not-json`.
        RecursionError: if it is nested too deeply.
    """
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except ValueError:  # Python refuses to parse a number of thousands of digits
        where = "a number with too many digits"
    if body.lstrip().startswith("{") and len(body) <= MAX_LITERAL_LENGTH:
        # Some Python senders send str() of a dict instead of JSON. To replace its quotes would
        # break on the first apostrophe.
        try:
            return ast.literal_eval(body.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError):
            pass
    raise PermanentFailure("not-json", f"the body: expected JSON: {where}")


def describe(value: object) -> str:
    """Return what a value is, in words; only numbers and booleans are quoted."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        digits = repr(value) if abs(value) < 10**15 else "with many digits"
        return f"the number {digits}"
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "a string"}
    return kinds.get(type(value), "a Python value that JSON does not have")


def _unwrapped(value: object) -> Json:
    content = _object(value, "the body")
    if WRAPPER not in content:
        return content
    beside = sorted(content.keys() - {WRAPPER} - _IGNORED_BESIDE_WRAPPER)
    if beside:
        raise PermanentFailure(
            "unknown-parameter",
            f"{beside[0]}: unknown parameter beside {WRAPPER}; put everything inside it",
        )
    return _object(content[WRAPPER], WRAPPER)


def _object(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise PermanentFailure(
            "not-an-object", f"{where}: expected an object, got {describe(value)}"
        )
    if not all(isinstance(name, str) for name in value):
        raise PermanentFailure(
            "not-an-object", f"{where}: expected names that are strings, got another type"
        )
    return value


def _without_nulls(value: object) -> object:
    """Return a value without the members that are null, which RunTask takes as missing."""
    if isinstance(value, dict):
        return {str(k): _without_nulls(item) for k, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value
