"""Answers, workers and time lost after a task has started: the client token holds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import psutil
import pytest

from rehearsal.fault_injection import InjectedFault
from rehearsal.sample_account import SERVICE
from tests.end_to_end.message_history import launched
from tests.end_to_end.stage import Stage, deploy, task, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.message_history import MessageHistory

# The handler begins no launch with less than 10 s left: it has one second.
TIMEOUT_SECONDS: Final = 11
HANGS_SECONDS: Final = 15.0


@pytest.fixture(scope="module")
def stage(emulator: FaultyEmulator) -> Stage:
    stage = deploy(emulator)
    stage.hide_for(3)  # after a crash a message comes back in seconds, not minutes
    return stage


def freeze_workers(emulator: FaultyEmulator) -> None:
    """Suspend the processes of the function; the emulator kills them at the timeout."""
    for process in psutil.Process(emulator.pid).children(recursive=True):
        if "ministack-lambda" in " ".join(process.cmdline()):
            process.suspend()


def started(history: MessageHistory) -> list[str]:
    """Return the tasks in the answers of RunTask, delivery by delivery."""
    return [task for call in history.calls for task in call.tasks]


def test_socket_closed_after_the_task_started_starts_no_second_one(stage: Stage) -> None:
    stage.fail("cut-off", drop=True, after=True, times=1)
    sent = stage.send(task(), "cut-off")
    history = stage.settle(sent)["cut-off"]
    assert history.end == launched()
    assert [call.status for call in history.calls] == [0, 200]
    assert len(started(history)) == 2
    assert len(set(started(history))) == 1
    assert history.returned == ("network",)


def test_socket_closed_after_a_part_of_the_count_started_starts_each_once(stage: Stage) -> None:
    stage.fail("cut-in-two-1", drop=True, after=True, times=1)
    sent = stage.send(task(count=3), "cut-in-two")
    history = stage.settle(sent)["cut-in-two"]
    assert history.end == launched(3)
    assert len(started(history)) == 5
    assert len(set(started(history))) == 3


def test_worker_killed_between_run_task_and_return_starts_nothing_twice(stage: Stage) -> None:
    stage.fail("killed", kill=True, after=True, times=1)
    with stage.one_batch():
        sent = [stage.send(task(), key) for key in ("killed", "beside-1", "beside-2")]
    histories = stage.settle(*sent)
    for history in histories.values():
        assert history.end == launched()
        assert len(set(started(history))) == 1
    assert len(started(histories["killed"])) == 2
    assert all(history.returned == () for history in histories.values())


@pytest.fixture(scope="module")
def hurried(stage: Stage) -> Stage:
    stage.reconfigure(timeout_seconds=TIMEOUT_SECONDS)
    stage.hide_for(TIMEOUT_SECONDS + 1)
    return stage


def test_time_that_runs_out_sends_back_what_was_not_begun_at_once(hurried: Stage) -> None:
    stage = hurried
    for number in range(4):
        stage.fail(f"slow-{number}", delay_seconds=1.2)
    with stage.one_batch():
        sent = [stage.send(task(), f"slow-{number}") for number in range(4)]
        sent += [stage.send(task(), f"waiting-{number}") for number in range(4)]
    histories = stage.settle(*sent)
    assert [history.end for history in histories.values()] == [launched()] * 8
    assert [history.answers for history in histories.values()] == [[""]] * 8
    assert [history.returned for history in histories.values()] == [()] * 4 + [
        ("not-attempted",)
    ] * 4


def test_function_timeout_in_mid_batch_starts_nothing_twice(hurried: Stage) -> None:
    """No call that hangs outlasts an invocation, so the worker itself is suspended."""
    stage = hurried
    stage.fail("under-way", delay_seconds=2.0, times=1)
    with stage.one_batch():
        sent = [stage.send(task(), key) for key in ("under-way", "done-1", "done-2")]
    for key in ("done-1", "done-2"):
        assert wait_for(stage.answered(key, times=1))
    freeze_workers(stage.emulator)
    assert wait_for(stage.answered("done-1", times=2))
    histories = stage.settle(*sent)
    assert [history.end for history in histories.values()] == [launched()] * 3
    for key in ("done-1", "done-2", "under-way"):
        assert histories[key].answers == ["", ""]
        assert len(set(started(histories[key]))) == 1


@pytest.fixture(scope="module")
def hanging(hurried: Stage) -> Mapping[str, MessageHistory]:
    """Send two batches while DescribeServices and SNS hang, and clear the faults in time."""
    stage = hurried
    stage.emulator.inject(
        InjectedFault(action="DescribeServices", delay_seconds=HANGS_SECONDS),
        InjectedFault(service="sns", action="Publish", delay_seconds=HANGS_SECONDS),
    )
    with stage.one_batch():
        sent = [stage.send(task(), "good-beside-look-ups")]
        body = task("networkConfiguration", service=SERVICE)
        sent += [stage.send(body, f"look-up-{number}") for number in (1, 2)]
    wait_for(stage.received(sent[-1], times=1))
    with stage.one_batch():
        sent += [stage.send(task(colour="red"), f"unannounced-{number}") for number in range(5)]
    cleared_at = time.monotonic() + TIMEOUT_SECONDS + 0.5
    wait_for(lambda: time.monotonic() > cleared_at)
    stage.emulator.clear_faults()
    return stage.settle(*sent)


def test_look_ups_that_hang_start_nothing_twice(hanging: Mapping[str, MessageHistory]) -> None:
    for key in ("good-beside-look-ups", "look-up-1", "look-up-2"):
        assert hanging[key].end == launched()


def test_look_ups_that_hang_do_not_bring_back_what_was_launched(
    hanging: Mapping[str, MessageHistory],
) -> None:
    assert hanging["good-beside-look-ups"].answers == [""]


def test_sns_that_hangs_leaves_one_dead_letter_of_each_message(
    hanging: Mapping[str, MessageHistory],
) -> None:
    ends = [history.end for key, history in hanging.items() if key.startswith("unannounced")]
    assert [(len(end.dead_letters), end.left) for end in ends] == [(1, 0)] * 5
