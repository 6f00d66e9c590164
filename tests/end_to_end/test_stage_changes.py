"""A stage that holds messages changes without losing one, and takes what AWS lets it take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from rehearsal.sample_account import SampleAccount
from runtask.errors import RuntaskError
from tests.end_to_end.accounts import DEV, REGION, Accounts, two_accounts
from tests.end_to_end.stage import NETWORK, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

# As much as the provider's default lets through: a dead letter has attributes besides.
LARGE_BYTES: Final = 262_100


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with two_accounts("dev-bootstrap") as running:
        location = running.project.stage_config("dev").location
        SampleAccount(emulator=running.emulator, location=location).create()
        running.engine.up("dev")
        yield running


@pytest.fixture
def sqs(accounts: Accounts) -> Any:
    return accounts.client("sqs", DEV)


@pytest.fixture
def idle(accounts: Accounts) -> Iterator[None]:
    """Stop the function from taking messages."""
    functions = accounts.client("lambda", DEV)
    for one in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=one["UUID"], Enabled=False)
    yield
    for one in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(UUID=one["UUID"], Enabled=True)


def configure(accounts: Accounts, **options: str) -> None:
    """Set options of the stage dev in its file."""
    path = accounts.project.stack_file("dev")
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [one for one in lines if one.strip().split(": ")[0].split(":")[-1] not in options]
    added = [f"  ecs-run-task:{name}: {value}" for name, value in options.items()]
    path.write_text("\n".join([*kept, *added, ""]), encoding="utf-8")


def messages(sqs: Any, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def test_a_large_rejected_message_is_in_the_dlq(accounts: Accounts, sqs: Any) -> None:
    outputs = accounts.engine.outputs("dev")
    body = json.dumps({"ECS": {"cluster": "x" * LARGE_BYTES}})[:LARGE_BYTES]
    sqs.send_message(QueueUrl=outputs["queueUrl"], MessageBody=body)

    assert wait_for(lambda: messages(sqs, outputs["deadLetterQueueUrl"]) == 1, 8)
    sqs.purge_queue(QueueUrl=outputs["deadLetterQueueUrl"])


def test_a_task_gets_a_volume_whose_role_is_passed_to_ecs(accounts: Accounts, sqs: Any) -> None:
    role = accounts.project.stage_config("dev").location.iam_arn("role/report-task")
    configure(accounts, ebsVolumes="true", volumeRoles=json.dumps([role]))
    accounts.engine.up("dev")
    request = {
        "cluster": "batch",
        "taskDefinition": "report",
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
        "volumeConfigurations": [
            {"name": "data", "managedEBSVolume": {"roleArn": role, "sizeInGiB": 1}}
        ],
    }
    url = accounts.engine.outputs("dev")["queueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"ECS": request}))

    assert wait_for(lambda: bool(accounts.emulator.calls("RunTask")), 8)
    (call, *_) = accounts.emulator.calls("RunTask")
    assert (call.error, len(call.tasks)) == ("", 1)


@pytest.mark.usefixtures("idle")
def test_a_queue_that_would_be_replaced_keeps_its_messages(accounts: Accounts, sqs: Any) -> None:
    outputs = accounts.engine.outputs("dev")
    urls = (outputs["queueUrl"], outputs["deadLetterQueueUrl"])
    for url in urls:
        sqs.send_message(QueueUrl=url, MessageBody="precious")
    configure(accounts, fifo="true")

    with pytest.raises(RuntaskError, match="unable to replace resource") as error:
        accounts.engine.up("dev")

    assert "ecs-run-task:protect to false in Pulumi.dev.yaml" in str(error.value)
    assert [messages(sqs, url) for url in urls] == [1, 1]
    with pytest.raises(RuntaskError, match="because it is protected"):
        accounts.engine.destroy("dev")
    assert [messages(sqs, url) for url in urls] == [1, 1]

    # The way out: drain, unprotect, deploy, and only then change.
    for url in urls:
        sqs.purge_queue(QueueUrl=url)
    configure(accounts, fifo="false", protect="false")
    accounts.engine.up("dev")
    configure(accounts, fifo="true", protect="true")
    accounts.engine.up("dev")
    assert accounts.engine.outputs("dev")["queueUrl"].endswith(f"/{DEV}/ecs-run-task-dev.fifo")
    assert REGION in accounts.engine.outputs("dev")["failureTopicArn"]
    assert accounts.engine.preview("dev") is False
