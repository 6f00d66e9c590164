"""What the function's policy refuses of RunTask, whatever its handler lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from function.sender_choice import SenderChoice
from infra.config import read_function_config
from infra.policies.function_role import FunctionGrants, function_policy
from infra.sender_choice import choice_of
from runtask.project import load_project
from tests.end_to_end.ecs_calls import ACCOUNT, CLUSTER, REGION, TASK_ROLE, refused, run, statement
from tests.end_to_end.stage import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

DEFINITION: Final = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/report:*"
PASS: Final = statement("iam:PassRole", resource=TASK_ROLE)
TAG: Final = statement("ecs:TagResource")
DENIED: Final = ("AccessDeniedException", "ecs:RunTask")


@pytest.fixture
def allowed(as_role: Any) -> Callable[..., Any]:
    """Return what makes a client with the launch rights of a stage; options are as in its file."""

    def client(**options: str) -> Any:
        values = load_project(ROOT).stack_config("dev")
        values |= {f"ecs-run-task:{name}": value for name, value in options.items()}
        config = read_function_config("dev", values.get)
        grants = FunctionGrants(
            location=config.location,
            cluster_arns=(CLUSTER,),
            task_definition_arns=(DEFINITION,),
            choice=SenderChoice(**choice_of(config)),
            work_queue_arn="arn:aws:sqs:::work",
            dead_letter_queue_arn="arn:aws:sqs:::dead-letters",
            failure_topic_arn="arn:aws:sns:::failures",
            ledger_table_arn="arn:aws:dynamodb:::table/ledger",
            kms_key_arn="arn:aws:kms:::key/stage",
            log_group_arn="arn:aws:logs:::log-group:stage",
        )
        (launch,) = [
            one for one in function_policy(grants)["Statement"] if one["Sid"] == "LaunchTasks"
        ]
        return as_role("ecs", launch, PASS, TAG)

    return client


def test_what_no_option_opens_is_allowed(allowed: Callable[..., Any]) -> None:
    assert run(allowed())["tasks"]
    assert run(allowed(), enableExecuteCommand=False)["tasks"]


def test_ecs_exec_needs_its_option(allowed: Callable[..., Any]) -> None:
    with refused(*DENIED):
        run(allowed(), enableExecuteCommand=True)
    assert run(allowed(executeCommand="true"), enableExecuteCommand=True)["tasks"]


def test_a_tag_needs_its_key_in_the_list(allowed: Callable[..., Any]) -> None:
    team, other = [{"key": "team", "value": "a"}], [{"key": "other", "value": "a"}]
    with refused(*DENIED):
        run(allowed(), tags=team)
    assert run(allowed(tagKeys='["team"]'), tags=team)["tasks"]
    assert run(allowed(tagKeys='["team"]'))["tasks"]
    with refused(*DENIED):
        run(allowed(tagKeys='["team"]'), tags=team + other)


def test_a_capacity_provider_has_to_be_listed(allowed: Callable[..., Any]) -> None:
    asked: dict[str, Any] = {
        "cluster": "jobs",
        "taskDefinition": "report",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}],
    }
    assert allowed().run_task(**asked)["tasks"]
    with refused(*DENIED):
        allowed(capacityProviders='["FARGATE"]').run_task(**asked)
    with refused(*DENIED):
        allowed(capacityProviders="[]").run_task(**asked)


def test_a_volume_needs_its_option(allowed: Callable[..., Any]) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/other"
    volumes = [{"name": "scratch", "managedEBSVolume": {"roleArn": role, "sizeInGiB": 1}}]
    with refused(*DENIED):
        run(allowed(), volumeConfigurations=volumes)
