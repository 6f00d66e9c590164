"""SQS and SNS that refuse or do not answer the handler: no message is lost, none starts twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rehearsal.emulator import InjectedFault
from tests.end_to_end.fates import End, launched, rejected
from tests.end_to_end.stage import Stage, deploy, task, wait_for

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator
    from tests.end_to_end.fates import Fate

INVALID = task(colour="red")

# How long the queue of these tests hides what nobody sends back.
HIDDEN_SECONDS = 3


@pytest.fixture(scope="module")
def stage(emulator: Emulator) -> Stage:
    stage = deploy(emulator)
    stage.hide_for(HIDDEN_SECONDS)
    return stage


def dead_letters(stage: Stage, **how: object) -> InjectedFault:
    """Return a fault of the way to the dead-letter queue."""
    url = stage.outputs["deadLetterQueueUrl"]
    return InjectedFault(service="sqs", action="SendMessage", match=url, **how)  # type: ignore[arg-type]


def test_invalid_message_stays_in_the_queue_while_the_dlq_refuses_it(stage: Stage) -> None:
    stage.emulator.inject(dead_letters(stage, error="KMS.DisabledException"))
    sent = stage.send(INVALID, "no-letter")
    assert wait_for(stage.received(sent, times=2))
    meanwhile = stage.fates(sent)["no-letter"]
    stage.emulator.heal()
    fate = stage.settle(sent)["no-letter"]
    assert meanwhile.end == End(tasks=0, left=1)
    assert set(meanwhile.kept) == {"dead-letter-unreachable"}
    assert meanwhile.notices == ()
    (letter,) = fate.end.letters
    assert letter.attempts >= 2
    assert fate.end == rejected(sent, "unknown-parameter", attempts=letter.attempts)
    assert len(fate.notices) == 1


def test_message_is_rejected_and_gone_while_sns_is_unreachable(stage: Stage) -> None:
    stage.emulator.inject(InjectedFault(service="sns", action="Publish", drop=True))
    sent = stage.send(INVALID, "unannounced")
    fate = stage.settle(sent)["unannounced"]
    assert fate.end == rejected(sent, "unknown-parameter")
    assert fate.notices == ()
    (line,) = stage.log_lines("notification not published")
    assert line["message_id"] == sent.message_id


def test_good_messages_launch_while_dlq_and_sns_cut_off_the_bad_one(stage: Stage) -> None:
    stage.emulator.inject(
        dead_letters(stage, drop=True), InjectedFault(service="sns", action="Publish", drop=True)
    )
    with stage.one_batch():
        sent = [stage.send(task(), f"good-{number}") for number in range(3)]
        bad = stage.send(INVALID, "bad-beside-good")
    fates = stage.settle(*sent)
    assert [fate.end for fate in fates.values()] == [launched()] * 3
    assert stage.fates(bad)["bad-beside-good"].end == End(tasks=0, left=1)
    stage.emulator.heal()
    end = stage.settle(bad)["bad-beside-good"].end
    assert [letter.reason for letter in end.letters] == ["unknown-parameter"]
    assert (end.tasks, end.left) == (0, 0)


@pytest.fixture
def refused(stage: Stage) -> Fate:
    """Throttle a message once, and refuse to send it back."""
    stage.emulator.inject(
        InjectedFault(service="sqs", action="ChangeMessageVisibilityBatch", error="AccessDenied")
    )
    stage.fail("not-sent-back", error="ThrottlingException", times=1)
    return stage.settle(stage.send(task(), "not-sent-back"))["not-sent-back"]


def test_refused_change_of_visibility_delays_the_launch_by_the_queues_own_timeout(
    stage: Stage, refused: Fate
) -> None:
    assert refused.end == launched()
    assert refused.answers == ["ThrottlingException", ""]
    first, second = (call.time for call in refused.calls)
    assert second - first > HIDDEN_SECONDS - 1
    (line,) = stage.log_lines("visibility timeout not changed")
    assert line["cause"]
