"""Parses a message's body into the object that describes the task."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from function.failures.reasons import PermanentFailure
from function.limits import MAX_NUMBER_DIGITS
from function.message import envelopes, literals, templates

if TYPE_CHECKING:
    from collections.abc import Mapping

# The object that may be wrapped around the description of the task.
WRAPPER: Final = "ECS"

# The parameter beside those of RunTask that is stored for the task, as it is.
PAYLOAD: Final = "payload"

# A counter in the messages of the AWS Labs sample; it never described the task.
_IGNORED_BESIDE_WRAPPER: Final = frozenset({"SQS_Retries"})

# How the text of a Python dict begins.
_PYTHON: Final = re.compile(r"\s*\{\s*'")

Json = dict[str, Any]


class Parsed(NamedTuple):
    """What a body asks for.

    Attributes:
        content: The object that describes the task, without the wrapper and without nulls.
        source: The kind of event of which a template made it; empty for a message of a sender.
    """

    content: Json
    source: str = ""


def parse(body: str, *, python_literals: bool = False) -> Json:
    """Return the object in a body, without the wrapper and without nulls.

    Args:
        body: JSON, or the text of a Python dict.
        python_literals: Whether the text of a Python dict is read.

    Raises:
        PermanentFailure: `not-json`, `not-an-object`, `envelope` or `unknown-parameter`.
    """
    return parse_body(body, python_literals=python_literals).content


def parse_body(
    body: str,
    *,
    python_literals: bool = False,
    expressions: Mapping[str, str] | None = None,
    stage: str = "",
) -> Parsed:
    """Return what a body asks for, where it is an event by the template of the stage.

    Args:
        body: JSON, or the text of a Python dict.
        python_literals: Whether the text of a Python dict is read.
        expressions: The stage's templates, by kind of event.
        stage: The stage's name, for an error about a template.

    Raises:
        PermanentFailure: `not-json`, `not-an-object`, `envelope`, `template` or
            `unknown-parameter`.
    """
    try:
        value = load(body, python_literals=python_literals)
        event = event_in(value, expressions or {})
        if event is not None:
            return _made(event, expressions or {}, stage)
        content = _unwrapped(_object(value, "the body"), sent=True)
        if not python_literals and "null" not in body:  # as in most messages
            return Parsed(content)
        return Parsed(_present(content))
    except RecursionError:
        raise PermanentFailure("not-json", "the body: nested too deeply to be parsed") from None


def event_in(value: object, expressions: Mapping[str, str]) -> envelopes.Event | None:
    """Return the event that a body's value is, None if it is no event that has a template."""
    if not expressions or not isinstance(value, dict) or WRAPPER in value:
        return None
    return envelopes.event_of(value, expressions.keys())


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


def _made(event: envelopes.Event, expressions: Mapping[str, str], stage: str) -> Parsed:
    made = templates.request_of(event.source, event.content, expressions, stage)
    try:
        return Parsed(_present(_unwrapped(made, sent=False)), event.source)
    except PermanentFailure as failure:
        raise templates.failed(event.source, stage, failure.error) from None


def _unwrapped(content: Json, *, sent: bool) -> Json:
    if WRAPPER not in content:
        if sent:
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


def _present(content: Json) -> Json:
    """Return a request without nulls, except those in a payload."""
    return {
        name: item if name == PAYLOAD else _without_nulls(item)
        for name, item in content.items()
        if item is not None
    }


def _without_nulls(value: object) -> object:
    """Return a value without the members that are null, which RunTask takes as missing."""
    if isinstance(value, dict):
        return {str(k): _without_nulls(item) for k, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_nulls(item) for item in value]
    return value
