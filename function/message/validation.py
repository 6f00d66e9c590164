"""Validates a request: botocore's validation of the RunTask shape, plus the documented limits.

The shape comes with botocore, which can be newer where the function runs: a parameter that is new
there passes here, and `function.message.choices` refuses it until it has been judged. Of
enumerations, only the spelling of known values is checked: an older botocore must not refuse a new
one, and which values a message may choose is the stage's configuration.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import botocore.session
from botocore.loaders import create_loader
from botocore.model import ListShape, StringShape, StructureShape
from botocore.validate import ParamValidator

from function import limits
from function.failures.reasons import PermanentFailure
from function.message.forms import ECS_ARN, path, top_level_names
from function.message.parsing import describe
from function.message.problems import Problem, raise_first, unknown_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from botocore.model import Shape

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

# LATEST, or a version of the platform.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-fargate.html
_PLATFORM_VERSION: Final = re.compile(r"LATEST|1\.[0-9]{1,3}\.[0-9]{1,3}")

# Tags that only AWS sets. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html
_RESERVED_TAG: Final = "aws:"

# The name of a service, or its ARN, with the cluster's name or without.
_SERVICE: Final = re.compile(rf"({ECS_ARN}:service/([A-Za-z0-9_-]{{1,255}}/)?)?[A-Za-z0-9_-]+")

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
        checks = (_limit_problems, _enumeration_problems, _value_problems)
        problems = [problem for check in checks for problem in check(parameters, flat=flat)]
    raise_first(problems)


def validate_service(service: object) -> str:
    """Return the name of a service, or its ARN.

    Raises:
        PermanentFailure: if it is something else.
    """
    if not isinstance(service, str) or not service:
        found = "an empty string" if service == "" else describe(service)
        raise PermanentFailure("wrong-type", f"ECS.service: expected a string, got {found}")
    if len(service.rpartition("/")[2]) > limits.MAX_SERVICE_NAME_LENGTH:
        raise PermanentFailure(
            "over-limit",
            f"ECS.service: expected a name of at most {limits.MAX_SERVICE_NAME_LENGTH} characters,"
            f" got {len(service)}",
        )
    if _SERVICE.fullmatch(service) is None:
        raise PermanentFailure("bad-value", "ECS.service: expected the name or ARN of a service")
    return service


def _shape_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[Problem]:
    report = ParamValidator().validate(dict(parameters), _run_task_shape())
    # Not the report's text: it quotes values, which may be secrets.
    for kind, name, facts in report._errors:  # noqa: SLF001 - a contract test covers it
        place = name.removeprefix(".")
        where = path(place, flat=flat)
        reason = _REASONS.get(kind, "bad-value")
        if kind == "missing required field":
            missing = path(f"{place}.{facts['required_name']}".removeprefix("."), flat=flat)
            yield Problem(reason, f"{missing}: required, but missing")
        elif kind == "unknown field":
            unknown, known = facts["unknown_param"], list(facts["valid_names"])
            if not place:
                known = top_level_names(known, flat=flat)
            yield Problem(reason, unknown_parameter(f"{where}.{unknown}", unknown, known))
        elif kind == "invalid type":
            yield Problem(reason, f"{where}: {_type_problem(place, facts)}")
        elif "min_allowed" in facts:
            unit = " characters or entries" if kind == "invalid length" else ""
            yield Problem(reason, f"{where}: expected at least {facts['min_allowed']}{unit}")
        else:
            yield Problem(reason, f"{where}: {kind}")


def _type_problem(place: str, facts: dict[str, Any]) -> str:
    expected, value = _TYPES.get(facts["valid_types"][0], "another type"), facts["param"]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if any(word in place for word in _SECRET):
        found = "a number" if number or isinstance(value, bool) else describe(value)
        return f"expected {expected}, got {found}"
    example = f' such as "{value}"' if number and expected == "a string" else ""
    return f"expected {expected}{example}, got {describe(value)}"


def _limit_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[Problem]:
    for place, max_length in _MAX_LENGTHS.items():
        size = len(_at(parameters, place))
        if size > max_length:
            yield Problem(
                "over-limit",
                f"{path(place, flat=flat)}: expected at most {max_length}, got {size}",
            )
    # Measured in its most compact form, so that nothing is rejected that AWS might accept.
    overrides = parameters.get("overrides", {})
    size = len(json.dumps(overrides, ensure_ascii=False, separators=(",", ":")))
    if size > limits.MAX_OVERRIDES_LENGTH:
        yield Problem(
            "over-limit",
            (
                f"{path('overrides', flat=flat)}: expected at most {limits.MAX_OVERRIDES_LENGTH}"
                f" characters of JSON, got {size}"
            ),
        )


# What is below a parameter: the names of its members, or the known values of a string.
_Known: TypeAlias = "dict[str, _Known] | tuple[str, ...]"

# The member of a list.
_ITEM: Final = "[]"


@cache
def _enumerations() -> _Known:
    """Return where the RunTask shape has enumerations, without everything else."""
    return _enumerations_of(_run_task_shape())


def _enumerations_of(shape: Shape) -> _Known:
    if isinstance(shape, StringShape):
        return tuple(shape.enum)
    members = dict(shape.members) if isinstance(shape, StructureShape) else {}
    if isinstance(shape, ListShape):
        members = {_ITEM: shape.member}
    below = {name: _enumerations_of(member) for name, member in members.items()}
    return {name: known for name, known in below.items() if known}


def _enumeration_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[Problem]:
    """Yield the values that only in capitals differ from one that AWS knows."""
    stack: list[tuple[str, _Known, Any]] = [("", _enumerations(), parameters)]
    while stack:
        place, known, value = stack.pop()
        if isinstance(known, tuple):
            if value not in known:
                spelled = next((item for item in known if item.lower() == value.lower()), value)
                if spelled != value:
                    yield Problem(
                        "bad-value", f"{path(place, flat=flat)}: expected {spelled}, got {value}"
                    )
        elif isinstance(value, list):
            stack += [(f"{place}[{at}]", known[_ITEM], item) for at, item in enumerate(value)]
        else:
            stack += [
                (f"{place}.{name}".removeprefix("."), below, value[name])
                for name, below in known.items()
                if name in value
            ]


def _value_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[Problem]:
    """Yield the values that AWS documents as refused."""
    if "launchType" in parameters and parameters.get("capacityProviderStrategy"):
        yield Problem(
            "bad-value",
            (
                f"{path('launchType', flat=flat)}: cannot be combined with"
                f" {path('capacityProviderStrategy', flat=flat)}; remove one of them"
            ),
        )
    if parameters.get("propagateTags") == "SERVICE":
        yield Problem(
            "bad-value",
            (
                f"{path('propagateTags', flat=flat)}: RunTask does not accept SERVICE; expected"
                " TASK_DEFINITION"
            ),
        )
    version = parameters.get("platformVersion")
    if version is not None and _PLATFORM_VERSION.fullmatch(version) is None:
        yield Problem(
            "bad-value",
            (f"{path('platformVersion', flat=flat)}: expected LATEST or a version such as 1.4.0"),
        )
    yield from _storage_problems(parameters, flat=flat)
    for number, tag in enumerate(parameters.get("tags", ())):
        yield from _tag_problems(tag, path(f"tags[{number}]", flat=flat))


def _storage_problems(parameters: Mapping[str, Any], *, flat: bool) -> Iterator[Problem]:
    size = parameters.get("overrides", {}).get("ephemeralStorage", {}).get("sizeInGiB")
    allowed = limits.EPHEMERAL_STORAGE_GIBIBYTES
    if size is not None and size not in allowed:
        where = path("overrides.ephemeralStorage.sizeInGiB", flat=flat)
        yield Problem(
            "over-limit",
            f"{where}: expected {allowed[0]} to {allowed[-1]} GiB, got {describe(size)}",
        )


def _tag_problems(tag: Mapping[str, str], where: str) -> Iterator[Problem]:
    key, value = tag.get("key", ""), tag.get("value", "")
    if "key" not in tag:
        yield Problem("bad-value", f"{where}.key is missing; expected the name of a tag")
    if key.lower().startswith(_RESERVED_TAG):
        yield Problem(
            "bad-value", f"{where}.key: only AWS sets tags that begin with {_RESERVED_TAG}"
        )
    for name, text, longest in (
        ("key", key, limits.MAX_TAG_KEY_LENGTH),
        ("value", value, limits.MAX_TAG_VALUE_LENGTH),
    ):
        if len(text) > longest:
            yield Problem(
                "over-limit", f"{where}.{name}: expected at most {longest}, got {len(text)}"
            )


def _at(parameters: Mapping[str, Any], place: str) -> list[Any] | str:
    value: Any = parameters
    for name in place.split("."):
        value = value.get(name)
        if value is None:
            return ""
    return value  # type: ignore[no-any-return] # the shape guarantees it
