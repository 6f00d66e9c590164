"""Who may use a stage's key, and for what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from infra.config import read_function_config
from infra.policies.key_policies import stage_kms_key_policy
from tests.infra.test_function_stack import statement

if TYPE_CHECKING:
    from runtask.project import Project
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

ACCOUNT = "111111111111"
DEPLOY_ROLE = f"arn:aws:iam::{ACCOUNT}:role/ecs-run-task-deploy-eu-central-1"
USE = ["kms:Decrypt", "kms:GenerateDataKey"]

# Senders of this account and of another one.
SENDERS = (
    f"arn:aws:iam::{ACCOUNT}:role/web",
    f"arn:aws:iam::{ACCOUNT}:user/batch",
    "333333333333",
    "arn:aws:iam::333333333333:role/web",
)


def key_policy(recorder: Recorder) -> dict[str, Any]:
    return recorder.only("kms/key:Key").document("policy")


def queue_policy(recorder: Recorder) -> dict[str, Any]:
    queue = recorder.named("sqs/queuePolicy:QueuePolicy", "ecs-run-task-dev-policy")
    return queue.document("policy")


def test_the_key_itself_names_the_deploy_role(bootstrap: Recorder, dev: Recorder) -> None:
    policy = key_policy(dev)
    assert (
        bootstrap.named("iam/role:Role", "ecs-run-task-deploy").inputs["name"]
        == DEPLOY_ROLE.rpartition("/")[2]
    )
    for sid in ("Deploy", "DeployGrants", "DeployTable"):
        assert statement(policy, sid)["Principal"] == {"AWS": DEPLOY_ROLE}
    # KMS refuses a key whose creator could not change its policy.
    assert "kms:PutKeyPolicy" in statement(policy, "Deploy")["Action"]


def test_an_administrator_can_deploy_a_stage_without_the_deploy_role(dev: Recorder) -> None:
    policy = key_policy(dev)
    owner = statement(policy, "Owner")
    assert owner["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    needed = {
        action
        for sid in ("Deploy", "DeployGrants", "DeployTable")
        for action in statement(policy, sid)["Action"]
    }
    assert needed <= set(owner["Action"])


def test_the_deploy_role_uses_the_key_for_a_table_through_dynamodb_only(dev: Recorder) -> None:
    assert statement(key_policy(dev), "DeployTable")["Condition"] == {
        "StringEquals": {"kms:ViaService": ["dynamodb.eu-central-1.amazonaws.com"]}
    }


def test_only_the_stages_own_log_group_may_use_the_key(dev: Recorder) -> None:
    log = statement(key_policy(dev), "EncryptLog")
    assert log["Principal"] == {"Service": "logs.eu-central-1.amazonaws.com"}
    assert log["Condition"] == {
        "ArnEquals": {
            "kms:EncryptionContext:aws:logs:arn": (
                f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:/aws/lambda/ecs-run-task-dev"
            )
        }
    }


def test_the_stages_alarms_may_publish_to_its_encrypted_topic(dev: Recorder) -> None:
    topic = dev.only("sns/topicPolicy:TopicPolicy").document("policy")
    for document, actions in ((key_policy(dev), USE), (topic, ["sns:Publish"])):
        alarms = statement(document, "Alarms")
        assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        assert alarms["Action"] == actions
        assert alarms["Condition"] == {
            "ArnLike": {
                "aws:SourceArn": (
                    f"arn:aws:cloudwatch:eu-central-1:{ACCOUNT}:alarm:ecs-run-task-dev-*"
                )
            },
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        }


@pytest.mark.parametrize("sender", SENDERS)
def test_a_sender_of_any_account_may_send_and_use_the_key_through_sqs(
    stack: Stack, sender: str
) -> None:
    recorder = stack("dev", senders=json.dumps([sender]))
    queue = statement(queue_policy(recorder), "Senders")
    key = statement(key_policy(recorder), "Senders")
    assert queue["Principal"] == key["Principal"] == {"AWS": [sender]}
    assert "sqs:SendMessage" in queue["Action"]
    assert "Condition" not in queue
    assert key["Action"] == USE
    assert key["Condition"] == {
        "StringEquals": {
            "kms:EncryptionContext:aws:sqs:arn": queue["Resource"][0],
            "kms:ViaService": ["sqs.eu-central-1.amazonaws.com"],
        }
    }


@pytest.mark.parametrize(("fifo", "queue"), [("false", "ecs-run-task-dev"), ("true", "dev.fifo")])
def test_a_service_sends_for_this_account_only_and_uses_the_key_for_this_queue_only(
    stack: Stack, fifo: str, queue: str
) -> None:
    recorder = stack("dev", senders='["events.amazonaws.com"]', fifo=fifo)
    sends = statement(queue_policy(recorder), "SendersServices")
    key = statement(key_policy(recorder), "SendersServices")
    assert sends["Principal"] == key["Principal"] == {"Service": ["events.amazonaws.com"]}
    assert sends["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    context = key["Condition"]["StringEquals"]
    assert list(context) == ["kms:EncryptionContext:aws:sqs:arn"]
    assert context["kms:EncryptionContext:aws:sqs:arn"].endswith(queue)
    assert context["kms:EncryptionContext:aws:sqs:arn"] == sends["Resource"][0]


def test_the_sovereign_cloud_has_hosts_of_its_own(project: Project) -> None:
    config = project.stack_config("dev") | {
        "aws:region": "eusc-de-east-1",
        "ecs-run-task:senders": '["333333333333"]',
    }
    policy = stage_kms_key_policy(read_function_config("dev", config.get))
    via = statement(policy, "Senders")["Condition"]["StringEquals"]["kms:ViaService"]
    assert via == ["sqs.eusc-de-east-1.amazonaws.com", "sqs.eusc-de-east-1.amazonaws.eu"]
    assert statement(policy, "Owner")["Principal"] == {"AWS": f"arn:aws-eusc:iam::{ACCOUNT}:root"}
