"""Parses a message's body into the object that describes the task."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any, Final

from function.failures.reasons import PermanentFailure
from function.limits import MAX_NUMBER_DIGITS
from function.message import envelopes, literals

# The object that may be wrapped around the description of the task.
WRAPPER: Final = "ECS"

# A counter in the messages of the AWS Labs sample; it never described the task.
_IGNORED_BESIDE_WRAPPER: Final = frozenset({"SQS_Retries"})

# How the text of a Python dict begins.
_PYTHON: Final = re.compile(r"\s*\{\s*'")

Json = dict[str, Any]


def parse(body: str, *, python_literals: bool = False) -> Json:
    """Return the object in a body, without the wrapper and without nulls.

    Args:
        body: JSON, or the text of a Python dict.
        python_literals: Whether the text of a Python dict is read.

    Raises:
        PermanentFailure: `not-json`, `not-an-object`, `envelope` or `unknown-parameter`.
    """
    try:
        content = _unwrapped(load(body, python_literals=python_literals))
        if not python_literals and "null" not in body:  # as in most messages
            return content
        return {name: _without_nulls(item) for name, item in content.items() if item is not None}
    except RecursionError:
        raise PermanentFailure("not-json", "the body: nested too deeply to be parsed") from None


def load(body: str, *, python_literals: bool = False) -> object:
    """Return the value that a body holds, whatever it is.

    Args:
        body: JSON, or the text of a Python dict.
        python_literals: Whether the text of a Python dict is read.

    Raises:
        PermanentFailure: `not-json`.
        RecursionError: if it is nested too deeply.
    """
    try:
        return json.loads(body, parse_int=_integer)
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except ValueError:
        where = "a number with too many digits"
    if body.lstrip().startswith("{"):
        if python_literals:
            with contextlib.suppress(literals.LiteralRefusedError):
                return literals.read(body)
        elif _PYTHON.match(body):
            where += "; it looks like the text of a Python dict, which pythonLiterals lets through"
    raise PermanentFailure("not-json", f"the body: expected JSON: {where}")


def _integer(text: str) -> int:
    """Return a number of JSON; no parameter needs more digits.

    Raises:
        ValueError: if it has more.
    """
    if len(text) > MAX_NUMBER_DIGITS:
        raise ValueError(text[:MAX_NUMBER_DIGITS])
    return int(text)


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
    return kinds.get(type(value), "another kind of value")


def _unwrapped(value: object) -> Json:
    content = _object(value, "the body")
    if WRAPPER not in content:
        envelopes.check(content)
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
