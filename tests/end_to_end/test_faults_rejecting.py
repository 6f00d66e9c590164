"""Messages that can never succeed: in the DLQ after the first delivery, with the reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from function.limits import MAX_MESSAGE_BYTES
from tests.end_to_end.message_history import rejected
from tests.end_to_end.stage import Stage, deploy, task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.message_history import MessageHistory

CANARY: Final = "canary-4711"

BODIES: Final = {
    "malformed": '{"ECS": {"cluster": "batch", "taskDefinition": ',
    "no-object": '["batch", "report"]',
    "deep": task(
        overrides={
            "containerOverrides": [
                {"name": "report", "environment": [{"name": "MONTH", "value": 10}]}
            ]
        }
    ),
    "unknown": task(taskDefintion="report"),
    "long-overrides": task(
        overrides={"containerOverrides": [{"name": "report", "command": [CANARY * 800]}]}
    ),
    "subnets": task(
        networkConfiguration={
            "awsvpcConfiguration": {"subnets": [f"subnet-{number:08x}" for number in range(17)]}
        }
    ),
    "no-network": task("networkConfiguration"),
    "no-service": task("networkConfiguration", service="monthly"),
    "two-containers": task(
        taskDefinition="report-twice", overrides={"containerOverrides": [{"command": ["true"]}]}
    ),
    "refused": task(),
    "no-definition": task(taskDefinition="report:999"),
}


@pytest.fixture(scope="module")
def stage(emulator: FaultyEmulator) -> Stage:
    return deploy(emulator)


@pytest.fixture(scope="module")
def histories(stage: Stage) -> Mapping[str, MessageHistory]:
    containers = [{"name": name, "image": "report"} for name in ("left", "right")]
    stage.client("ecs").register_task_definition(
        family="report-twice",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=containers,
    )
    stage.fail(
        "refused", error="InvalidParameterException", message="The subnet 'subnet-1' is not there."
    )
    sent = [stage.send(body, key) for key, body in BODIES.items()]
    return stage.settle(*sent)


def test_malformed_json_is_rejected_with_line_and_column(
    histories: Mapping[str, MessageHistory],
) -> None:
    history = histories["malformed"]
    assert history.end == rejected(history.sent, "not-json")
    assert history.error == "the body: expected JSON: Expecting value at line 1, column 48"
    assert history.calls == ()


def test_json_that_is_no_object_is_rejected(histories: Mapping[str, MessageHistory]) -> None:
    history = histories["no-object"]
    assert history.end == rejected(history.sent, "not-an-object")
    assert history.error == "the body: expected an object, got a list"
    assert history.calls == ()


def test_wrong_type_deep_inside_is_rejected_with_its_path(
    histories: Mapping[str, MessageHistory],
) -> None:
    history = histories["deep"]
    assert history.end == rejected(history.sent, "wrong-type")
    location = "ECS.overrides.containerOverrides[0].environment[0].value"
    assert history.error == f"{location}: expected a string, got a number"
    assert history.calls == ()


def test_unknown_parameter_is_rejected_by_its_name(histories: Mapping[str, MessageHistory]) -> None:
    history = histories["unknown"]
    assert history.end == rejected(history.sent, "unknown-parameter")
    assert history.error.startswith(
        "ECS.taskDefintion: unknown parameter; did you mean taskDefinition?"
    )
    assert history.calls == ()


def test_overrides_over_8192_characters_are_rejected_unquoted(
    histories: Mapping[str, MessageHistory],
) -> None:
    history = histories["long-overrides"]
    assert history.end == rejected(history.sent, "over-limit")
    assert history.error.startswith(
        "ECS.overrides: expected at most 8192 characters of JSON, got 88"
    )
    assert CANARY not in history.error
    assert history.calls == ()


def test_seventeen_subnets_are_rejected(histories: Mapping[str, MessageHistory]) -> None:
    history = histories["subnets"]
    assert history.end == rejected(history.sent, "over-limit")
    location = "ECS.networkConfiguration.awsvpcConfiguration.subnets"
    assert history.error == f"{location}: expected at most 16, got 17"
    assert history.calls == ()


def test_no_service_and_no_network_is_rejected_as_ecs_refuses_it(
    histories: Mapping[str, MessageHistory],
) -> None:
    history = histories["no-network"]
    assert history.end == rejected(history.sent, "invalid-parameter")
    assert "Network Configuration must be provided" in history.error
    assert history.answers == ["InvalidParameterException"]


def test_service_that_does_not_exist_is_rejected_as_redrivable(
    histories: Mapping[str, MessageHistory],
) -> None:
    history = histories["no-service"]
    assert history.end == rejected(history.sent, "service-not-found", redrivable=True)
    assert history.error == "ECS.service: cluster batch has no active service monthly"
    assert history.calls == ()


def test_two_containers_and_no_name_are_rejected_with_both_names(
    histories: Mapping[str, MessageHistory],
) -> None:
    history = histories["two-containers"]
    assert history.end == rejected(history.sent, "container-ambiguous")
    assert "has 2 essential containers: left, right; name the" in history.error
    assert history.calls == ()


def test_invalid_parameter_is_rejected_after_one_call(
    histories: Mapping[str, MessageHistory],
) -> None:
    history = histories["refused"]
    assert history.end == rejected(history.sent, "invalid-parameter")
    assert history.error.endswith("InvalidParameterException: The subnet 'subnet-1' is not there.")
    assert history.answers == ["InvalidParameterException"]


def test_unknown_task_definition_is_rejected_as_redrivable(
    histories: Mapping[str, MessageHistory],
) -> None:
    history = histories["no-definition"]
    assert history.end == rejected(history.sent, "task-definition-not-found", redrivable=True)
    assert "TaskDefinition not found" in history.error
    assert history.answers == ["ClientException"]


def test_every_rejected_message_is_announced_once_without_its_body(
    histories: Mapping[str, MessageHistory],
) -> None:
    for history in histories.values():
        (notification,) = history.notifications
        (dead_letter,) = history.end.dead_letters
        assert (notification["state"], notification["reason"]) == ("rejected", dead_letter.reason)
        assert notification["key"] == history.sent.key
        assert CANARY not in json.dumps(notification)


def test_body_of_a_mebibyte_is_rejected_cut_to_leave_room_for_the_reason(stage: Stage) -> None:
    body = task(group="x").ljust(MAX_MESSAGE_BYTES - 1, "x") + "}"
    assert len(body) == MAX_MESSAGE_BYTES
    sent = stage.send(body)
    end = stage.settle(sent)[sent.key].end
    (dead_letter,) = end.dead_letters
    assert (end.tasks, end.left) == (0, 0)
    assert (dead_letter.reason, dead_letter.redrivable, dead_letter.attempts) == (
        "not-json",
        False,
        1,
    )
    assert (dead_letter.message_id, dead_letter.key) == (sent.message_id, sent.key)
    assert dead_letter.error.endswith("(the body was truncated to the size of a message)")
    # What is cut off is no more than the attributes need.
    assert body.startswith(dead_letter.body)
    assert MAX_MESSAGE_BYTES - 2048 < len(dead_letter.body) < MAX_MESSAGE_BYTES
