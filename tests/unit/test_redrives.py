"""What a dead letter says of the tasks of its message, and what its redrive starts."""

from __future__ import annotations

from tests.unit.fakes import Rig, client_error, message

HOUR = 3600


def test_a_letter_says_how_many_tasks_run(rig: Rig) -> None:
    rig.ecs.script = [2, client_error("ClientException", "no")]
    rig.run(message(count=3))
    rig.clock.now += 60

    rig.run(message(count=3), receives=2)

    assert rig.dead_letters[0]["tasks"] == "2"
    assert rig.dead_letters[0]["key"] == "message-0"


def test_a_redriven_message_goes_on_where_it_was(rig: Rig) -> None:
    rig.ecs.script = [2, client_error("ClientException", "no")]
    rig.run(message(count=3))
    rig.clock.now += 60
    rig.run(message(count=3), receives=2)
    rig.clock.now += 60

    assert rig.run(message(count=3), number=1, attributes=rig.dead_letters[0]) == []

    assert rig.ecs.count == 3


def test_a_letter_that_sqs_moved_after_its_first_delivery_starts_nothing(rig: Rig) -> None:
    """Nothing tells whether it has: its only delivery crashed."""
    moved = {"key": "message-0", "messageId": "message-0"}

    rig.run(message(), number=1, attributes=moved)

    assert rig.ecs.calls == []
    assert rig.dead_letters[0]["reason"] == "outcome-unknown"


def test_a_rejected_message_without_tasks_can_be_redriven(rig: Rig) -> None:
    rig.ecs.script = [client_error("ClientException", "TaskDefinition is inactive")]
    rig.run(message())
    assert rig.dead_letters[0]["tasks"] == "0"
    rig.clock.now += 24 * HOUR

    assert rig.run(message(), number=1, attributes=rig.dead_letters[0]) == []

    assert rig.ecs.count == 1


def test_a_letter_of_a_redrive_names_the_message_that_was_sent_first(rig: Rig) -> None:
    rig.run(message(cluster="other"))

    rig.run(message(cluster="other"), number=1, attributes=rig.dead_letters[0])

    assert [letter["messageId"] for letter in rig.dead_letters] == ["message-0", "message-0"]
