"""The table of parameters is closed: it has every parameter of RunTask, and no other passes."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore.model import ListShape, StructureShape
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from function.failures.reasons import PermanentFailure
from function.message import choices, validation
from function.message.builder import read
from function.message.parameters import PARAMETERS, SetBy
from function.settings import Settings
from tests.unit.fakes import MESSAGE, REQUIRED, message, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import Shape

    from function.message.request import Request

PATHS = [parameter.path for parameter in PARAMETERS]


def leaves(shape: Shape, place: str = "") -> Iterator[str]:
    """Yield the paths of what has a value of its own."""
    if isinstance(shape, StructureShape) and shape.members:
        for name, member in shape.members.items():
            yield from leaves(member, f"{place}.{name}".removeprefix("."))
    elif isinstance(shape, ListShape):
        yield from leaves(shape.member, f"{place}[]")
    else:
        yield place


def run_task() -> Shape:
    model = botocore.session.Session().get_service_model("ecs")
    shape = model.operation_model("RunTask").input_shape
    assert shape is not None
    return shape


def test_the_table_has_every_parameter_that_botocore_knows_and_no_other() -> None:
    assert set(PATHS) == set(leaves(run_task()))


def test_a_parameter_stands_in_the_table_once() -> None:
    assert [path for path, times in Counter(PATHS).items() if times > 1] == []


def test_what_depends_on_an_option_names_it_and_nothing_else_does() -> None:
    for parameter in PARAMETERS:
        assert bool(parameter.options) == (parameter.set_by is SetBy.OPTION), parameter.path
        if parameter.iam:
            assert parameter.options, parameter.path


class NewerBotocore:
    """A validation for which every parameter exists, as for a botocore that knows it."""

    def validate(self, *_: object) -> Any:
        return type("Report", (), {"_errors": ()})


@pytest.fixture
def newer_botocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "ParamValidator", NewerBotocore)


@pytest.mark.usefixtures("newer_botocore")
@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"privileged": True}, "ECS.privileged"),
        ({"overrides": {"pidMode": "host"}}, "ECS.overrides.pidMode"),
        (
            {"overrides": {"containerOverrides": [{"name": "main", "secrets": []}]}},
            "ECS.overrides.containerOverrides[0].secrets",
        ),
        (
            {
                "overrides": {
                    "containerOverrides": [
                        {"name": "a", "environment": [{"name": "A", "valueFrom": "arn"}]}
                    ]
                }
            },
            "ECS.overrides.containerOverrides[0].environment[0].valueFrom",
        ),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": [], "ipv6": True}}},
            "ECS.networkConfiguration.awsvpcConfiguration.ipv6",
        ),
    ],
)
def test_a_parameter_that_only_a_newer_botocore_knows_is_refused(
    changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(PermanentFailure) as caught:
        read(message(**changes), settings())

    assert caught.value.reason == "unknown-parameter"
    assert caught.value.error.startswith(f"{where}: unknown parameter; ")


# --- Whatever a message asks for, the call has only what the stage allows

TEXTS = st.sampled_from(
    [
        *("FARGATE", "FARGATE_SPOT", "fleet", "1.4.0", "LATEST", "volume", "team", "snap-1"),
        *("subnet-1", "sg-1", "report-task", "arn:aws:s3:::bucket/key", "*", ""),
        *("1024", "16 vCPU", ".5 vCPU", "122880", "120 GB", "2 GB", "1e9", "-4096"),
    ]
)


def of_shape(shape: Shape) -> st.SearchStrategy[Any]:
    """Draw values of the right structure."""
    if isinstance(shape, StructureShape):
        members = {name: of_shape(member) for name, member in shape.members.items()}
        required = {name: members.pop(name) for name in shape.required_members}
        return st.fixed_dictionaries(required, optional=members)
    if isinstance(shape, ListShape):
        return st.lists(of_shape(shape.member), max_size=2)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "integer": st.sampled_from([0, 1, 21, 200, 512, 4096, 5000, 30721, -4096]),
    }
    enum = list(getattr(shape, "enum", ()))
    if shape.type_name in kinds:
        return kinds[shape.type_name]
    return st.sampled_from(enum) if enum else TEXTS


def values(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of everything in a call that has a value of its own."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from values(item, f"{place}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for item in value:
            yield from values(item, f"{place}[]")
    else:
        yield place, value


LEAST = {"cluster": MESSAGE["cluster"], "taskDefinition": "report"}
CLOSED = Settings.from_environment(REQUIRED)

# The options whose default allows nothing, and what a parameter can be nevertheless.
SHUT = {
    "subnets": None,
    "securityGroups": None,
    "publicIp": "DISABLED",
    "executeCommand": False,
    "ebsVolumes": None,
    "ebsSnapshots": None,
    "maxEbsVolumeGibibytes": None,
    "taskRoles": None,
    "executionRoles": None,
    "volumeRoles": None,
    "tagKeys": None,
    "environmentFiles": None,
}


@hypothesis(max_examples=400, deadline=None, derandomize=True)
@given(of_shape(run_task()))
def test_no_call_has_what_the_stage_does_not_allow(drawn: dict[str, Any]) -> None:
    drawn.pop("clientToken", None)
    try:
        request = read(json.dumps({**drawn, **LEAST, "count": 1}), CLOSED)
    except PermanentFailure:
        return
    is_within(request)


@hypothesis(max_examples=400, deadline=None, derandomize=True)
@given(st.sampled_from(PATHS), of_shape(run_task()))
def test_no_single_parameter_passes_that_the_stage_does_not_allow(
    place: str, drawn: dict[str, Any]
) -> None:
    first = place.split(".", maxsplit=1)[0].replace("[]", "")
    if first in {"clientToken", "cluster", "taskDefinition"} or first not in drawn:
        return
    try:
        request = read(json.dumps({**LEAST, first: drawn[first]}), CLOSED)
    except PermanentFailure:
        return
    is_within(request)


def is_within(request: Request) -> None:
    """Check a request against the table, without the code that reads it."""
    table = {parameter.path: parameter for parameter in PARAMETERS}
    for place, value in values(request.parameters):
        parameter = table[place]
        assert parameter.set_by in {SetBy.SENDER, SetBy.OPTION}
        for option in set(parameter.options) & SHUT.keys():
            allowed = SHUT[option]
            assert allowed is not None, place
            assert value == allowed, place
        if place.startswith("overrides") and "maxTaskCpuUnits" in parameter.options:
            assert (choices.cpu_units(str(value)) or 0) <= 4096
        if place.startswith("overrides") and "maxTaskMemoryMebibytes" in parameter.options:
            assert (choices.mebibytes(str(value)) or 0) <= 30720
        if place == "launchType":
            assert value == "FARGATE"
        if place == "capacityProviderStrategy[].capacityProvider":
            assert value in {"FARGATE", "FARGATE_SPOT"}
