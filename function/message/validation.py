"""Validation of a request: botocore's own for the RunTask shape, plus the documented limits.

The shape comes with botocore, so a new parameter needs nothing here. Values of an enumeration are
left to AWS for the same reason: a new one must not be refused by an older botocore.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.validate import ParamValidator

from function import limits
from function.failures.reasons import PermanentFailure
from function.message.forms import path
from function.message.parsing import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape

_MAX_ERRORS_SHOWN: Final = 5

_LENGTHS: Final = {
    "networkConfiguration.awsvpcConfiguration.subnets": limits.MAX_SUBNETS,
    "networkConfiguration.awsvpcConfiguration.securityGroups": limits.MAX_SECURITY_GROUPS,
    "tags": limits.MAX_TAGS,
    "placementConstraints": limits.MAX_PLACEMENT_CONSTRAINTS,
    "placementStrategy": limits.MAX_PLACEMENT_STRATEGIES,
    "capacityProviderStrategy": limits.MAX_CAPACITY_PROVIDERS,
    "referenceId": limits.MAX_REFERENCE_ID_LENGTH,
}
"""Location of a list or text, and how long it may be."""

_WORDS: Final = {
    "<class 'str'>": "a string",
    "<class 'int'>": "a whole number",
    "<class 'bool'>": "true or false",
    "<class 'dict'>": "an object",
    "<class 'list'>": "a list",
}

_HIDDEN: Final = ("environment", "command")
"""Parameters whose values may be secrets: not even a number of them is quoted."""

_REASONS: Final = {
    "missing required field": "missing-parameter",
    "unknown field": "unknown-parameter",
    "invalid type": "wrong-type",
}


@cache
def session() -> botocore.session.Session:
    """Return the one botocore session; clients made from it share its parsed service model."""
    return botocore.session.Session()


@cache
def _run_task_shape() -> Shape:
    shape = session().get_service_model("ecs").operation_model("RunTask").input_shape
    if shape is None:
        raise TypeError("botocore knows no input of ecs:RunTask")
    return shape


def validate(parameters: Mapping[str, Any], *, flat: bool) -> None:
    """Check the parameters of a RunTask call.

    Args:
        parameters: in the RunTask form, as they will be sent.
        flat: whether the sender wrote the flat form, for the words of an error.

    Raises:
        PermanentFailure: the reason of the first problem, the texts of the first few.
    """
    problems = list(_shape_problems(parameters, flat=flat))
    if not problems:  # a limit can only be measured on the right type
        problems = list(_limit_problems(parameters, flat=flat))
    if problems:
        texts = [text for _, text in problems]
        more = len(texts) - _MAX_ERRORS_SHOWN
        shown = texts[:_MAX_ERRORS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        raise PermanentFailure(problems[0][0], "; ".join(shown))


def _shape_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[tuple[str, str]]:
    report = ParamValidator().validate(dict(parameters), _run_task_shape())
    # The list behind the report: its text quotes values, which may be secrets.
    for kind, name, facts in report._errors:  # noqa: SLF001 - held by a test of the contract
        place = name.removeprefix(".")
        where = path(place, flat=flat)
        reason = _REASONS.get(kind, "bad-value")
        if kind == "missing required field":
            missing = path(f"{place}.{facts['required_name']}".removeprefix("."), flat=flat)
            yield reason, f"{missing}: missing, but required"
        elif kind == "unknown field":
            known = ", ".join(facts["valid_names"])
            yield reason, f"{where}.{facts['unknown_param']}: unknown parameter; known are {known}"
        elif kind == "invalid type":
            yield reason, f"{where}: {_type_problem(place, facts)}"
        elif "min_allowed" in facts:
            unit = " characters or entries" if kind == "invalid length" else ""
            yield reason, f"{where}: expected at least {facts['min_allowed']}{unit}"
        else:
            yield reason, f"{where}: {kind}"


def _type_problem(place: str, facts: dict[str, Any]) -> str:
    expected, value = _WORDS.get(facts["valid_types"][0], "another type"), facts["param"]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if any(word in place for word in _HIDDEN):
        found = "a number" if number or isinstance(value, bool) else describe(value)
        return f"expected {expected}, got {found}"
    example = f' such as "{value}"' if number and expected == "a string" else ""
    return f"expected {expected}{example}, got {describe(value)}"


def _limit_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[tuple[str, str]]:
    for place, most in _LENGTHS.items():
        size = len(_at(parameters, place))
        if size > most:
            yield "over-limit", f"{path(place, flat=flat)}: expected at most {most}, got {size}"
    # Counted as compactly as JSON can be written: what AWS might take is not refused here.
    overrides = parameters.get("overrides", {})
    size = len(json.dumps(overrides, ensure_ascii=False, separators=(",", ":")))
    if size > limits.MAX_OVERRIDES_LENGTH:
        yield (
            "over-limit",
            (
                f"{path('overrides', flat=flat)}: expected at most {limits.MAX_OVERRIDES_LENGTH}"
                f" characters of JSON, got {size}"
            ),
        )
    if "launchType" in parameters and parameters.get("capacityProviderStrategy"):
        yield (
            "bad-value",
            (
                f"{path('launchType', flat=flat)}: cannot stand beside"
                f" {path('capacityProviderStrategy', flat=flat)}; leave one of them out"
            ),
        )


def _at(parameters: Mapping[str, Any], place: str) -> list[Any] | str:
    value: Any = parameters
    for name in place.split("."):
        value = value.get(name)
        if value is None:
            return ""
    return value  # type: ignore[no-any-return] # the shape says so
