"""A FIFO stage keeps the order of a group, even if a message cannot be launched yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from function.message.idempotency import started_by
from rehearsal.fault_injection import InjectedFault
from rehearsal.sample_account import SampleAccount
from tests.end_to_end.accounts import DEV, REGION, Accounts, two_accounts
from tests.end_to_end.stage import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY: Final = '{"cluster": "batch", "service": "report-service", "taskDefinition": "report"}'
GROUP: Final = ("first", "second", "third")


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with two_accounts("dev-bootstrap") as running:
        path = running.project.stack_file("dev")
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{text}  ecs-run-task:fifo: true\n", encoding="utf-8")
        location = running.project.stage_config("dev").location
        SampleAccount(emulator=running.emulator, location=location).create()
        running.engine.up("dev")
        yield running


def started(accounts: Accounts) -> list[str]:
    """Return what was started, in the order of the calls that started it."""
    calls = accounts.emulator.calls("RunTask")
    return [call.started_by for call in calls if call.tasks and not call.error]


def test_the_rest_of_a_group_waits_for_a_message_that_is_returned(accounts: Accounts) -> None:
    accounts.emulator.inject(
        InjectedFault(error="ThrottlingException", message="Rate exceeded", match="first", times=2)
    )
    sqs = accounts.emulator.client("sqs", DEV, REGION)
    url = accounts.engine.outputs("dev")["queueUrl"]
    assert url.endswith(".fifo")
    for key in GROUP:
        sqs.send_message(
            QueueUrl=url,
            MessageBody=BODY,
            MessageGroupId="reports",
            MessageDeduplicationId=key,
            MessageAttributes={"key": {"DataType": "String", "StringValue": key}},
        )
    wanted = [started_by("dev", key) for key in GROUP]
    assert wait_for(lambda: len(started(accounts)) >= len(wanted))
    assert started(accounts) == wanted
    tasks = [task for call in accounts.emulator.calls("RunTask") for task in call.tasks]
    assert len(tasks) == len(set(tasks)) == len(wanted)


def test_a_rejected_message_goes_to_a_fifo_dead_letter_queue(accounts: Accounts) -> None:
    sqs = accounts.emulator.client("sqs", DEV, REGION)
    outputs = accounts.engine.outputs("dev")
    sqs.send_message(
        QueueUrl=outputs["queueUrl"],
        MessageBody="not json",
        MessageGroupId="reports",
        MessageDeduplicationId="broken",
    )
    dead_letters: list[dict[str, object]] = []

    def read() -> bool:
        answer = sqs.receive_message(
            QueueUrl=outputs["deadLetterQueueUrl"], MessageAttributeNames=["All"]
        )
        dead_letters.extend(answer.get("Messages", []))
        return bool(dead_letters)

    assert wait_for(read)
    assert outputs["deadLetterQueueUrl"].endswith(".fifo")
    assert dead_letters[0]["Body"] == "not json"
