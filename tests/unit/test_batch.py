from __future__ import annotations

from typing import Any

from tests.unit.fakes import ENVIRONMENT, Rig, client_error, message, settings, token

THROTTLED = client_error("ThrottlingException", "Rate exceeded")


def fifo() -> Rig:
    return Rig(
        settings=settings(
            QUEUE_URL=ENVIRONMENT["QUEUE_URL"] + ".fifo",
            DEAD_LETTER_QUEUE_URL=ENVIRONMENT["DEAD_LETTER_QUEUE_URL"] + ".fifo",
        )
    )


def test_behind_a_returned_message_the_rest_of_its_group_returns_in_order() -> None:
    rig = fifo()

    def fail_second(call: dict[str, Any]) -> None:
        if call["clientToken"] == token("message-1"):
            raise THROTTLED

    rig.ecs.before_call = fail_second
    groups = ["a", "a", "a", "b", "a", "b"]
    records = [rig.record(message(), n, group=group) for n, group in enumerate(groups)]

    returned = rig.handle(*records)

    assert returned == ["message-1", "message-2", "message-4"]
    assert {call["clientToken"] for call in rig.ecs.calls} == {
        token(f"message-{n}") for n in (0, 3, 5)
    }
    assert rig.sqs.visibility == {"receipt-1": 2, "receipt-2": 0, "receipt-4": 0}


def test_a_group_is_launched_in_order() -> None:
    rig = fifo()
    records = [rig.record(message(), n, group="a") for n in range(8)]

    assert rig.handle(*records) == []

    assert [call["clientToken"] for call in rig.ecs.calls] == [
        token(f"message-{n}") for n in range(8)
    ]


def test_a_rejected_message_does_not_block_its_group() -> None:
    rig = fifo()

    returned = rig.handle(rig.record("{", 0, group="a"), rig.record(message(), 1, group="a"))

    assert returned == []
    assert len(rig.ecs.started) == 1


def test_a_rejected_message_keeps_its_group_in_the_dead_letter_queue() -> None:
    rig = fifo()

    rig.run("{", group="a")

    assert rig.sqs.sent[0]["MessageGroupId"] == "a"
    assert rig.sqs.sent[0]["MessageDeduplicationId"] == "message-0"


def test_a_standard_queue_keeps_groups_but_no_order() -> None:
    rig = Rig()
    rig.ecs.script = [THROTTLED]

    returned = rig.handle(*(rig.record(message(), n, group="fair") for n in range(4)))

    assert len(returned) == 1
    rig.run("{", group="fair")
    assert rig.sqs.sent[0]["MessageGroupId"] == "fair"  # its tenant
    assert "MessageDeduplicationId" not in rig.sqs.sent[0]
