"""The canary and the rejected message on a stage in memory."""

from __future__ import annotations

import pytest

from runtask.verification.finding import Status
from runtask.verification.probes import launch, rejection
from tests.runtask.verify_services import DEAD, WORK
from tests.runtask.verify_world import World, found


def test_the_canary_is_followed_to_its_exit(world: World) -> None:
    verification = world.verification()
    finding = launch.canary(verification)
    assert found(finding) == ("pass", "started after 0.0 s, ended with exit code 0 after 45.0 s")
    assert finding.facts["secondsToRunning"] == 20.0
    assert found(launch.idempotency(verification)) == (
        "pass",
        "2 messages with one key started one task",
    )
    verification.cleanup.close()
    assert world.ecs.stopped == []


def test_another_exit_code_fails(world: World) -> None:
    world.ecs.exit_code = 3
    finding = launch.canary(world.verification())
    assert finding.status is Status.FAIL
    assert "ended with exit codes 3, expected 0" in finding.sentence.in_full()


def test_a_sidecar_without_exit_code_does_not_count(world: World) -> None:
    assert launch.canary(world.verification()).facts["exitCodes"] == [0]


def test_a_canary_that_never_ends_is_stopped(world: World) -> None:
    world.ecs.never_ends = True
    verification = world.verification()
    with verification.cleanup:
        finding = launch.canary(verification)
    assert "is RUNNING after 300.0 s" in finding.sentence.in_full()
    assert world.ecs.stopped == [world.ecs.tasks[0]["taskArn"]]


def test_a_canary_that_nothing_handles_fails_and_may_start_later(world: World) -> None:
    world.handles = False
    verification = world.verification()
    with verification.cleanup:
        finding = launch.canary(verification)
        assert launch.idempotency(verification).status is Status.SKIPPED
    assert "no task was started in 300.0 s" in finding.sentence.in_full()
    assert "may still be in the work queue" in world.said[-1]


def test_a_rejected_canary_fails_with_its_reason_and_leaves_nothing(world: World) -> None:
    world.handles = False
    verification = world.verification()
    assert verification.canary is not None
    world.dead_letter(
        key=verification.canary.message.key, messageId="1", reason="invalid-parameter"
    )
    world.dead_letter(key="somebody-elses", messageId="2", reason="not-json")
    finding = launch.canary(verification)
    assert "the message was rejected: invalid-parameter" in finding.sentence.in_full()
    assert world.clock.now < 1_800_000_000.0 + 60
    (left,) = world.sqs.lists[DEAD]
    assert left["MessageAttributes"]["key"]["StringValue"] == "somebody-elses"
    assert not left["hidden"]


def test_without_a_task_nothing_is_launched(world: World) -> None:
    verification = world.verification(canary=False)
    assert launch.canary(verification).status is Status.SKIPPED
    assert launch.idempotency(verification).status is Status.SKIPPED
    assert world.ecs.tasks == []


def test_a_second_task_for_one_key_fails_and_is_stopped(world: World) -> None:
    world.token = False
    verification = world.verification()
    with verification.cleanup:
        assert launch.canary(verification).status is Status.PASS
        world.ecs.never_ends = True
        world.ecs.tasks[1].update(lastStatus="RUNNING")
        status, sentence = found(launch.idempotency(verification))
    assert status == "fail"
    assert "2 messages with one key started 2 tasks, expected 1" in sentence
    assert world.ecs.stopped == [world.ecs.tasks[1]["taskArn"]]


def test_a_second_copy_that_was_not_handled_fails(world: World) -> None:
    verification = world.verification()
    launch.canary(verification)
    world.logs.lines.pop()
    status, sentence = found(launch.idempotency(verification))
    assert status == "fail"
    assert "second message was not handled in 300.0 s" in sentence


def test_where_the_log_cannot_be_read_a_second_task_has_time_to_appear(world: World) -> None:
    world.logs.denied = True
    verification = world.verification()
    launch.canary(verification)
    before = world.clock.now
    status, sentence = found(launch.idempotency(verification))
    assert status == "pass"
    assert "cannot be read (AccessDeniedException)" in sentence
    assert world.clock.now - before == 30


def test_the_dead_letter_is_taken_out_and_no_other(world: World) -> None:
    for number in range(25):
        world.dead_letter(key=f"other-{number}", messageId=str(number), reason="not-json")
    finding = rejection.rejected_message(world.verification())
    assert found(finding) == (
        "pass",
        "rejected as unknown-parameter after 0.0 s, and taken out of the dead-letter queue again",
    )
    assert len(world.sqs.lists[DEAD]) == 25
    assert not any(one["hidden"] for one in world.sqs.lists[DEAD])


def test_another_reason_fails(world: World) -> None:
    world.dead_letter_reason = "unexpected"
    status, sentence = found(rejection.rejected_message(world.verification()))
    assert status == "fail"
    assert "has reason unexpected, expected unknown-parameter" in sentence
    assert world.sqs.lists[DEAD] == []


def test_a_message_that_is_not_rejected_fails_and_is_named(world: World) -> None:
    world.handles = False
    status, sentence = found(rejection.rejected_message(world.verification()))
    assert status == "fail"
    assert "was not in the dead-letter queue after 300.0 s" in sentence
    assert "delete it there" in world.said[-1]


def test_ctrl_c_takes_the_dead_letter_out_as_well(world: World) -> None:
    world.handles = False

    def interrupt() -> None:
        key = world.sqs.lists[WORK][0]["MessageAttributes"]["key"]["StringValue"]
        world.dead_letter(key=key, messageId="1", reason="unknown-parameter")
        raise KeyboardInterrupt

    world.clock.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        rejection.rejected_message(world.verification())
    assert world.sqs.lists[DEAD] == []
    assert world.said == []
