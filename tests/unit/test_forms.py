from __future__ import annotations

import json
from typing import Any

import pytest

from function.message.builder import read
from tests.unit.fakes import rejected, settings


def test_the_example_of_the_aws_labs_sample_is_read() -> None:
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


def test_the_flat_form_becomes_the_same_request() -> None:
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
    ("flat", "error"),
    [
        ({"cpu": 1024}, 'ECS.cpu: expected a string such as "1024", got the number 1024'),
        ({"subnets": "subnet-1"}, "ECS.subnets: expected a list, got a string"),
        ({"command": "run"}, "ECS.command: expected a list, got a string"),
        ({"environment": [{"name": 5}]}, "ECS.environment[0].name: expected a string"),
        ({"environment": ["A=1"]}, "ECS.environment[0]: expected an object, got a string"),
        ({"task_def": None, "cpu": "1"}, "ECS.task_def: required, but missing"),
    ],
)
def test_an_error_names_parameters_as_the_sender_did(flat: dict[str, Any], error: str) -> None:
    body = json.dumps({"ECS": {"cluster": "batch", "task_def": "report", **flat}})

    assert error in rejected(body).error


def test_a_message_that_mixes_both_forms_is_rejected() -> None:
    body = json.dumps({"task_def": "report", "overrides": {}})

    assert rejected(body).reason == "bad-value"
