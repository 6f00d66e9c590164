from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.validate import ParamValidator

from function.message.builder import read
from function.message.validation import _run_task_shape, session
from tests.unit.fakes import message, rejected, settings

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    ("changes", "reason", "error"),
    [
        (
            {"overrides": {"cpu": 1024}},
            "wrong-type",
            'ECS.overrides.cpu: expected a string such as "1024", got the number 1024',
        ),
        (
            {"taskDefinition": None},
            "missing-parameter",
            "ECS.taskDefinition: required, but missing",
        ),
        ({"overrides": []}, "wrong-type", "ECS.overrides: expected an object, got a list"),
        ({"tags": "a=b"}, "wrong-type", "ECS.tags: expected a list, got a string"),
        ({"count": 11}, "over-limit", "ECS.count: expected a whole number from 1 to 10"),
        ({"count": 0}, "over-limit", "ECS.count"),
        ({"count": True}, "over-limit", "ECS.count"),
        ({"count": "2"}, "wrong-type", "ECS.count: expected a whole number, got a string"),
        ({"service": 5}, "wrong-type", "ECS.service: expected a string, got the number 5"),
        ({"service": 0}, "wrong-type", "ECS.service: expected a string, got the number 0"),
        ({"service": ""}, "wrong-type", "ECS.service: expected a string, got an empty string"),
        ({"service": "s" * 256}, "over-limit", "ECS.service: expected a name of at most 255"),
        ({"service": "a b"}, "bad-value", "ECS.service: expected the name or ARN of a service"),
        (
            {"launchType": "fargate"},
            "bad-value",
            "ECS.launchType: expected FARGATE, got fargate",
        ),
        (
            {"propagateTags": "SERVICE"},
            "bad-value",
            "ECS.propagateTags: RunTask does not accept SERVICE",
        ),
        (
            {"propagateTags": "task_definition"},
            "bad-value",
            "ECS.propagateTags: expected TASK_DEFINITION",
        ),
        (
            {
                "networkConfiguration": {
                    "awsvpcConfiguration": {"subnets": ["s"], "assignPublicIp": "Enabled"}
                }
            },
            "bad-value",
            "ECS.networkConfiguration.awsvpcConfiguration.assignPublicIp: expected ENABLED",
        ),
        (
            {"placementStrategy": [{"type": "Spread"}]},
            "bad-value",
            "ECS.placementStrategy[0].type: expected spread, got Spread",
        ),
        (
            {"overrides": {"ephemeralStorage": {"sizeInGiB": 201}}},
            "over-limit",
            "ECS.overrides.ephemeralStorage.sizeInGiB: expected 21 to 200 GiB, got the number 201",
        ),
        ({"overrides": {"ephemeralStorage": {"sizeInGiB": 20}}}, "over-limit", "21 to 200"),
        ({"platformVersion": "2.0.0"}, "bad-value", "ECS.platformVersion: expected LATEST or"),
        ({"platformVersion": "latest"}, "bad-value", "ECS.platformVersion: expected LATEST or"),
        (
            {"tags": [{"key": "AWS:x", "value": ""}]},
            "bad-value",
            "ECS.tags[0].key: only AWS sets tags that begin with aws:",
        ),
        ({"tags": [{"value": "v"}]}, "bad-value", "ECS.tags[0].key is missing"),
        ({"tags": [{"key": "k" * 129, "value": ""}]}, "over-limit", "ECS.tags[0].key"),
        ({"tags": [{"key": "k", "value": "v" * 257}]}, "over-limit", "ECS.tags[0].value"),
        ({"clientToken": "x"}, "bad-value", "set the message attribute `key`"),
        ({"cluster": ""}, "bad-value", "ECS.cluster: expected the name or ARN of a cluster"),
        ({"taskDefinition": "a/b:c"}, "bad-value", "ECS.taskDefinition"),
        (
            {"taskdefinition": "x"},
            "unknown-parameter",
            "ECS.taskdefinition: unknown parameter; did you mean taskDefinition?",
        ),
        (
            {"servcie": "x"},
            "unknown-parameter",
            "ECS.servcie: unknown parameter; did you mean service?",
        ),
        (
            {"subnets": []},
            "bad-value",
            "ECS.networkConfiguration: cannot be combined with ECS.subnets",
        ),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
            "bad-value",
            "ECS.launchType: cannot be combined with ECS.capacityProviderStrategy",
        ),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "A", "weight": -1}]},
            "bad-value",
            "ECS.capacityProviderStrategy[0].weight: expected at least 0",
        ),
        (
            {"tags": [{"key": "", "value": "x"}]},
            "bad-value",
            "ECS.tags[0].key: expected at least 1 characters or entries",
        ),
        (
            {"tags": [{"key": str(n), "value": "x"} for n in range(51)]},
            "over-limit",
            "ECS.tags: expected at most 50, got 51",
        ),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"] * 17}}},
            "over-limit",
            "ECS.networkConfiguration.awsvpcConfiguration.subnets: expected at most 16, got 17",
        ),
        (
            {
                "networkConfiguration": {
                    "awsvpcConfiguration": {"subnets": ["s"], "securityGroups": ["g"] * 6}
                }
            },
            "over-limit",
            "securityGroups: expected at most 5, got 6",
        ),
        (
            {"networkConfiguration": {"awsvpcConfiguration": {"securityGroups": ["g"]}}},
            "missing-parameter",
            "ECS.networkConfiguration.awsvpcConfiguration.subnets: required, but missing",
        ),
    ],
)
def test_an_error_says_what_where_and_what_is_expected(
    changes: dict[str, Any], reason: str, error: str
) -> None:
    found = rejected(message(**changes))

    assert found.reason == reason
    assert error in found.error


