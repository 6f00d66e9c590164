"""Answers, workers and time lost after a task has started: the client token holds."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

import psutil
import pytest

from rehearsal.fault_injection import InjectedFault
from rehearsal.sample_account import SERVICE
from tests.end_to_end.message_history import launched
from tests.end_to_end.stage import NETWORK, READINGS, Stage, deploy, task, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.message_history import MessageHistory, SentMessage

# The handler begins no launch with less than 10 s left: it has one second.
TIMEOUT_SECONDS: Final = 11
HANGS_SECONDS: Final = 15.0
# Long enough for the test to see the other answers meanwhile, shorter than the handler waits.
UNDER_WAY_SECONDS: Final = 4.0


# The network that a service has after its change.
OTHER_NETWORK: Final = {"awsvpcConfiguration": {"subnets": ["subnet-0a9b8c7d6e5f40312"]}}


@pytest.fixture(scope="module")
def stage(emulator: FaultyEmulator) -> Stage:
    stage = deploy(emulator)
    stage.hide_for(3)  # after a crash a message comes back in seconds, not minutes
    for reading in READINGS:
        stage.add_cluster(f"pool-{reading}", READINGS[reading])
    return stage


@pytest.fixture(scope="module", autouse=True)
def lost(stage: Stage) -> Mapping[str, SentMessage]:
    """Send messages whose answer is lost, of two tasks and a failure.

    Another delivery could still be at work, so the next attempt takes half a minute. The other
    tests of this file run meanwhile.
    """
    sent = {}
    for reading in READINGS:
        stage.fail(
            f"lost-{reading}", reason="RESOURCE:CPU", tasks=2, drop=True, after=True, times=1
        )
        body = task(cluster=stage.add_cluster(f"pool-lost-{reading}", READINGS[reading]), count=3)
        sent[reading] = stage.send(body, f"lost-{reading}")
    wait_for(lambda: all(stage.answered(one.key, times=1)() for one in sent.values()))
    return sent


def freeze_workers(emulator: FaultyEmulator) -> None:
    """Suspend the processes of the function; the emulator kills them at the timeout."""
    for process in psutil.Process(emulator.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # a task that has just ended
            if "ministack-lambda" in " ".join(process.cmdline()):
                process.suspend()


def started(history: MessageHistory) -> list[str]:
    """Return the tasks in the answers of RunTask, delivery by delivery."""
    return [task for call in history.calls for task in call.tasks]


def test_socket_closed_after_the_task_started_starts_no_second_one(
    stage: Stage, reading: str
) -> None:
    key = f"cut-off-{reading}"
    stage.fail(key, drop=True, after=True, times=1)
    sent = stage.send(task(cluster=f"pool-{reading}"), key)
    history = stage.settle(sent)[key]
    assert history.end == launched()
    assert [call.status for call in history.calls] == [0, 200]
    assert len(started(history)) == 2
    assert len(set(started(history))) == 1
    assert history.returned == ("network",)


def test_socket_closed_after_all_of_a_count_started_starts_each_once(
    stage: Stage, reading: str
) -> None:
    key = f"cut-in-three-{reading}"
    stage.fail(key, drop=True, after=True, times=1)
    sent = stage.send(task(cluster=f"pool-{reading}", count=3), key)
    history = stage.settle(sent)[key]
    assert history.end == launched(3)
    assert [len(call.tasks) for call in history.calls] == [3, 3]
    assert len(set(started(history))) == 3


def test_worker_killed_between_run_task_and_return_starts_nothing_twice(
    stage: Stage, reading: str
) -> None:
    keys = [f"{name}-{reading}" for name in ("killed", "beside-1", "beside-2")]
    stage.fail(keys[0], kill=True, after=True, times=1)
    with stage.one_batch():
        sent = [stage.send(task(cluster=f"pool-{reading}"), key) for key in keys]
    histories = stage.settle(*sent)
    for history in histories.values():
        assert history.end == launched()
        assert len(set(started(history))) == 1
    assert len(started(histories[keys[0]])) == 2
    assert all(history.returned == () for history in histories.values())


def test_network_of_the_service_changed_after_a_crash_starts_nothing_twice(
    stage: Stage, reading: str
) -> None:
    """The next delivery completes the request with another network: a conflict at ECS."""
    key, ecs = f"moved-{reading}", stage.client("ecs")
    service = {"cluster": f"pool-{reading}", "service": "monthly"}
    ecs.create_service(
        cluster=service["cluster"],
        serviceName=service["service"],
        taskDefinition="report",
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )
    stage.fail(key, kill=True, after=True, times=1)
    sent = stage.send(task("networkConfiguration", **service), key)
    assert wait_for(stage.answered(key, times=1))
    ecs.update_service(**service, networkConfiguration=OTHER_NETWORK)
    history = stage.settle(sent)[key]
    assert history.end == launched()
    assert history.answers == ["", "ConflictException"]
    assert history.returned == ()


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
    # On a busy machine the second may be over before the slow ones begin, or once more afterwards.
    for key, history in histories.items():
        assert set(history.returned) <= {"not-attempted"}
        assert history.returned or key.startswith("slow")


def test_function_timeout_in_mid_batch_starts_nothing_twice(hurried: Stage) -> None:
    """No call that hangs outlasts an invocation, so the worker itself is suspended."""
    stage = hurried
    stage.fail("under-way", delay_seconds=UNDER_WAY_SECONDS, times=1)
    with stage.one_batch():
        sent = [stage.send(task(), key) for key in ("under-way", "done-1", "done-2")]
    for key in ("done-1", "done-2"):
        assert wait_for(stage.answered(key, times=1))
    freeze_workers(stage.emulator)
    assert wait_for(stage.answered("done-1", times=2))
    histories = stage.settle(*sent)
    assert [history.end for history in histories.values()] == [launched()] * 3
    for key in ("done-1", "done-2"):
        assert histories[key].answers == ["", ""]
    for history in histories.values():
        assert len(set(started(history))) == 1


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


def test_lost_answer_of_a_part_of_a_count_starts_each_task_once(
    stage: Stage, lost: Mapping[str, SentMessage], reading: str
) -> None:
    history = stage.settle(lost[reading])[f"lost-{reading}"]
    assert history.end == launched(3)
    assert len(set(started(history))) == 3
