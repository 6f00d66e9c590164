"""The model of RunTask does what AWS's documents say, in each reading of them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator import READINGS, Reading
from tests.model.clock import Clock, Kernel
from tests.model.ecs import GHOST_LISTED_AFTER_SECONDS, Ecs
from tests.model.ecs_client import EcsClient
from tests.model.wire import Fault, Wire

HOUR = 3600.0
CALL: dict[str, Any] = {
    "cluster": "batch",
    "taskDefinition": "report:7",
    "launchType": "FARGATE",
    "count": 3,
    "startedBy": "ecs-run-task/dev/job",
    "clientToken": "job-0",
}


class Rig:
    def __init__(self, reading: Reading) -> None:
        self.kernel = Kernel()
        draw = random.Random(0)  # noqa: S311 - a simulation
        self.ecs = Ecs(kernel=self.kernel, draw=draw, reading=reading, lives=(60.0,))
        self.wire = Wire(Clock(self.kernel), draw)
        self.client = EcsClient(wire=self.wire, ecs=self.ecs)
        self.pool = self.ecs.pool("batch/FARGATE")

    def run(self, **changes: Any) -> tuple[int, int]:
        answer = self.client.run_task(**{**CALL, **changes})
        return len(answer["tasks"]), len(answer["failures"])

    def refused(self, **changes: Any) -> Any:
        with pytest.raises(ClientError) as found:
            self.run(**changes)
        return found.value.response

    def listed(self, status: str) -> int:
        found, more = 0, {"nextToken": "0"}
        while more:
            page = self.client.list_tasks(
                cluster="batch", startedBy=CALL["startedBy"], desiredStatus=status, **more
            )
            found += len(page["taskArns"])
            more = {"nextToken": page["nextToken"]} if "nextToken" in page else {}
        return found


@pytest.fixture(params=READINGS, ids=str)
def rig(request: Any) -> Rig:
    return Rig(request.param)


def test_a_token_starts_its_tasks_once_until_an_hour_after_they_ended(rig: Rig) -> None:
    assert rig.run() == rig.run() == (3, 0)
    rig.kernel.sleep(60 + 0.9 * HOUR)
    assert rig.run() == (3, 0)
    assert len(rig.ecs.tasks) == 3
    rig.kernel.sleep(0.2 * HOUR)
    assert rig.run() == (3, 0)
    assert len(rig.ecs.tasks) == 6


def test_a_token_lives_for_a_day_however_long_its_tasks_do(rig: Rig) -> None:
    rig.ecs.lives = (100 * HOUR,)
    rig.run()
    rig.kernel.sleep(23.9 * HOUR)
    rig.run()
    assert len(rig.ecs.tasks) == 3
    rig.kernel.sleep(0.2 * HOUR)
    rig.run()
    assert len(rig.ecs.tasks) == 6


def test_a_token_belongs_to_a_cluster(rig: Rig) -> None:
    rig.ecs.clusters.add("other")
    rig.run()
    assert rig.run(cluster="other") == (3, 0)
    assert len(rig.ecs.tasks) == 6
    arn = "arn:aws:ecs:eu-central-1:111111111111:cluster/batch"
    assert rig.refused(cluster=arn)["Error"]["Code"] == "ConflictException"


def test_a_token_that_started_nothing_is_remembered_or_not(rig: Rig) -> None:
    rig.pool.room = 0
    assert rig.run() == (0, 3)
    rig.pool.room = None
    remembered = rig.ecs.reading.failures_remembered
    assert rig.run() == ((0, 3) if remembered else (3, 0))


def test_failures_older_than_an_hour_are_only_a_number(rig: Rig) -> None:
    rig.pool.room = 0
    rig.run()
    rig.kernel.sleep(1.1 * HOUR)
    answer = rig.client.run_task(**CALL)
    if rig.ecs.reading.failures_remembered:
        assert answer["failures"] == [{}, {}, {}]


def test_a_partial_answer_is_completed_by_a_replay_or_not(rig: Rig) -> None:
    rig.pool.room = 1
    assert rig.run() == (1, 2)
    rig.pool.room = None
    completed = rig.ecs.reading.partial_completed
    assert rig.run() == ((3, 0) if completed else (1, 2))
    assert len(rig.ecs.tasks) == (3 if completed else 1)


@pytest.mark.parametrize("changes", [{"count": 2}, {"startedBy": "other"}, {"tags": []}])
def test_other_parameters_are_a_conflict(rig: Rig, changes: dict[str, Any]) -> None:
    rig.run()
    response = rig.refused(**changes)
    assert response["Error"]["Code"] == "ConflictException"
    arns = [task.arn for task in rig.ecs.tasks]
    assert response["resourceIds"] == (arns if rig.ecs.reading.conflict_names_tasks else [])


def test_a_refusal_with_an_error_is_not_remembered(rig: Rig) -> None:
    rig.pool.room, rig.pool.error = 0, True
    assert rig.refused()["Error"]["Code"] == "ClientException"
    rig.pool.room = None
    assert rig.run(count=2) == (2, 0)


def test_a_throttled_replay_forgets_nothing(rig: Rig) -> None:
    rig.pool.room = 1
    rig.run()
    rig.ecs.throttled = True
    assert rig.refused()["Error"]["Code"] == "ThrottlingException"
    rig.ecs.throttled = False
    rig.pool.room = 0
    assert rig.run() == (1, 2)


def test_a_task_may_start_although_a_failure_was_answered(rig: Rig) -> None:
    rig.pool.room, rig.ecs.ghosts = 0, 1
    assert rig.run() == (0, 3)
    assert rig.listed("RUNNING") == 0
    rig.kernel.sleep(GHOST_LISTED_AFTER_SECONDS)
    assert rig.listed("RUNNING") == 1
    rig.pool.room = None
    rig.run()
    assert len(rig.ecs.tasks) == (1 if rig.ecs.reading.failures_remembered else 3)


def test_list_tasks_shows_running_and_for_an_hour_stopped_tasks_page_by_page(rig: Rig) -> None:
    rig.run(count=7)
    assert rig.listed("RUNNING") == 0
    rig.kernel.sleep(1)
    assert (rig.listed("RUNNING"), rig.listed("STOPPED")) == (7, 0)
    rig.kernel.sleep(60)
    assert (rig.listed("RUNNING"), rig.listed("STOPPED")) == (0, 7)
    rig.kernel.sleep(HOUR)
    assert (rig.listed("RUNNING"), rig.listed("STOPPED")) == (0, 0)


def test_describe_tasks_tells_who_started_them(rig: Rig) -> None:
    rig.run(count=1)
    rig.kernel.sleep(1)
    answer = rig.client.describe_tasks(cluster="batch", tasks=[rig.ecs.tasks[0].arn, "arn:none"])
    assert answer["tasks"][0]["startedBy"] == CALL["startedBy"]
    assert answer["failures"] == [{"arn": "arn:none", "reason": "MISSING"}]


def test_calls_and_fargate_launches_have_buckets_of_their_own(rig: Rig) -> None:
    rig.ecs.launch_buckets["FARGATE"].rate = rig.ecs.fargate_call_bucket.rate = 0
    assert sum(rig.run(count=10, clientToken=f"job-{number}")[0] for number in range(10)) == 100
    assert rig.refused(count=10, clientToken="more")["Error"]["Code"] == "ThrottlingException"
    # A replay launches nothing, and is a call nevertheless.
    assert [rig.run(count=10, clientToken="job-0") for _ in range(9)] == [(10, 0)] * 9
    assert rig.refused(count=10, clientToken="job-0")["Error"]["Code"] == "ThrottlingException"


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.ERROR_AFTER])
def test_an_answer_may_be_lost_after_the_launch(rig: Rig, fault: Fault) -> None:
    rig.wire.expect({"RunTask": fault})
    with pytest.raises(Exception, match=r"timeout|ServerException"):
        rig.run()
    assert len(rig.ecs.tasks) == 3
    assert rig.run() == (3, 0)
    assert len(rig.ecs.tasks) == 3
