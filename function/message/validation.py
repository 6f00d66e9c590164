"""Validates a request: botocore's validation of the RunTask shape, plus the documented limits.

The shape comes with botocore, so that a new parameter needs no change here. The values of
enumerations are left to AWS: an older botocore must not refuse a new one.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.loaders import create_loader
from botocore.validate import ParamValidator

from function import limits
from function.failures.reasons import PermanentFailure
from function.message.forms import path
from function.message.parsing import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape

_MAX_ERRORS_SHOWN: Final = 5

# The location of a list or string, and its greatest length.
_MAX_LENGTHS: Final = {
    "networkConfiguration.awsvpcConfiguration.subnets": limits.MAX_SUBNETS,
    "networkConfiguration.awsvpcConfiguration.securityGroups": limits.MAX_SECURITY_GROUPS,
    "tags": limits.MAX_TAGS,
    "placementConstraints": limits.MAX_PLACEMENT_CONSTRAINTS,
    "placementStrategy": limits.MAX_PLACEMENT_STRATEGIES,
    "capacityProviderStrategy": limits.MAX_CAPACITY_PROVIDERS,
    "referenceId": limits.MAX_REFERENCE_ID_LENGTH,
}

# botocore's names of types, in the words of JSON.
_TYPES: Final = {
    "<class 'str'>": "a string",
    "<class 'int'>": "a whole number",
    "<class 'bool'>": "true or false",
    "<class 'dict'>": "an object",
    "<class 'list'>": "a list",
}

# Parameters whose values may be secrets: not even numbers in them are quoted.
_SECRET: Final = ("environment", "command")

# botocore's kinds of problems, and the reasons they mean.
_REASONS: Final = {
    "missing required field": "missing-parameter",
    "unknown field": "unknown-parameter",
    "invalid type": "wrong-type",
}


@cache
def session() -> botocore.session.Session:
    """Return the only botocore session, so that clients and validation share its service models."""
    made = botocore.session.Session()
    # botocore's own loader asks for the AWS profile, which may not exist where a message is only
    # read, as in `runtask send`.
    made.register_component("data_loader", create_loader())
    return made


@cache
def _run_task_shape() -> Shape:
    shape = session().get_service_model("ecs").operation_model("RunTask").input_shape
    if shape is None:
        raise TypeError("botocore has no input shape of ecs:RunTask")
    return shape


def validate(parameters: Mapping[str, Any], *, flat: bool) -> None:
    """Check the parameters of a RunTask call.

    Args:
        parameters: In the RunTask form, as they will be sent.
        flat: Whether the sender used the flat form; an error names parameters as the sender did.

    Raises:
        PermanentFailure: with the reason of the first problem and the texts of the first few.
    """
    problems = list(_shape_problems(parameters, flat=flat))
    if not problems:  # limits apply only to values of the right type
        problems = list(_limit_problems(parameters, flat=flat))
    if problems:
        texts = [text for _, text in problems]
        more = len(texts) - _MAX_ERRORS_SHOWN
        shown = texts[:_MAX_ERRORS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        raise PermanentFailure(problems[0][0], "; ".join(shown))


def _shape_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[tuple[str, str]]:
    report = ParamValidator().validate(dict(parameters), _run_task_shape())
    # Not the report's text: it quotes values, which may be secrets.
    for kind, name, facts in report._errors:  # noqa: SLF001 - a contract test covers it
        place = name.removeprefix(".")
        where = path(place, flat=flat)
        reason = _REASONS.get(kind, "bad-value")
        if kind == "missing required field":
            missing = path(f"{place}.{facts['required_name']}".removeprefix("."), flat=flat)
            yield reason, f"{missing}: required, but missing"
        elif kind == "unknown field":
            known = ", ".join(facts["valid_names"])
            yield (
                reason,
                f"{where}.{facts['unknown_param']}: unknown parameter; expected one of {known}",
            )
        elif kind == "invalid type":
            yield reason, f"{where}: {_type_problem(place, facts)}"
        elif "min_allowed" in facts:
            unit = " characters or entries" if kind == "invalid length" else ""
            yield reason, f"{where}: expected at least {facts['min_allowed']}{unit}"
        else:
            yield reason, f"{where}: {kind}"


def _type_problem(place: str, facts: dict[str, Any]) -> str:
    expected, value = _TYPES.get(facts["valid_types"][0], "another type"), facts["param"]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if any(word in place for word in _SECRET):
        found = "a number" if number or isinstance(value, bool) else describe(value)
        return f"expected {expected}, got {found}"
    example = f' such as "{value}"' if number and expected == "a string" else ""
    return f"expected {expected}{example}, got {describe(value)}"


def _limit_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[tuple[str, str]]:
    for place, max_length in _MAX_LENGTHS.items():
        size = len(_at(parameters, place))
        if size > max_length:
            yield (
                "over-limit",
                f"{path(place, flat=flat)}: expected at most {max_length}, got {size}",
            )
    # Measured in its most compact form, so that nothing is rejected that AWS might accept.
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
                f"{path('launchType', flat=flat)}: cannot be combined with"
                f" {path('capacityProviderStrategy', flat=flat)}; remove one of them"
            ),
        )


def _at(parameters: Mapping[str, Any], place: str) -> list[Any] | str:
    value: Any = parameters
    for name in place.split("."):
        value = value.get(name)
        if value is None:
            return ""
    return value  # type: ignore[no-any-return] # the shape guarantees it
