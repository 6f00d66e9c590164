from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from function.failures.reasons import make_failure
from function.sqs import dead_letter
from function.sqs.record import Record, records_of
from tests.unit.fakes import Rig, client_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_sqs import SQSClient

LIMIT = 1_048_576


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[SQSClient]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("sqs", region_name="eu-central-1")


def record(body: str = "{", **attributes: Any) -> Record:
    return records_of({"Records": [Rig().record(body, group="g", attributes=attributes)]})[0]


def letter(reason: str, error: str) -> dead_letter.Letter:
    return dead_letter.Letter(
        failure=make_failure(reason, error), key="message-0", origin="message-0", tasks="3"
    )


def received(sqs: SQSClient, item: Record, error: str = "why", *, fifo: bool = False) -> Any:
    if fifo:
        url = sqs.create_queue(QueueName="dlq.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    else:
        url = sqs.create_queue(QueueName="dlq")["QueueUrl"]
    dead_letter.send(sqs, url, item, letter("not-json", error))
    return sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"][0]


def sent(item: Record, error: str = "why") -> dict[str, Any]:
    rig = Rig()
    client: Any = rig.sqs
    dead_letter.send(client, "dlq", item, letter("not-allowed", error))
    return rig.sqs.sent[0]


def size(arguments: dict[str, Any]) -> int:
    return len(arguments["MessageBody"].encode()) + sum(
        len(name.encode())
        + len(value["DataType"].encode())
        + len(value.get("StringValue", "").encode())
        + len(value.get("BinaryValue", b""))
        for name, value in arguments["MessageAttributes"].items()
    )


def test_sqs_accepts_the_message_with_its_attributes(sqs: SQSClient) -> None:
    item = record('{"ü": "\\ud800"}', trace="t", raw={"dataType": "Binary", "binaryValue": "AAEC"})

    found = received(sqs, item)

    assert found["Body"] == '{"ü": "\\ud800"}'
    assert set(found["MessageAttributes"]) == {
        "reason", "error", "attempts", "messageId", "redrivable", "key", "tasks", "trace", "raw",
    }  # fmt: skip
    assert found["MessageAttributes"]["raw"]["BinaryValue"] == b"\x00\x01\x02"


def test_a_fifo_queue_keeps_the_group(sqs: SQSClient) -> None:
    found = received(sqs, record(), fifo=True)

    assert found["Attributes"]["MessageGroupId"] == "g"
    assert found["Attributes"]["MessageDeduplicationId"] == "message-0"


def test_at_most_ten_attributes_are_sent() -> None:
    attributes = sent(record(**{f"mine{n}": "x" for n in range(9)}, key="k"))["MessageAttributes"]

    assert len(attributes) == 10
    assert attributes["key"]["StringValue"] == "k"
    assert attributes["reason"]["StringValue"] == "not-allowed"


def test_a_second_rejection_replaces_the_first(sqs: SQSClient) -> None:
    item = record(reason="expired", error="old", attempts="9", messageId="old", redrivable="true")

    attributes = received(sqs, item, "new")["MessageAttributes"]

    assert attributes["reason"]["StringValue"] == "not-json"
    assert attributes["error"]["StringValue"] == "new"
    assert attributes["messageId"]["StringValue"] == "message-0"


def test_an_attribute_that_does_not_fit_is_left_out() -> None:
    body = "x" * (LIMIT - 1000)

    arguments = sent(record(body, large="y" * 900, small="z"))

    assert arguments["MessageBody"] == body
    assert "large" not in arguments["MessageAttributes"]
    assert "small" in arguments["MessageAttributes"]
    assert size(arguments) <= LIMIT


class OldQueue:
    """A queue that was made when messages had at most 256 KiB."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def send_message(self, **arguments: Any) -> None:
        if size(arguments) > 262_144:
            raise client_error("InvalidParameterValue", "Message must be shorter than 262144 bytes")
        self.sent.append(arguments)


@pytest.mark.parametrize("length", [262_144, 600_000, LIMIT])
def test_a_letter_that_sqs_refuses_for_its_size_is_sent_truncated(length: int) -> None:
    queue: Any = OldQueue()

    dead_letter.send(queue, "dlq", record("x" * length), letter("not-allowed", "why"))

    (arguments,) = queue.sent
    assert size(arguments) <= 262_144
    assert len(arguments["MessageBody"]) > 261_000
    assert arguments["MessageAttributes"]["redrivable"]["StringValue"] == "false"
    assert arguments["MessageAttributes"]["error"]["StringValue"].startswith("why (the body was")


def test_a_short_letter_that_sqs_refuses_is_not_sent_twice() -> None:
    class Refusing:
        asked = 0

        def send_message(self, **_: Any) -> None:
            self.asked += 1
            raise client_error("InvalidParameterValue", "no")

    queue: Any = Refusing()
    with pytest.raises(ClientError):
        dead_letter.send(queue, "dlq", record("x"), letter("not-allowed", "why"))

    assert queue.asked == 1


@pytest.mark.parametrize("character", ["x", "ü", "\U0001f600"])
def test_a_body_of_a_mebibyte_is_truncated_to_fit_the_reason(character: str) -> None:
    body = character * (LIMIT // len(character.encode()))

    arguments = sent(record(body), "e" * 1024)

    assert size(arguments) <= LIMIT
    assert body.startswith(arguments["MessageBody"])
    assert len(arguments["MessageBody"].encode()) > LIMIT - 2048
    assert arguments["MessageAttributes"]["redrivable"]["StringValue"] == "false"
    assert arguments["MessageAttributes"]["error"]["StringValue"].endswith(
        "(the body was truncated to the size of a message)"
    )


def test_a_standard_queue_keeps_the_group_of_a_tenant(sqs: SQSClient) -> None:
    found = received(sqs, record())

    assert found["Attributes"]["MessageGroupId"] == "g"


def test_without_a_group_a_standard_queue_gets_none() -> None:
    rig = Rig()
    item = records_of({"Records": [rig.record("{")]})[0]
    client: Any = rig.sqs

    dead_letter.send(client, "dlq", item, letter("not-json", "why"))

    assert "MessageGroupId" not in rig.sqs.sent[0]


def test_without_a_group_a_fifo_queue_gets_one_for_the_message() -> None:
    rig = Rig()
    item = records_of({"Records": [rig.record("{")]})[0]
    client: Any = rig.sqs

    dead_letter.send(client, "dlq.fifo", item, letter("not-json", "why"))

    assert rig.sqs.sent[0]["MessageGroupId"] == "message-0"
