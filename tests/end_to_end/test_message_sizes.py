"""A message and its attributes together are no larger than the queue takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.end_to_end.ecs_calls import ACCOUNT, REGION, refused

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator

LIMIT: Final = 2048
ATTRIBUTES: Final = {"reason": {"DataType": "String", "StringValue": "invalid"}}
ROOM: Final = LIMIT - len("reasonStringinvalid")


@pytest.fixture
def sqs(emulator: Emulator) -> Any:
    return emulator.client("sqs", ACCOUNT, REGION)


@pytest.fixture
def url(sqs: Any) -> str:
    answer = sqs.create_queue(QueueName="sizes", Attributes={"MaximumMessageSize": str(LIMIT)})
    return str(answer["QueueUrl"])


def test_attributes_count(sqs: Any, url: str) -> None:
    sqs.send_message(QueueUrl=url, MessageBody="x" * ROOM, MessageAttributes=ATTRIBUTES)
    with refused("InvalidParameterValue", f"Message must be shorter than {LIMIT} bytes"):
        sqs.send_message(QueueUrl=url, MessageBody="x" * (ROOM + 1), MessageAttributes=ATTRIBUTES)


def test_attributes_count_in_a_batch(sqs: Any, url: str) -> None:
    entries = [
        {"Id": str(size), "MessageBody": "x" * size, "MessageAttributes": ATTRIBUTES}
        for size in (ROOM, ROOM + 1)
    ]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)

    assert [entry["Id"] for entry in answer["Successful"]] == [str(ROOM)]
    assert [entry["Code"] for entry in answer["Failed"]] == ["InvalidParameterValue"]


def test_a_queue_takes_a_mebibyte_by_default(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="default-size")["QueueUrl"]

    assert sqs.send_message(QueueUrl=url, MessageBody="x" * 1_048_576)
    with refused("InvalidParameterValue", "shorter than 1048576 bytes"):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1_048_576, MessageAttributes=ATTRIBUTES)
