from __future__ import annotations

import json
from typing import Any

import pytest

from function.failures.reasons import PermanentFailure
from function.message.builder import read
from tests.unit.fakes import MESSAGE, message, settings


def rejection(body: str) -> PermanentFailure:
    with pytest.raises(PermanentFailure) as caught:
        read(body, settings())
    return caught.value


def test_the_wrapper_may_be_left_out() -> None:
    assert read(json.dumps(MESSAGE), settings()) == read(message(), settings())


def test_a_dict_literal_with_apostrophes_is_read() -> None:
    overrides = {"containerOverrides": [{"name": "main", "command": ["echo", "it's über"]}]}

    request = read(str({"ECS": {**MESSAGE, "overrides": overrides}}), settings())

    assert request.parameters["overrides"] == overrides


def test_nulls_are_absences() -> None:
    body = message(overrides=None, service=None, tags=None)

    assert read(body, settings()) == read(message(), settings())


def test_the_ancestors_readme_sample_is_read() -> None:
    sample = {
        "cluster": "batch",
        "taskDefinition": "report:6",
        "service": "report",
        "launchType": "FARGATE",
        "platformVersion": "LATEST",
        "propagateTags": "TASK_DEFINITION",
        "overrides": {
            "containerOverrides": [
                {
                    "name": "report-development",
                    "command": ["sh", "-c", "sleep 120 && df -h"],
                    "environment": [{"name": "sleep_time", "value": "1"}],
                }
            ],
            "cpu": "1024",
            "memory": "2048",
        },
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": ["subnet-1"],
                "securityGroups": ["sg-1"],
                "assignPublicIp": "ENABLED",
            }
        },
        "referenceId": "",
    }

    request = read(json.dumps({"ECS": sample, "SQS_Retries": 2}), settings())

    assert request.service == "report"
    assert request.parameters == {k: v for k, v in sample.items() if k != "service"}


def test_the_flat_form_is_the_same_request_in_other_words() -> None:
    flat = {
        "cluster": "batch",
        "task_def": "report:7",
        "container_name": "main",
        "environment": [{"Name": "A", "Value": "1"}, {"name": "B", "value": "2"}],
        "command": ["run"],
        "subnets": ["subnet-1"],
        "security_groups": ["sg-1"],
        "cpu": "1024",
        "memory": "2048",
        "service": "report",
    }

    request = read(json.dumps({"ECS": flat}), settings())

    assert request.service == "report"
    assert request.parameters == {
        "cluster": "batch",
        "taskDefinition": "report:7",
        "overrides": {
            "cpu": "1024",
            "memory": "2048",
            "containerOverrides": [
                {
                    "name": "main",
                    "command": ["run"],
                    "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                }
            ],
        },
        "networkConfiguration": {
            "awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}
        },
    }


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
            "ECS.taskDefinition: missing, but required",
        ),
        ({"overrides": []}, "wrong-type", "ECS.overrides: expected an object, got a list"),
        ({"tags": "a=b"}, "wrong-type", "ECS.tags: expected a list, got a text"),
        ({"count": 11}, "over-limit", "ECS.count: expected a whole number from 1 to 10"),
        ({"count": 0}, "over-limit", "ECS.count"),
        ({"count": True}, "over-limit", "ECS.count"),
        ({"count": "2"}, "wrong-type", "ECS.count: expected a whole number, got a text"),
        ({"service": 5}, "wrong-type", "ECS.service: expected a string, got the number 5"),
        ({"clientToken": "x"}, "bad-value", "set the message attribute `key`"),
        ({"cluster": ""}, "bad-value", "ECS.cluster: expected the name or ARN of a cluster"),
        ({"taskDefinition": "a/b:c"}, "bad-value", "ECS.taskDefinition"),
        ({"taskdefinition": "x"}, "unknown-parameter", "ECS.taskdefinition: unknown parameter"),
        ({"subnets": []}, "bad-value", "ECS.networkConfiguration: cannot stand beside ECS.subnets"),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]},
            "bad-value",
            "ECS.launchType: cannot stand beside ECS.capacityProviderStrategy",
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
            "ECS.networkConfiguration.awsvpcConfiguration.subnets: missing, but required",
        ),
    ],
)
def test_an_error_says_what_where_and_what_is_allowed(
    changes: dict[str, Any], reason: str, error: str
) -> None:
    found = rejection(message(**changes))

    assert found.reason == reason
    assert error in found.error


