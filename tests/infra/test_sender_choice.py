"""What a sender may choose, from the stage's file to the policy of the function's role."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from function.message.parameters import PARAMETERS, PASS_ROLE, RESOURCE
from infra.config import read_function_config
from infra.config_reader import ConfigError
from infra.environment import environment_bytes
from infra.limits import MAX_ENVIRONMENT_BYTES

if TYPE_CHECKING:
    from runtask.project import Project
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

ECS = "arn:aws:ecs:eu-central-1:111111111111"


def statements(recorder: Recorder) -> dict[str, dict[str, Any]]:
    policy = recorder.only("iam/rolePolicy:RolePolicy").document("policy")
    return {statement["Sid"]: statement for statement in policy["Statement"]}


def problems(project: Project, **changes: str) -> list[str]:
    values = project.stack_config("dev")
    values |= {f"ecs-run-task:{option}": value for option, value in changes.items()}
    try:
        read_function_config("dev", values.get)
    except ConfigError as error:
        return list(error.problems)
    return []


def test_the_policy_has_every_condition_that_the_table_of_parameters_names(stack: Stack) -> None:
    of_defaults = json.dumps(statements(stack("dev"))["LaunchTasks"]["Condition"])
    named = {parameter.iam for parameter in PARAMETERS} - {"", PASS_ROLE, RESOURCE}
    assert named == {key for key in named if f'"{key}"' in of_defaults}
    assert named == {
        *("ecs:cluster", "ecs:capacity-provider", "ecs:enable-execute-command"),
        *("ecs:enable-ebs-volumes", "aws:TagKeys"),
    }


def test_what_a_stage_opens_its_role_may_do(stack: Stack) -> None:
    opened = stack(
        "dev",
        executeCommand="true",
        ebsVolumes="true",
        volumeRoles='["arn:aws:iam::111111111111:role/report-volumes"]',
        tagKeys='["team", "cost-*"]',
        capacityProviders='["fleet"]',
    )
    found = statements(opened)
    assert found["LaunchTasks"]["Condition"] == {
        "ArnLike": {"ecs:cluster": [f"{ECS}:cluster/batch"]},
        "ForAllValues:StringLike": {
            "aws:TagKeys": ["team", "cost-*"],
            "ecs:capacity-provider": [f"{ECS}:capacity-provider/fleet"],
        },
    }
    assert found["PassVolumeRoles"]["Resource"] == ["arn:aws:iam::111111111111:role/report-volumes"]
    assert found["PassVolumeRoles"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ecs.amazonaws.com"}
    }


def test_without_volumes_no_role_is_passed_to_ecs_itself(stack: Stack) -> None:
    recorder = stack("dev", volumeRoles='["arn:aws:iam::111111111111:role/report-volumes"]')
    assert "PassVolumeRoles" not in statements(recorder)


def test_no_capacity_provider_is_none_at_all(stack: Stack) -> None:
    condition = statements(stack("dev", capacityProviders="[]"))["LaunchTasks"]["Condition"]
    assert condition["ForAllValues:StringLike"] == {
        "ecs:capacity-provider": [f"{ECS}:capacity-provider/aws-none"]
    }


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("subnets", '["10.0.0.0/24"]', "expected the id of a subnet, or * for any"),
        ("securityGroups", '["default"]', "expected the id of a security group, or * for any"),
        ("ebsSnapshots", '["latest"]', "expected the id of a snapshot, or * for any"),
        ("launchTypes", '["fargate"]', "expected one of EC2, EXTERNAL, FARGATE, MANAGED_INSTANCES"),
        ("capacityProviders", '["a b"]', "expected a name or pattern of a capacity provider"),
        ("environmentFiles", '["s3://b/k"]', "expected an ARN or pattern of an object in S3"),
        ("tagKeys", '["aws:x"]', "expected a key or pattern of a tag, without the prefix aws:"),
        ("taskDefinitionRevisions", "newest", "expected one of latest, any"),
        ("maxCount", "11", "expected 1 to 10 tasks"),
        ("maxTaskCpuUnits", "0", "expected 128 to 196608 CPU units, 1024 for each vCPU"),
        ("maxEphemeralStorageGibibytes", "201", "expected 20 to 200 GiB"),
        ("maxTasksPerDay", "-1", "expected 0 to 10000000 tasks"),
        ("maxTasksPerDay", "9", "a message of so many tasks would never be launched; expected 10"),
        ("ebsVolumes", "true", "expected the role with which ECS manages the volumes; run: pulumi"),
        ("passRoles", "[]", "it was replaced by taskRoles, executionRoles and volumeRoles; move"),
    ],
)
def test_an_option_that_means_nothing_is_refused(
    project: Project, option: str, value: str, expected: str
) -> None:
    (problem,) = problems(project, **{option: value})
    assert expected in problem


# The names of a large stage. Role and cluster names can be longer, but rarely are.
ROLES = json.dumps([f"arn:aws:iam::111111111111:role/report-{n:02}" for n in range(4)])
LARGE = {
    "clusters": json.dumps([f"batch-{n}" for n in range(3)]),
    "taskDefinitions": json.dumps([f"report-{n:02}" for n in range(10)]),
    "taskRoles": ROLES,
    "executionRoles": ROLES,
    "subnets": json.dumps([f"subnet-{n:017x}" for n in range(6)]),
    "securityGroups": json.dumps([f"sg-{n:017x}" for n in range(5)]),
    "tagKeys": json.dumps([f"key-{n}" for n in range(10)]),
    "environmentFiles": '["arn:aws:s3:::bucket/environments/*.env"]',
    "publicIp": "true",
    "executeCommand": "true",
    "maxTasksPerDay": "10000",
}


def test_a_large_stage_fits_the_environment(project: Project) -> None:
    assert problems(project, **LARGE) == []


def test_the_environment_is_measured_as_lambda_does(project: Project, stack: Stack) -> None:
    """As the JSON of all variables; the names of resources are assumed as long as they can get."""
    values = project.stack_config("dev")
    values |= {f"ecs-run-task:{option}": value for option, value in LARGE.items()}
    measured = environment_bytes(read_function_config("dev", values.get))
    function = stack("dev", **LARGE).only("lambda/function:Function")
    variables = function.inputs["environment"]["variables"]
    assert len(json.dumps(variables, separators=(",", ":"))) <= measured <= MAX_ENVIRONMENT_BYTES


def test_what_does_not_fit_is_refused_with_numbers(project: Project) -> None:
    (problem,) = problems(
        project, **LARGE | {"subnets": json.dumps([f"subnet-{n:017x}" for n in range(80)])}
    )
    assert problem.startswith("ecs-run-task:subnets, ecs-run-task:taskDefinitions, ")
    assert "bytes of environment variables, of which these options take 2402, 7" in problem
    assert "expected at most 4096, which is what Lambda takes" in problem
