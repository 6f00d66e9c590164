"""The model of SQS and of the event source mapping does what AWS's documents say."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.emulator import READINGS
from tests.model import sqs
from tests.model.clock import Kernel
from tests.model.jobs import Job
from tests.model.world import Options, World

DAY = 24 * 3600.0


class Queues:
    def __init__(self, **changes: Any) -> None:
        self.kernel = Kernel()
        self.dead = sqs.Queue(kernel=self.kernel, retention_seconds=14 * DAY)
        self.work = sqs.Queue(
            kernel=self.kernel, retention_seconds=4 * DAY, dead=self.dead, **changes
        )

    def receive(self) -> list[str]:
        return [message.body for message in self.work.receive(10)]


def test_a_received_message_is_out_of_sight_for_the_visibility_timeout() -> None:
    queues = Queues()
    queues.work.send("a", {})
    assert queues.receive() == ["a"]
    queues.kernel.sleep(359)
    assert queues.receive() == []
    queues.kernel.sleep(2)
    assert queues.receive() == ["a"]
    (message,) = queues.work.live
    assert (message.receives, message.first_received_at) == (2, 0.0)


def test_a_hidden_message_comes_back_when_it_was_told_to() -> None:
    queues = Queues()
    queues.work.send("a", {})
    (message,) = queues.work.receive(1)
    assert queues.work.hide(message.receipt, 5) == ""
    queues.kernel.sleep(5)
    assert queues.work.hide(message.receipt, 5) == "MessageNotInflight"
    assert queues.receive() == ["a"]


def test_a_receipt_of_an_older_delivery_deletes_nothing() -> None:
    queues = Queues()
    queues.work.send("a", {})
    (message,) = queues.work.receive(1)
    old = message.receipt
    queues.kernel.sleep(361)
    queues.receive()
    queues.work.delete(old)
    assert queues.work.live
    queues.work.delete(message.receipt)
    assert not queues.work.live


def test_sqs_moves_a_worn_out_message_with_its_id_attributes_and_age() -> None:
    queues = Queues(max_receives=2)
    attributes = {"key": {"DataType": "String", "StringValue": "job"}}
    sent = queues.work.send("a", attributes)
    for _ in range(3):
        queues.receive()
        queues.kernel.sleep(361)
    (letter,) = queues.dead.live
    assert (letter.id, letter.attributes, letter.sent_at) == (sent.id, attributes, 0.0)
    assert not queues.work.live


def test_a_redriven_message_has_another_id_and_age_and_keeps_what_it_carries() -> None:
    queues = Queues()
    sent = queues.work.send("a", {})
    queues.work.move(sent)
    queues.kernel.sleep(100)
    (letter,) = queues.dead.live
    again = sqs.redrive(letter, queues.dead, queues.work)
    assert again.id != sent.id
    assert (again.attribute("key"), again.attribute("messageId")) == (sent.id, sent.id)
    assert (again.sent_at, again.origin) == (100.0, sent.id)
    assert not queues.dead.live


def test_retention_drops_a_message_without_a_word() -> None:
    dropped: list[str] = []
    queues = Queues(on_drop=lambda message: dropped.append(message.body))
    queues.work.send("a", {})
    queues.kernel.sleep(4 * DAY)
    assert queues.receive() == []
    assert dropped == ["a"]
    assert not queues.dead.live


def test_a_duplicate_may_come_after_the_deletion_and_twice_at_once() -> None:
    queues = Queues()
    queues.work.send("a", {})
    (message,) = queues.work.receive(1)
    queues.work.delete(message.receipt)
    queues.work.duplicate(message, echoes=1)
    assert queues.receive() == queues.receive() == ["a"]
    assert queues.receive() == []


class Scripted:
    """A handler that fails for all or some messages of a batch."""

    def __init__(self, _stage: str, **_clients: Any) -> None:
        self.kept: list[int] = []

    def handle(self, event: Any, _context: object) -> dict[str, Any]:
        records = event["Records"]
        if any(record["body"] == "raise" for record in records):
            raise ValueError
        return {
            "batchItemFailures": [
                {"itemIdentifier": record["messageId"]}
                for record in records
                if record["body"] == "keep"
            ]
        }


def test_the_mapping_deletes_what_is_not_reported() -> None:
    with World(READINGS[0], Options(make=Scripted)) as world:
        for body in ("keep", "done"):
            world.send(Job(number=1), body=body)
        world.deliver()
        assert [message.body for message in world.stages["dev"].work.live] == ["keep"]


def test_an_invocation_that_raises_deletes_nothing() -> None:
    with World(READINGS[0], Options(make=Scripted)) as world:
        for body in ("raise", "done"):
            world.send(Job(number=1), body=body)
        world.deliver()
        assert len(world.stages["dev"].work.live) == 2
        assert "the handler raised ValueError" in world.history.violations[0]


@pytest.mark.parametrize("binary", [False, True])
def test_a_record_is_spelled_as_lambda_spells_it(*, binary: bool) -> None:
    queues = Queues()
    value: dict[str, Any] = (
        {"DataType": "Binary", "BinaryValue": b"a"}
        if binary
        else {"DataType": "String", "StringValue": "a"}
    )
    queues.work.send("body", {"key": value})
    (message,) = queues.work.receive(1)
    record = sqs.record_of(message)
    assert record["messageAttributes"]["key"] == (
        {"dataType": "Binary", "binaryValue": "YQ=="}
        if binary
        else {"dataType": "String", "stringValue": "a"}
    )
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["ApproximateFirstReceiveTimestamp"] == "1800000000000"
