"""Two stages of one account: neither takes the other's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from infra.policies.resource_policies import dead_letter_queue_policy, work_queue_policy
from tests.infra.grants import Need, Statement, denied
from tests.infra.test_needed_actions import DEAD_LETTERS, HERE, QUEUE, ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.recorder import Recorder

WORK: Final[list[Statement]] = work_queue_policy(HERE, QUEUE, ROLE, [])["Statement"]
DEAD: Final[list[Statement]] = dead_letter_queue_policy(HERE, DEAD_LETTERS)["Statement"]

OTHER_STAGE: Final = HERE.iam_arn("role/ecs-run-task/ecs-run-task-prod-role-7654321")
OPERATOR: Final = HERE.iam_arn("role/administrator")
TAKING: Final = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage")


def call(action: str, queue: str, caller: str | None) -> Need:
    context: Mapping[str, str] = {"aws:PrincipalArn": caller} if caller else {}
    return Need(
        why="a call",
        action=action,
        resource=queue,
        context={**context, "aws:SecureTransport": "true"},
    )


@pytest.mark.parametrize("action", TAKING)
@pytest.mark.parametrize("caller", [OTHER_STAGE, OPERATOR, HERE.deploy_role_arn, None])
def test_only_the_stages_own_function_takes_its_messages(action: str, caller: str | None) -> None:
    assert denied(WORK, call(action, QUEUE, caller)) == ["DenyOtherConsumers"]
    assert not denied(WORK, call(action, QUEUE, ROLE))


@pytest.mark.parametrize("action", ["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:PurgeQueue"])
def test_everything_else_is_as_the_accounts_policies_say(action: str) -> None:
    assert not denied(WORK, call(action, QUEUE, OPERATOR))


@pytest.mark.parametrize("action", TAKING)
def test_operators_read_dead_letters_and_functions_do_not(action: str) -> None:
    assert not denied(DEAD, call(action, DEAD_LETTERS, OPERATOR))
    for role in (ROLE, OTHER_STAGE):
        assert denied(DEAD, call(action, DEAD_LETTERS, role)) == ["DenyFunctions"]


def test_a_function_sends_dead_letters() -> None:
    assert not denied(DEAD, call("sqs:SendMessage", DEAD_LETTERS, ROLE))


def test_the_queue_names_the_role_of_the_function_itself(dev: Recorder) -> None:
    policy = dev.named("sqs/queuePolicy:QueuePolicy", "ecs-run-task-dev-policy").document("policy")
    (found,) = (one for one in policy["Statement"] if one["Sid"] == "DenyOtherConsumers")
    role = dev.only("lambda/function:Function").inputs["role"]
    assert found["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": role}}
