"""The JSON Schemas in schemas/ say what the handler and the program read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from function.failures.reasons import PermanentFailure
from function.message import builder
from function.message.parameters import PARAMETERS, SetBy
from runtask.project import load_project
from runtask.schema.message import message_schema
from runtask.sending import handler_settings
from tests.runtask.conftest import ROOT, Run
from tools import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix != ".txt")


def validator(name: str) -> Draft202012Validator:
    text = (ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def loaded(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def test_the_committed_files_are_what_the_command_says(run: Run) -> None:
    for name, text in schemas.render().items():
        assert (ROOT / "schemas" / name).read_text(encoding="utf-8") == text, "run: python -m tools"
        printed = run("schema", name.partition(".")[0])
        assert json.loads(printed.output) == json.loads(text)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_valid_unless_its_types_are_wrong(path: Path) -> None:
    assert validator("message").is_valid(loaded(path)) == (path.name != "invalid.json")


@pytest.mark.parametrize("path", sorted(ROOT.glob("Pulumi.*.yaml")), ids=lambda path: path.name)
def test_a_stack_file_is_valid_and_names_the_schema(path: Path) -> None:
    assert validator("stack").is_valid(loaded(path))
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=schemas/stack.schema.json"


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*.yaml")), ids=lambda path: path.name)
def test_an_example_in_yaml_names_the_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=../schemas/message.schema.json"


@pytest.mark.parametrize(
    "wrong",
    [
        {"ecs-run-task:cluster": ["batch"]},
        {"ecs-run-task:clusters": "batch"},
        {"ecs-run-task:batchSize": 0},
        {"ecs-run-task:protect": "yes"},
        {"aws:regoin": "eu-central-1"},
        {"aws:allowedAccountIds": ["11111111111"]},
    ],
    ids=str,
)
def test_a_mistake_in_a_stack_file_is_found(wrong: dict[str, Any]) -> None:
    content = loaded(ROOT / "Pulumi.dev.yaml")
    content["config"] |= wrong
    assert not validator("stack").is_valid(content)


@pytest.mark.parametrize(
    "request_",
    [
        {"cluster": "batch", "taskDefinition": "report", "clientToken": "t"},
        {"cluster": "batch", "taskDefinition": "report", "clustre": "batch"},
        {"cluster": "batch", "taskDefinition": "report", "count": 11},
        {"task_def": "report", "overrides": {}},
        {"cluster": "batch", "task_def": "report", "environment": [{"Nmae": "MONTH"}]},
        {"taskDefinition": "report", "tags": [{"key": "k", "value": "v"}] * 51},
        {"taskDefinition": "report", "launchType": "Fargate"},
        {"cluster": "batch"},
    ],
    ids=str,
)
@pytest.mark.parametrize("wrapped", [True, False])
def test_what_the_handler_rejects_by_form_is_invalid(
    request_: dict[str, Any],
    wrapped: bool,  # noqa: FBT001
) -> None:
    message = {"ECS": request_} if wrapped else request_
    settings = handler_settings(load_project(ROOT).stage_config("dev"))
    assert not validator("message").is_valid(message)
    with pytest.raises(PermanentFailure):
        builder.read(json.dumps(message), settings)


@pytest.mark.parametrize(
    ("limits", "valid"),
    [
        ({"maxRuntime": "30m", "concurrency": 3, "capacity": ["FARGATE_SPOT", "FARGATE"]}, True),
        ({"concurrency": {"max": 3, "group": "etl"}}, True),
        ({"onExit": {"restart": [75, "100-110"], "times": 2, "announce": [1]}}, True),
        ({"maxRuntime": "30 minutes"}, False),
        ({"concurrency": 0}, False),
        ({"concurency": 1}, False),
        ({"onExit": {"restart": [256]}}, False),
    ],
    ids=str,
)
def test_the_limits_of_a_message_have_a_form(limits: dict[str, Any], valid: bool) -> None:  # noqa: FBT001
    flat = {"cluster": "batch", "task_def": "report", "limits": limits, "payload": [1, "a"]}
    full = {"ECS": {"taskDefinition": "report", "limits": limits}}
    assert validator("message").is_valid(flat) == valid
    assert validator("message").is_valid(full) == valid


def test_every_parameter_that_a_message_may_set_is_in_the_schema_and_no_other() -> None:
    settable = {one.path for one in PARAMETERS if one.set_by in {SetBy.SENDER, SetBy.OPTION}}
    found = set(leaves(message_schema()["$defs"]["runTask"], ""))
    assert settable <= found
    added = {"startedBy", "service", "payload", "limits"}
    added.add(
        "volumeConfigurations[].managedEBSVolume.terminationPolicy.deleteOnTermination",
    )
    assert found - settable == added


def leaves(schema: dict[str, Any], place: str) -> Iterator[str]:
    """Yield the path of everything that has no schema below it."""
    if "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from leaves(inner, f"{place}.{name}".removeprefix("."))
    elif "items" in schema:
        yield from leaves(schema["items"], f"{place}[]")
    else:
        yield place


def test_an_unknown_schema_is_exit_code_2(run: Run) -> None:
    done = run("schema", "mesage")
    assert done.exit_code == 2
    assert "'message', 'stack'" in done.output
