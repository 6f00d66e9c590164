"""How tasks end at the ECS stand-in, besides by themselves. No evidence about AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.emulator import Conditions, TaskFailure, TaskScript, scripts
from rehearsal.fault_injection import InjectedFault
from tests.end_to_end.ecs_calls import (
    NETWORK,
    drain,
    queue_of_rule,
    refused,
    run,
    started,
    wait,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.fault_injection import FaultyEmulator

SIDECAR = "aws-guardduty-agent-x1"


@pytest.fixture(autouse=True)
def well_behaved(emulator: FaultyEmulator) -> Iterator[None]:
    yield
    emulator.set_conditions(Conditions())


class TestScripts:
    @pytest.mark.parametrize(
        "name",
        [
            "NETWORK_INTERFACE_TIMEOUT",
            "IMAGE_PULL_TIMEOUT",
            "IMAGE_NOT_FOUND",
            "SECRET_NOT_FOUND",
            "SPOT_BEFORE_START",
            "NO_CAPACITY",
        ],
    )
    def test_no_container_runs(self, emulator: FaultyEmulator, ecs: Any, name: str) -> None:
        failure: TaskFailure = getattr(scripts, name)
        emulator.set_script(name, TaskScript(failure=failure))

        task = wait(ecs, started(ecs, startedBy=name))

        assert (task["stopCode"], task["stoppedReason"]) == (failure.stop_code, failure.reason)
        assert "startedAt" not in task
        (container,) = task["containers"]
        assert {"runtimeId", "exitCode"}.isdisjoint(container)
        assert container.get("reason", "") == failure.container_reason

    def test_only_the_first_tasks_fail(self, emulator: FaultyEmulator, ecs: Any) -> None:
        script = TaskScript(failure=scripts.NETWORK_INTERFACE_TIMEOUT, times=2)
        emulator.set_script("twice", script)

        ends = [wait(ecs, started(ecs, startedBy="twice"))["stopCode"] for _ in range(3)]

        assert ends == ["TaskFailedToStart", "TaskFailedToStart", "EssentialContainerExited"]

    def test_spot_warns_before_it_stops_a_running_task(
        self, emulator: FaultyEmulator, ecs: Any
    ) -> None:
        url = queue_of_rule(emulator, "spot", {"startedBy": ["spot"]})
        emulator.set_script("spot", TaskScript(failure=scripts.SPOT_AFTER_START))

        task = wait(ecs, started(ecs, "sleeper", startedBy="spot"))
        events = drain(emulator.client("sqs", "111111111111", "eu-central-1"), url)

        assert task["containers"][0]["exitCode"] == 143
        assert task["containers"][0]["runtimeId"]
        states = [
            tuple(event["detail"].get(name) for name in ("lastStatus", "desiredStatus", "stopCode"))
            for event in sorted(events, key=lambda event: event["detail"]["version"])
        ]
        assert ("RUNNING", "STOPPED", "SpotInterruption") in states
        assert states[-1] == ("STOPPED", "STOPPED", "SpotInterruption")

    def test_injected_container_is_in_no_definition_and_does_not_end_the_task(
        self, emulator: FaultyEmulator, ecs: Any
    ) -> None:
        emulator.set_script("injected", TaskScript(injected=(SIDECAR,)))

        task = wait(ecs, started(ecs, startedBy="injected"))

        assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"app": 7, SIDECAR: 137}
        definition = ecs.describe_task_definition(taskDefinition="report")["taskDefinition"]
        assert SIDECAR not in [c["name"] for c in definition["containerDefinitions"]]


class TestCapacity:
    def test_one_provider_has_none_and_the_other_has(
        self, emulator: FaultyEmulator, ecs: Any
    ) -> None:
        reason = scripts.NO_CAPACITY.reason
        emulator.inject(InjectedFault(match='"mine"', also="FARGATE_SPOT", reason=reason))

        def answer(provider: str) -> Any:
            return ecs.run_task(
                cluster="jobs",
                taskDefinition="report",
                startedBy="mine",
                networkConfiguration=NETWORK,
                capacityProviderStrategy=[{"capacityProvider": provider}],
            )

        spot, on_demand = answer("FARGATE_SPOT"), answer("FARGATE")

        assert [one["reason"] for one in spot["failures"]] == [reason]
        assert spot["tasks"] == []
        assert on_demand["tasks"][0]["capacityProviderName"] == "FARGATE"


class TestStopTask:
    def test_tags_are_gone(self, ecs: Any) -> None:
        arn = started(ecs, "sleeper", tags=[{"key": "team", "value": "a"}])
        wait(ecs, arn, "RUNNING")

        ecs.stop_task(cluster="jobs", task=arn)
        wait(ecs, arn)

        (task,) = ecs.describe_tasks(cluster="jobs", tasks=[arn], include=["TAGS"])["tasks"]
        assert task["tags"] == []
        assert task["stopCode"] == "UserInitiated"

    def test_stopped_task_stays_as_it_is(self, ecs: Any) -> None:
        arn = started(ecs)
        before = wait(ecs, arn)

        ecs.stop_task(cluster="jobs", task=arn, reason="too late")

        assert wait(ecs, arn) == before


class TestDescribeTasks:
    def test_stopped_task_shows_its_overrides(self, ecs: Any) -> None:
        override = {"name": "app", "environment": [{"name": "A", "value": "b"}]}
        overrides = {"containerOverrides": [override], "cpu": "512"}

        task = wait(ecs, started(ecs, overrides=overrides))

        shown = task["overrides"]
        assert shown["containerOverrides"] == [override]
        assert shown["cpu"] == "512"
        again = {name: value for name, value in shown.items() if value}
        assert run(ecs, overrides=again)["tasks"]

    def test_forgotten_task_is_missing_and_its_token_still_counts(
        self, emulator: FaultyEmulator, ecs: Any
    ) -> None:
        arn = started(ecs, clientToken="forgotten", startedBy="gone")
        wait(ecs, arn)
        emulator.set_conditions(Conditions(described_seconds=0))

        answer = ecs.describe_tasks(cluster="jobs", tasks=[arn])

        assert answer["tasks"] == []
        assert answer["failures"] == [{"arn": arn, "reason": "MISSING"}]
        for status in ("RUNNING", "STOPPED"):
            listed = ecs.list_tasks(cluster="jobs", startedBy="gone", desiredStatus=status)
            assert listed["taskArns"] == []
        assert started(ecs, clientToken="forgotten", startedBy="gone") == arn

    def test_at_most_100(self, ecs: Any) -> None:
        with refused("InvalidParameterException", "100"):
            ecs.describe_tasks(cluster="jobs", tasks=[f"{number:032}" for number in range(101)])

    def test_list_shows_each_desired_status(self, ecs: Any) -> None:
        running = started(ecs, "sleeper", startedBy="both")
        stopped = started(ecs, startedBy="both")
        wait(ecs, stopped)

        lists = {
            status: ecs.list_tasks(cluster="jobs", startedBy="both", desiredStatus=status)
            for status in ("RUNNING", "STOPPED")
        }

        assert lists["RUNNING"]["taskArns"] == [running]
        assert lists["STOPPED"]["taskArns"] == [stopped]
        ecs.stop_task(cluster="jobs", task=running)

    def test_task_can_go_on_to_deleted(self, emulator: FaultyEmulator, ecs: Any) -> None:
        emulator.set_conditions(Conditions(deleted=True))

        task = wait(ecs, started(ecs), "DELETED")

        assert task["stopCode"] == "EssentialContainerExited"
