"""The ECS stand-in: the lifecycle of tasks, and what RunTask refuses. No evidence about AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.ecs_calls import (
    ACCOUNT,
    CLUSTER,
    REGION,
    drain,
    queue_of_rule,
    refused,
    register,
    run,
    started,
    wait,
)

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator


class TestLifecycle:
    def test_command_runs_for_real_and_reports_its_exit_code(
        self, emulator: Emulator, ecs: Any
    ) -> None:
        task = wait(ecs, started(ecs))

        assert [c["exitCode"] for c in task["containers"]] == [7]
        assert task["stopCode"] == "EssentialContainerExited"
        assert task["stoppedReason"] == "Essential container in task exited"
        assert task["createdAt"] <= task["startedAt"] <= task["stoppedAt"]
        assert emulator.output(task["taskArn"], "app").startswith("hello\n")

    def test_override_replaces_command_and_environment(self, emulator: Emulator, ecs: Any) -> None:
        override = {
            "name": "app",
            "command": ["sh", "-c", "echo $GREETING $GATEWAY_PORT"],
            "environment": [{"name": "GREETING", "value": "grüß"}],
        }
        task = wait(ecs, started(ecs, overrides={"containerOverrides": [override]}))

        assert task["containers"][0]["exitCode"] == 0
        assert emulator.output(task["taskArn"], "app") == "grüß\n"

    def test_stop_ends_the_process(self, ecs: Any) -> None:
        arn = started(ecs, "sleeper")
        wait(ecs, arn, "RUNNING")

        ecs.stop_task(cluster="jobs", task=arn, reason="enough")
        task = wait(ecs, arn)

        assert task["containers"][0]["exitCode"] == 143
        assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")

    def test_missing_program_is_a_task_that_failed_to_start(self, ecs: Any) -> None:
        register(ecs, "missing", ["no-such-program"])

        task = wait(ecs, started(ecs, "missing"))

        assert task["stopCode"] == "TaskFailedToStart"
        assert task["stoppedReason"].startswith("CannotStartContainerError")

    def test_essential_container_ends_the_others(self, ecs: Any) -> None:
        sidecar = {"name": "log", "image": "i", "command": ["sleep", "600"], "essential": False}
        register(ecs, "pair", ["true"], sidecars=[sidecar])

        task = wait(ecs, started(ecs, "pair"))

        assert {c["name"]: c["exitCode"] for c in task["containers"]} == {"app": 0, "log": 143}

    def test_image_without_command_exits_at_once(self, emulator: Emulator, ecs: Any) -> None:
        register(ecs, "empty", [])

        task = wait(ecs, started(ecs, "empty"))

        assert task["containers"][0]["exitCode"] == 0
        assert "busybox is not run here" in emulator.output(task["taskArn"], "app")

    def test_each_step_raises_the_state_change_event(self, emulator: Emulator, ecs: Any) -> None:
        sqs = emulator.client("sqs", ACCOUNT, REGION)
        url = queue_of_rule(emulator, "stopped", {"startedBy": [{"prefix": "ecs-run-task/"}]})

        arn = started(ecs, startedBy="ecs-run-task/dev/key", group="family:own")
        wait(ecs, arn)
        details = [event["detail"] for event in drain(sqs, url)]

        assert [d["lastStatus"] for d in sorted(details, key=lambda d: d["version"])] == [
            "PROVISIONING",
            "PENDING",
            "RUNNING",
            "RUNNING",
            "DEPROVISIONING",
            "STOPPED",
        ]
        last = max(details, key=lambda d: d["version"])
        assert last["containers"][0]["exitCode"] == 7
        assert last["clusterArn"] == CLUSTER
        assert last["taskArn"] == arn
        assert last["startedBy"] == "ecs-run-task/dev/key"
        assert last["stoppedAt"].endswith("Z")
        assert len({d["version"] for d in details}) == len(details)


class TestRefusals:
    def test_same_token_is_the_same_task(self, ecs: Any) -> None:
        assert started(ecs, clientToken="same") == started(ecs, clientToken="same")

    def test_same_token_with_other_parameters_is_a_conflict(self, ecs: Any) -> None:
        started(ecs, clientToken="other")

        with refused("ConflictException"):
            run(ecs, clientToken="other", startedBy="somebody")

    @pytest.mark.parametrize(
        ("more", "code", "text"),
        [
            ({"cluster": "nowhere"}, "ClusterNotFoundException", "Cluster not found"),
            ({"taskDefinition": "nothing"}, "ClientException", "TaskDefinition not found"),
            ({"taskDefinition": "report:99"}, "ClientException", "TaskDefinition not found"),
            ({"count": 11}, "InvalidParameterException", "between 1 and 10"),
            ({"startedBy": "a:b"}, "InvalidParameterException", "startedBy"),
            ({"startedBy": "a" * 129}, "InvalidParameterException", "startedBy"),
            ({"networkConfiguration": {}}, "InvalidParameterException", "must be provided"),
            (
                {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"] * 17}}},
                "InvalidParameterException",
                "at most 16",
            ),
            (
                {"overrides": {"containerOverrides": [{"name": "nobody"}]}},
                "InvalidParameterException",
                "container named nobody is not a container in the TaskDefinition",
            ),
            (
                {"overrides": {"containerOverrides": [{"name": "app", "command": ["x" * 8192]}]}},
                "InvalidParameterException",
                "at most 8192",
            ),
            (
                {"capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
                "InvalidParameterException",
                "both a launch type and capacity provider",
            ),
        ],
    )
    def test_refuses(self, ecs: Any, more: dict[str, Any], code: str, text: str) -> None:
        with refused(code, text):
            run(ecs, **more)

    def test_inactive_revision_is_refused_and_the_family_falls_back(self, ecs: Any) -> None:
        register(ecs, "old", ["true"])
        register(ecs, "old", ["false"])
        ecs.deregister_task_definition(taskDefinition="old:2")

        with refused("ClientException", "inactive"):
            run(ecs, "old:2")
        assert run(ecs, "old")["tasks"][0]["taskDefinitionArn"].endswith("/old:1")