def test_overrides_of_8192_characters_are_read_and_of_one_more_are_not() -> None:
    def overrides(length: int) -> dict[str, Any]:
        return {"containerOverrides": [{"name": "m", "command": ["é" * (length - 52)]}]}

    exact = overrides(8192)
    assert len(json.dumps(exact, ensure_ascii=False, separators=(",", ":"))) == 8192
    assert read(message(overrides=exact), settings()).parameters["overrides"] == exact
    assert rejection(message(overrides=overrides(8193))).error == (
        "ECS.overrides: expected at most 8192 characters of JSON, got 8193"
    )


@pytest.mark.parametrize(
    ("flat", "error"),
    [
        ({"cpu": 1024}, 'ECS.cpu: expected a string such as "1024", got the number 1024'),
        ({"subnets": "subnet-1"}, "ECS.subnets: expected a list, got a text"),
        ({"command": "run"}, "ECS.command: expected a list, got a text"),
        ({"environment": [{"name": 5}]}, "ECS.environment[0].name: expected a string"),
        ({"environment": ["A=1"]}, "ECS.environment[0]: expected an object, got a text"),
        ({"task_def": None, "cpu": "1"}, "ECS.task_def: missing, but required"),
    ],
)
def test_an_error_speaks_the_senders_form(flat: dict[str, Any], error: str) -> None:
    body = json.dumps({"ECS": {"cluster": "batch", "task_def": "report", **flat}})

    assert error in rejection(body).error


@pytest.mark.parametrize("value", [424_242, 424_242.5, True])
def test_an_error_in_environment_or_command_quotes_nothing(value: object) -> None:
    override = {"environment": [{"name": "A", "value": value}], "command": [value]}

    error = rejection(message(overrides={"containerOverrides": [override]})).error

    assert error.count("expected a string, got a number") == 2
    assert "424242" not in error


def test_the_flat_form_refuses_the_other_forms_words() -> None:
    body = json.dumps({"task_def": "report", "overrides": {}})

    assert rejection(body).reason == "bad-value"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not-json"),
        ("hello", "not-json"),
        ('{"ECS": ', "not-json"),
        ("{'ECS': __import__('os')}", "not-json"),
        ("{" * 50_000, "not-json"),
        ("[" * 50_000, "not-json"),
        ('{"a":' * 50_000, "not-json"),
        ("{1:" + "-" * 60_000 + "1}", "not-json"),
        ("{1:" + "1+" * 30_000 + "1}", "not-json"),
        ('{"a": ' + "9" * 5_000 + "}", "not-json"),
        ("{'a': " + "x" * 70_000, "not-json"),
        ("null", "not-an-object"),
        ("3", "not-an-object"),
        ('["ECS"]', "not-an-object"),
        ('"ECS"', "not-an-object"),
        ('{"ECS": null}', "not-an-object"),
        ('{"ECS": [1]}', "not-an-object"),
        ("{1: 2}", "not-an-object"),
        ("{'a', 'b'}", "not-an-object"),
        ('{"ECS": {}, "overrides": {}}', "unknown-parameter"),
        ("{}", "missing-parameter"),
    ],
)
def test_a_body_that_is_no_message_is_named_as_such(body: str, reason: str) -> None:
    assert rejection(body).reason == reason


def test_a_body_of_a_mebibyte_is_read_quickly_enough_to_be_rejected() -> None:
    assert rejection("{'" + "x" * 1_048_570 + "'").reason == "not-json"
    assert rejection(json.dumps({"x" * 1_048_000: 1})).reason == "missing-parameter"


def test_only_the_first_few_errors_are_spelled_out() -> None:
    found = rejection(message(**{f"wrong{n}": 1 for n in range(9)}))

    assert found.error.endswith("; and 4 more")


def test_a_sender_s_started_by_gives_way_to_ours() -> None:
    assert "startedBy" not in read(message(startedBy="arn:aws:sqs:q"), settings()).parameters


def test_the_report_of_botocore_still_has_the_facts_that_are_read() -> None:
    from botocore.validate import ParamValidator  # noqa: PLC0415

    from function.message.validation import _run_task_shape  # noqa: PLC0415

    report = ParamValidator().validate({"cpu": 1, "overrides": {"cpu": 1}}, _run_task_shape())

    kinds = {kind: (name, facts) for kind, name, facts in report._errors}
    assert kinds["missing required field"][1]["required_name"] == "taskDefinition"
    assert kinds["unknown field"][1]["unknown_param"] == "cpu"
    assert "cluster" in kinds["unknown field"][1]["valid_names"]
    assert kinds["invalid type"] == (
        ".overrides.cpu",
        {"param": 1, "valid_types": ["<class 'str'>"]},
    )
