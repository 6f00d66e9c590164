"""SQS, SNS and DynamoDB refuse or do not answer: no message is lost, none is launched twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from rehearsal.fault_injection import InjectedFault
from tests.end_to_end.message_history import EndState, launched, rejected
from tests.end_to_end.stage import NOT_PUBLISHED, READINGS, Stage, deploy, task, wait_for

if TYPE_CHECKING:
    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.message_history import MessageHistory

INVALID: Final = task(colour="red")

# The visibility timeout of the queue in these tests.
HIDDEN_SECONDS: Final = 3


@pytest.fixture(scope="module")
def stage(emulator: FaultyEmulator) -> Stage:
    stage = deploy(emulator)
    stage.settle(stage.send(task()))  # a start takes longer than the new visibility timeout
    stage.hide_for(HIDDEN_SECONDS)
    return stage


def dead_letter_fault(stage: Stage, **how: object) -> InjectedFault:
    """Return a fault that hits every message sent to the DLQ."""
    url = stage.outputs["deadLetterQueueUrl"]
    return InjectedFault(service="sqs", action="SendMessage", match=url, **how)  # type: ignore[arg-type]


def test_invalid_message_stays_in_the_queue_while_the_dlq_refuses_it(stage: Stage) -> None:
    stage.emulator.inject(dead_letter_fault(stage, error="KMS.DisabledException"))
    sent = stage.send(INVALID, "no-letter")
    assert wait_for(lambda: bool(stage.histories(sent)["no-letter"].returned))
    assert wait_for(stage.received(sent, times=2))
    meanwhile = stage.histories(sent)["no-letter"]
    stage.emulator.clear_faults()
    history = stage.settle(sent)["no-letter"]
    assert meanwhile.end == EndState(tasks=0, left=1)
    assert set(meanwhile.returned) == {"dead-letter-unreachable"}
    assert meanwhile.notifications == ()
    (dead_letter,) = history.end.dead_letters
    assert dead_letter.attempts >= 2
    assert history.end == rejected(sent, "unknown-parameter", attempts=dead_letter.attempts)
    assert len(history.notifications) == 1


def test_message_is_rejected_and_gone_while_sns_is_unreachable(stage: Stage) -> None:
    stage.emulator.inject(InjectedFault(service="sns", action="Publish", drop=True))
    sent = stage.send(INVALID, "unannounced")
    history = stage.settle(sent)["unannounced"]
    assert history.end == rejected(sent, "unknown-parameter")
    assert history.notifications == ()
    # A delivery that takes longer than the visibility timeout is not the only one.
    lines = stage.log_lines(NOT_PUBLISHED)
    assert {line["message_id"] for line in lines} == {sent.message_id}


def test_good_messages_launch_while_dlq_and_sns_cut_off_the_bad_one(stage: Stage) -> None:
    stage.emulator.inject(
        dead_letter_fault(stage, drop=True),
        InjectedFault(service="sns", action="Publish", drop=True),
    )
    with stage.one_batch():
        sent = [stage.send(task(), f"good-{number}") for number in range(3)]
        bad = stage.send(INVALID, "bad-beside-good")
    histories = stage.settle(*sent)
    assert [history.end for history in histories.values()] == [launched()] * 3
    assert stage.histories(bad)["bad-beside-good"].end == EndState(tasks=0, left=1)
    stage.emulator.clear_faults()
    end = stage.settle(bad)["bad-beside-good"].end
    assert [dead_letter.reason for dead_letter in end.dead_letters] == ["unknown-parameter"]
    assert (end.tasks, end.left) == (0, 0)


@pytest.fixture
def refused(stage: Stage) -> MessageHistory:
    """Throttle a message once, and refuse to change its visibility."""
    stage.emulator.inject(
        InjectedFault(service="sqs", action="ChangeMessageVisibilityBatch", error="AccessDenied")
    )
    stage.fail("not-returned", error="ThrottlingException", times=1)
    return stage.settle(stage.send(task(), "not-returned"))["not-returned"]


def test_refused_change_of_visibility_delays_the_launch_by_the_queues_own_timeout(
    stage: Stage, refused: MessageHistory
) -> None:
    assert refused.end == launched()
    assert refused.answers == ["ThrottlingException", ""]
    first, second = (call.time for call in refused.calls)
    assert second - first > HIDDEN_SECONDS - 1
    (line,) = stage.log_lines("visibility timeout not changed")
    assert line["cause"]


TABLE_AWAY: Final = {
    "drops": InjectedFault(service="dynamodb", action="*", drop=True),
    "refuses": InjectedFault(service="dynamodb", action="*", error="RequestLimitExceeded"),
}


@pytest.mark.parametrize("how", TABLE_AWAY)
def test_message_without_a_key_launches_while_the_table_is_away(stage: Stage, how: str) -> None:
    stage.emulator.inject(TABLE_AWAY[how])
    sent = stage.send(task(count=2))
    history = stage.settle(sent)[sent.key]
    assert history.end == launched(2)
    assert history.returned == ()


def test_message_with_a_key_waits_while_the_table_is_away_and_is_launched_once(
    stage: Stage,
) -> None:
    stage.emulator.inject(TABLE_AWAY["drops"])
    sent = stage.send(task(), "waits")
    assert wait_for(lambda: bool(stage.histories(sent)["waits"].returned))
    meanwhile = stage.histories(sent)["waits"]
    stage.emulator.clear_faults()
    history = stage.settle(sent)["waits"]
    assert (meanwhile.end, meanwhile.calls) == (EndState(tasks=0, left=1), ())
    assert set(history.returned) == {"table-unavailable"}
    assert (history.end, history.answers) == (launched(), [""])


def test_redelivery_waits_while_the_table_is_away_and_is_launched_once(
    stage: Stage, reading: str
) -> None:
    key = f"again-{reading}"
    cluster = stage.add_cluster(f"pool-{key}", READINGS[reading])
    stage.fail(key, reason="RESOURCE:CPU", tasks=1, times=1)
    # A redelivery that comes before the table is away must not launch the rest.
    stage.fail(key, error="ThrottlingException")
    sent = stage.send(task(cluster=cluster, count=2), key)
    assert wait_for(stage.answered(key, times=1))
    assert wait_for(lambda: bool(stage.histories(sent)[key].returned))
    stage.emulator.inject(TABLE_AWAY["drops"])
    assert wait_for(lambda: "table-unavailable" in stage.histories(sent)[key].returned)
    meanwhile = stage.histories(sent)[key]
    stage.emulator.clear_faults()
    history = stage.settle(sent)[key]
    assert meanwhile.end == EndState(tasks=1, left=1)
    assert history.end == launched(2)
    assert [len(call.tasks) for call in history.calls if call.tasks] == [1, 1]
    assert any(sum(line["TableUnavailable"]) for line in stage.metrics("TableUnavailable"))
