"""Restarts: what the stage has decided is started again, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.fakes import MESSAGE, client_error, message
from tests.unit.outcomes_rig import OutcomesRig

ENVIRONMENT = [{"name": "A", "value": "canary-value"}]
OVERRIDES = {"containerOverrides": [{"name": "main", "environment": ENVIRONMENT}]}
KEY = {"key": "job"}


class World(OutcomesRig):
    """A stage whose events arrive."""

    def launch(self, **changes: Any) -> None:
        """Launch a message, and let its report arrive."""
        self.run(message(**{"overrides": OVERRIDES, **changes}), attributes=KEY)
        self.report()

    def report(self) -> None:
        """Let the reports arrive."""
        bodies = [json.dumps(report) for report in self.sqs.reports]
        self.sqs.reports.clear()
        self.feed(*bodies)

    @property
    def arns(self) -> list[str]:
        """The tasks that were started."""
        return [arn for arns in self.ecs.tasks.values() for arn in arns]

    def fail_to_start(self, arn: str, **changes: Any) -> None:
        """Let a task stop before a container ran."""
        described = {
            **self.never_started(1),
            "taskArn": arn,
            "overrides": {
                **OVERRIDES,
                "inferenceAcceleratorOverrides": [],
            },
            **changes,
        }
        described["overrides"]["containerOverrides"] = [
            *described["overrides"]["containerOverrides"],
            {"name": "aws-guardduty-agent-x"},
        ]
        self.ecs.described[arn] = described
        self.ecs.stopped.add(arn)
        event = {name: value for name, value in described.items() if name != "overrides"}
        self.feed(event)

    def restart(self, number: int = 0, **changes: Any) -> list[str]:
        """Deliver a restart that was sent, when its time has come."""
        body = {**self.restarts[number], **changes.pop("body", {})}
        text = json.dumps({"restart": body})
        return self.run(text, number=9, attributes=KEY, **changes)


@pytest.fixture
def rig() -> World:
    rig = World()
    rig.launch()
    rig.fail_to_start(rig.arns[0])
    rig.clock.now += 60
    return rig


def test_a_task_that_never_started_is_started_again(rig: World) -> None:
    assert rig.restart() == []

    assert len(rig.arns) == 2
    first, second = rig.ecs.calls
    assert second["overrides"] == first["overrides"]
    assert {**first, "clientToken": ""} == {**second, "clientToken": ""}
    assert [call["clientToken"][-2:] for call in rig.ecs.calls] == ["-0", "-1"]
    rig.report()
    assert rig.history().replaced == (rig.arns[0],)
    assert {run.arn for run in rig.history().runs} == set(rig.arns)


def test_a_restart_that_comes_too_early_waits(rig: World) -> None:
    not_before = rig.clock.time() + 40

    assert rig.restart(body={"notBefore": not_before}) == ["message-9"]
    assert rig.sqs.visibility["receipt-9"] == 40
    assert len(rig.arns) == 1
    assert rig.sns.published == []


@pytest.mark.parametrize(
    "change",
    [
        {"key": "other"},
        {"generation": 2},
        {"generation": 0},
        {"task": "arn:aws:ecs:eu-central-1:111111111111:task/batch/forged"},
        {"generation": "many"},
    ],
)
def test_a_forged_restart_starts_nothing(rig: World, change: dict[str, Any]) -> None:
    rig.restart(body=change)

    assert len(rig.arns) == 1
    assert [letter["reason"] for letter in rig.dead_letters if "reason" in letter] == [
        "bad-restart"
    ]
    assert rig.sqs.reports == []


def test_a_restart_of_a_key_without_a_history_starts_nothing() -> None:
    rig = World()
    body = {"restart": {"key": "job", "generation": 1, "task": "arn", "notBefore": 0}}
    rig.run(json.dumps(body), attributes=KEY)

    assert rig.ecs.calls == []
    assert rig.dead_letters[0]["reason"] == "bad-restart"


def test_a_restart_excludes_the_replaced_task(rig: World) -> None:
    """ECS still lists it as stopped, and the ledger knew it."""
    assert rig.restart() == []

    item = rig.item("job")
    assert item is not None
    assert [arn["S"] for arn in item["replaced"]] == rig.arns[:1]
    assert [arn["S"] for arn in item["tasks"]] == rig.arns[1:]
    assert (item["state"], item["generation"]) == ("launched", "1")


def test_a_restart_that_is_delivered_twice_starts_one_task(rig: World) -> None:
    rig.restart()
    item = rig.item("job")
    rig.clock.now += 60
    rig.restart(receives=2)

    assert len(rig.arns) == 2
    again = rig.item("job")
    assert item is not None
    assert again is not None
    assert {**again, "expires": ""} == {**item, "expires": ""}


def test_a_restart_that_was_made_is_reported_again_although_ecs_forgot_the_old_task(
    rig: World,
) -> None:
    """Otherwise the key would end while its task runs, and give back its place."""
    rig.restart()
    rig.sqs.reports.clear()
    del rig.ecs.described[rig.arns[0]]
    rig.clock.now += 4000

    assert rig.restart(receives=2) == []
    assert [report["report"] for report in rig.sqs.reports] == ["launched"]
    assert rig.sqs.reports[0]["tasks"] == rig.arns[1:]
    assert len(rig.arns) == 2


def test_a_restart_whose_answer_was_lost_starts_one_task(rig: World) -> None:
    rig.ecs.script = [client_error("ServerException", "lost", status=500)]
    rig.ecs.lost_responses = 1
    assert rig.restart() == ["message-9"]
    rig.clock.now += 60

    assert rig.restart(receives=2) == []
    assert len(rig.arns) == 2


def test_the_first_message_delivered_again_starts_nothing(rig: World) -> None:
    rig.restart()
    body = message(overrides=OVERRIDES)

    assert rig.run(body, attributes=KEY, receives=2, received=60) == []
    assert len(rig.arns) == 2


def test_a_message_without_a_key_is_started_again() -> None:
    """Its item has only a history: a good first delivery writes nothing."""
    rig = World()
    rig.run(message(overrides=OVERRIDES))
    assert rig.wire.calls == []
    rig.report()
    rig.fail_to_start(rig.arns[0], startedBy="ecs-run-task/dev/message-0")
    rig.clock.now += 60

    text = json.dumps({"restart": rig.restarts[0]})
    assert rig.run(text, number=9, attributes={"key": "message-0"}) == []
    assert [call["clientToken"][-2:] for call in rig.ecs.calls] == ["-0", "-1"]
    item = rig.item("message-0")
    assert item is not None
    assert item["state"] == "launched"
    assert "history" in item


def test_of_several_tasks_only_the_missing_one_is_started_again() -> None:
    rig = World()
    rig.launch(count=3)
    rig.fail_to_start(rig.arns[1])
    rig.clock.now += 60

    assert rig.restart() == []
    assert [call["count"] for call in rig.ecs.calls] == [3, 1]
    assert len(rig.arns) == 4


def test_a_task_that_ecs_does_not_describe_any_more_ends_the_key(rig: World) -> None:
    rig.ecs.described.clear()

    assert rig.restart() == []
    (report,) = rig.sqs.reports
    assert report == {
        "report": "restart-failed",
        "key": "job",
        "generation": 1,
        "reason": "bad-restart",
    }
    assert len(rig.arns) == 1
    assert not any("reason" in letter for letter in rig.dead_letters)
    rig.report()
    assert rig.history().state == "never-started"


def test_a_request_that_is_not_allowed_any_more_ends_the_key(rig: World) -> None:
    rig.ecs.described[rig.arns[0]]["overrides"]["cpu"] = "8192"
    rig.restart()

    assert [report["reason"] for report in rig.sqs.reports] == ["not-allowed"]
    assert len(rig.arns) == 1


def test_a_restart_that_waits_for_ecs_returns_to_the_queue(rig: World) -> None:
    rig.ecs.describe_error = client_error("ThrottlingException", "Rate exceeded", "DescribeTasks")

    assert rig.restart() == ["message-9"]


def test_an_error_quotes_no_value_of_the_old_task(rig: World) -> None:
    rig.ecs.script = [client_error("InvalidParameterException", "bad: canary-value")]
    rig.restart()

    assert [report["report"] for report in rig.sqs.reports] == ["restart-failed"]
    assert "canary-value" not in rig.log_text.getvalue()
    assert "canary-value" not in json.dumps(rig.table.items)


def test_the_network_comes_from_the_service_again() -> None:
    rig = World()
    rig.ecs.services = {
        "web": {
            "launchType": "FARGATE",
            "networkConfiguration": {
                "awsvpcConfiguration": {"subnets": ["subnet-9"], "securityGroups": ["sg-9"]}
            },
        }
    }
    content = {name: MESSAGE[name] for name in ("cluster", "taskDefinition")}
    body = json.dumps({"ECS": {**content, "service": "web", "overrides": OVERRIDES}})
    rig.run(body, attributes=KEY)
    rig.report()
    rig.fail_to_start(rig.arns[0])
    rig.clock.now += 60

    assert rig.restart() == []
    first, second = rig.ecs.calls
    assert first["networkConfiguration"] == second["networkConfiguration"]


def test_a_restart_keeps_the_place_of_its_group() -> None:
    rig = World()
    rig.launch(limits={"concurrency": 1})
    rig.run(message(limits={"concurrency": 1}), number=2)
    rig.fail_to_start(rig.arns[0])
    rig.clock.now += 60

    assert rig.restart() == []
    assert len(rig.arns) == 2
    assert rig.sqs.woken == []


def test_without_capacity_the_next_provider_is_tried() -> None:
    rig = World()
    content = {**MESSAGE, "limits": {"capacity": ["FARGATE_SPOT", "FARGATE"]}}
    del content["launchType"]
    rig.run(json.dumps({"ECS": content}), attributes=KEY)
    rig.report()
    text = "Capacity is unavailable at this time."
    rig.fail_to_start(rig.arns[0], stoppedReason=text)
    rig.clock.now += 60

    assert rig.restart() == []
    providers = [call["capacityProviderStrategy"][0]["capacityProvider"] for call in rig.ecs.calls]
    assert providers == ["FARGATE_SPOT", "FARGATE"]


def test_a_launch_after_its_event_adopts_the_item() -> None:
    """The event of a task can be faster than the answer of RunTask."""
    rig = World()
    rig.ecs.script = [client_error("ServerException", "lost", status=500)]
    rig.ecs.lost_responses = 1
    rig.run(message(), number=1)
    arn = rig.arns[0]
    rig.table.items.clear()  # as if the first delivery had ended before it wrote
    rig.feed({**rig.task(1, "RUNNING", key="message-1"), "taskArn": arn})
    rig.clock.now += 60

    assert rig.run(message(), number=1, receives=2, received=60) == []
    assert rig.arns == [arn]
    item = rig.item("message-1")
    assert item is not None
    assert {"history", "request", "attempt"} <= item.keys()
