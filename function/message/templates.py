"""The templates of a stage: JMESPath expressions that make a request of an event.

The stack program checks them with `check_templates` before a deployment.
https://jmespath.org/specification.html
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from function.failures.reasons import PermanentFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

# The kinds of events that a template can be for.
SOURCES: Final = ("eventbridge", "s3", "sns")

# The option of a stage, as an error names it.
OPTION: Final = "ecs-run-task:templates"

_KINDS: Final[dict[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}

# Expressions that are kept compiled: one for each source.
_COMPILED: Final = 2 * len(SOURCES)


class TemplateError(ValueError):
    """The option `templates` is invalid; the text lists every problem."""


def check_templates(text: str) -> dict[str, str]:
    """Return the expressions in the option `templates`, by kind of event.

    Args:
        text: JSON, such as `{"s3": "{taskDefinition: 'report'}"}`.

    Raises:
        TemplateError: if it is something else, or an expression is invalid.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise TemplateError(f"expected a JSON object of expressions: {error}") from None
    if not isinstance(value, dict):
        raise TemplateError(f"expected a JSON object of expressions, got {_kind(value)}")
    problems = [problem for source in value if (problem := _problem(source, value[source]))]
    if problems:
        raise TemplateError("; ".join(problems))
    return value


def request_of(
    source: str, event: Mapping[str, Any], templates: Mapping[str, str], stage: str
) -> dict[str, Any]:
    """Return the request that a template makes of an event.

    Args:
        source: The kind of event, which has a template.
        event: What the expression is applied to.
        templates: The stage's expressions.
        stage: The stage's name.

    Raises:
        PermanentFailure: `template`; the error quotes nothing of the event.
    """
    # What jmespath raises for a wrong type, a step of 0 in a slice, and an invalid expression.
    try:
        made = _compiled(templates[source]).search(event)
    except (ValueError, TypeError, ArithmeticError) as error:
        problem = f"the expression fails for this event: {_cause(error)}"
        raise failed(source, stage, problem) from None
    if not isinstance(made, dict):
        raise failed(
            source, stage, f"expected an object, the request; for this event it makes {_kind(made)}"
        )
    return made


def failed(source: str, stage: str, problem: str) -> PermanentFailure:
    """Return the failure of an event of which a template does not make a request.

    Args:
        source: The kind of event.
        stage: The stage's name.
        problem: What is wrong.
    """
    return PermanentFailure("template", f"Pulumi.{stage}.yaml: {OPTION}: {source}: {problem}")


@lru_cache(maxsize=_COMPILED)
def _compiled(expression: str) -> Any:  # noqa: ANN401 - jmespath has no types
    import jmespath  # type: ignore[import-untyped] # noqa: PLC0415 - most stages have no templates

    return jmespath.compile(expression)


def _problem(source: str, expression: object) -> str:
    """Return what is wrong with a template; empty if nothing is."""
    if source not in SOURCES:
        return f"{source}: unknown kind of event; expected one of {', '.join(SOURCES)}"
    if not isinstance(expression, str):
        return f"{source}: expected the text of a JMESPath expression, got {_kind(expression)}"
    try:
        _compiled(expression)
    except RecursionError:
        return f"{source}: nested too deeply"
    except ValueError as error:
        # The first line is jmespath's error; the others draw where it is.
        return f"{source}: not a JMESPath expression: {str(error).partition(chr(10))[0]}"
    return _unknown_function(source, expression)


def _unknown_function(source: str, expression: str) -> str:
    """Return the problem of a function that JMESPath does not have, which it finds only in use."""
    from jmespath.functions import Functions  # type: ignore[import-untyped] # noqa: PLC0415

    known = Functions.FUNCTION_TABLE
    stack: list[Any] = [_compiled(expression).parsed]
    while stack:
        node = stack.pop()
        if node["type"] == "function_expression":
            name, count = node["value"], len(node["children"])
            if name not in known:
                return f"{source}: {name}(): JMESPath has no such function"
            signature = known[name]["signature"]
            variadic = bool(signature) and bool(signature[-1].get("variadic"))
            if count < len(signature) or (count > len(signature) and not variadic):
                return f"{source}: {name}(): expected {len(signature)} arguments, got {count}"
        stack += [child for child in node["children"] if isinstance(child, dict)]
    return ""


def _cause(error: Exception) -> str:
    """Return what is wrong with a type, without jmespath's text, which quotes the value."""
    expected = getattr(error, "expected_types", None)
    function = getattr(error, "function_name", "")
    if not expected:
        return type(error).__name__
    actual = getattr(error, "actual_type", "another type")
    return f"{function}(): expected {' or '.join(expected)}, got {actual}"


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS.get(type(value), "another kind of value")
