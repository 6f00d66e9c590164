"""One poller for all keys: few calls, no hidden limit, and the last look is not late."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from function.outcomes.states import State
from runtask.account import AccountSession
from runtask.follow import Follower
from runtask.project import load_project
from runtask.stage_access import StageAccess
from tests.runtask.operator_stage import REGION, OperatorStage, failed, task_arn
from tests.unit.fakes import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class _Counting:
    """Counts the calls of a client, and of each changes something first if a test wants it."""

    def __init__(self, client: Any, calls: list[str], before: Callable[[int], None]) -> None:
        self._client, self._calls, self._before = client, calls, before

    def __getattr__(self, name: str) -> Any:
        def call(**parameters: Any) -> Any:
            self._before(len(self._calls))
            self._calls.append(name)
            return getattr(self._client, name)(**parameters)

        return call


class _Access(StageAccess):
    """A stage whose calls are counted."""

    def client(self, service: str) -> Any:
        if service == "ecs":
            return _FakeEcs(self.calls)
        return _Counting(super().client(service), self.calls, self.before)

    def watch(self) -> None:
        vars(self)["calls"] = []
        vars(self)["before"] = lambda _number: None

    if TYPE_CHECKING:
        calls: list[str]
        before: Callable[[int], None]


class _FakeEcs:
    """ECS, whose every task ended with exit code 3."""

    def __init__(self, calls: list[str]) -> None:
        self._calls = calls

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert cluster == "batch"
        assert len(tasks) <= 100
        self._calls.append("describe_tasks")
        return {"tasks": [_described(arn) for arn in tasks]}


def _described(arn: str) -> dict[str, Any]:
    return {
        "taskArn": arn,
        "lastStatus": "STOPPED",
        "startedBy": f"ecs-run-task/dev/key-{int(arn[-8:], 16)}",
        "stopCode": "EssentialContainerExited",
        "startedAt": 1.0,
        "stoppedAt": 2.0,
        "containers": [
            {"name": "app", "exitCode": 3, "runtimeId": "x"},
            {"name": "log-router", "exitCode": 137, "runtimeId": "y"},
        ],
        "overrides": {"containerOverrides": [{"name": "app", "cpu": 1}, {"name": "log-router"}]},
    }


@pytest.fixture
def stage(aws: None) -> OperatorStage:  # noqa: ARG001 - AWS has to be there
    return OperatorStage()


@pytest.fixture
def access(stage: OperatorStage, folder: Path) -> _Access:  # noqa: ARG001
    account = AccountSession(
        config=load_project(folder).stage_config("dev"),
        session=boto3.Session(region_name=REGION),
        identity="arn:aws:iam::111111111111:user/me",
    )
    made = _Access(config=account.config, account=account)
    made.watch()
    return made


class _Clock(FakeClock):
    """A clock at the real time, on which only sleeping takes time."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.time() - self.now

    def time(self) -> float:
        return self._start + self.now


def test_250_keys_are_three_calls_a_look(stage: OperatorStage, access: _Access) -> None:
    keys = [f"key-{number}" for number in range(250)]
    stage.put(failed("key-1"))

    follower = Follower(access, keys, _Clock())
    changed = follower.look()

    assert [sight.key for sight in changed] == ["key-1"]
    assert access.calls == ["batch_get_item"] * 3
    assert len(follower.open) == 249


def test_following_ends_with_the_last_key(stage: OperatorStage, access: _Access) -> None:
    def before(number: int) -> None:
        if number == 3:
            stage.put(failed("key-2"))

    stage.put(failed("key-1"))
    vars(access)["before"] = before
    follower = Follower(access, ["key-1", "key-2"], _Clock())

    looks = [[sight.key for sight in changed] for changed in follower.changes()]

    assert looks == [["key-1"], [], [], ["key-2"]]


@pytest.mark.usefixtures("stage")
def test_the_wait_grows_to_fifteen_seconds_and_the_last_look_is_on_time(access: _Access) -> None:
    clock = _Clock()
    start = clock.monotonic()

    for _ in Follower(access, ["key-1"], clock).changes(until=start + 600):
        pass

    assert clock.monotonic() == start + 600
    assert clock.slept[0] == 1.0
    assert max(clock.slept) == 15.0
    assert len(access.calls) < 90


def test_a_begun_key_waits_for_its_history(stage: OperatorStage, access: _Access) -> None:
    stage.put_launch("key-1", tasks={"L": [{"S": task_arn(1)}]})
    stage.put_launch("key-2")
    follower = Follower(access, ["key-1", "key-2", "key-3"], _Clock())
    follower.look()

    found = {key: (sight.known, sight.history.state) for key, sight in follower.sights.items()}

    assert found == {
        "key-1": (True, State.LAUNCHING),
        "key-2": (True, State.QUEUED),
        "key-3": (False, State.QUEUED),
    }
    assert follower.open == ["key-1", "key-2", "key-3"]


def test_without_histories_100_tasks_are_one_call(stage: OperatorStage, access: _Access) -> None:
    for number in range(150):
        stage.put_launch(
            f"key-{number}", state={"S": "launched"}, tasks={"L": [{"S": task_arn(number)}]}
        )
    plain = _Access(config=replace(access.config, outcomes=False), account=access.account)
    plain.watch()
    follower = Follower(plain, [f"key-{number}" for number in range(150)], _Clock())

    follower.look()

    assert plain.calls.count("describe_tasks") == 2
    assert {sight.history.exit_code for sight in follower.sights.values()} == {3}
    assert {sight.history.state for sight in follower.sights.values()} == {State.FAILED}
    assert not follower.open