def test_overrides_of_8192_characters_are_accepted_and_longer_ones_are_not() -> None:
    def overrides(length: int) -> dict[str, Any]:
        return {"containerOverrides": [{"name": "m", "command": ["é" * (length - 52)]}]}

    exact = overrides(8192)
    assert len(json.dumps(exact, ensure_ascii=False, separators=(",", ":"))) == 8192
    assert read(message(overrides=exact), settings()).parameters["overrides"] == exact
    assert rejected(message(overrides=overrides(8193))).error == (
        "ECS.overrides: expected at most 8192 characters of JSON, got 8193"
    )


@pytest.mark.parametrize("value", [424_242, 424_242.5, True])
def test_an_error_in_environment_or_command_quotes_nothing(value: object) -> None:
    override = {"environment": [{"name": "A", "value": value}], "command": [value]}

    error = rejected(message(overrides={"containerOverrides": [override]})).error

    assert error.count("expected a string, got a number") == 2
    assert "424242" not in error


def test_only_the_first_few_errors_are_listed() -> None:
    found = rejected(message(**{f"wrong{n}": 1 for n in range(9)}))

    assert found.error.endswith("; and 4 more")


def test_the_report_of_botocore_still_has_the_facts_that_errors_are_made_of() -> None:
    report = ParamValidator().validate({"cpu": 1, "overrides": {"cpu": 1}}, _run_task_shape())

    kinds = {kind: (name, facts) for kind, name, facts in report._errors}
    assert kinds["missing required field"][1]["required_name"] == "taskDefinition"
    assert kinds["unknown field"][1]["unknown_param"] == "cpu"
    assert "cluster" in kinds["unknown field"][1]["valid_names"]
    assert kinds["invalid type"] == (
        ".overrides.cpu",
        {"param": 1, "valid_types": ["<class 'str'>"]},
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"launchType": "MANAGED_INSTANCES_2"},
        {"platformVersion": "1.4.0"},
        {"platformVersion": "LATEST"},
        {"service": "s" * 255},
        {"service": "arn:aws:ecs:eu-central-1:111111111111:service/batch/report"},
        {"overrides": {"ephemeralStorage": {"sizeInGiB": 21}}},
        {"overrides": {"ephemeralStorage": {"sizeInGiB": 200}}},
        {"tags": [{"key": "k" * 128, "value": "v" * 256}]},
        {"propagateTags": "NONE"},
    ],
)
def test_what_aws_may_accept_is_accepted(changes: dict[str, Any]) -> None:
    read(message(**changes), settings())


@pytest.fixture
def forgotten_models() -> Iterator[None]:
    """Let the service models be loaded anew, and again after the test."""
    caches = (session, _run_task_shape)
    for one in caches:
        one.cache_clear()
    yield
    for one in caches:
        one.cache_clear()


@pytest.mark.usefixtures("forgotten_models")
def test_a_profile_that_does_not_exist_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")

    assert rejected(message(count=11)).reason == "over-limit"
