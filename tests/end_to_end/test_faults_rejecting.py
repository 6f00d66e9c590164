"""Messages that can never succeed: each lies in the DLQ at its first delivery, with the reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from function.limits import MAX_MESSAGE_BYTES
from tests.end_to_end.fates import rejected
from tests.end_to_end.stage import Stage, deploy, task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.emulator import Emulator
    from tests.end_to_end.fates import Fate

CANARY = "canary-4711"

BODIES = {
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
def stage(emulator: Emulator) -> Stage:
    return deploy(emulator)


@pytest.fixture(scope="module")
def fates(stage: Stage) -> Mapping[str, Fate]:
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


def test_malformed_json_is_rejected_with_line_and_column(fates: Mapping[str, Fate]) -> None:
    fate = fates["malformed"]
    assert fate.end == rejected(fate.sent, "not-json")
    assert fate.error == "the body: expected JSON: Expecting value at line 1, column 48"
    assert fate.calls == ()


def test_json_that_is_no_object_is_rejected(fates: Mapping[str, Fate]) -> None:
    fate = fates["no-object"]
    assert fate.end == rejected(fate.sent, "not-an-object")
    assert fate.error == "the body: expected an object, got a list"
    assert fate.calls == ()


def test_wrong_type_deep_inside_is_rejected_with_its_path(fates: Mapping[str, Fate]) -> None:
    fate = fates["deep"]
    assert fate.end == rejected(fate.sent, "wrong-type")
    location = "ECS.overrides.containerOverrides[0].environment[0].value"
    assert fate.error == f"{location}: expected a string, got a number"
    assert fate.calls == ()


def test_unknown_parameter_is_rejected_by_its_name(fates: Mapping[str, Fate]) -> None:
    fate = fates["unknown"]
    assert fate.end == rejected(fate.sent, "unknown-parameter")
    assert fate.error.startswith("ECS.taskDefintion: unknown parameter; expected one of ")
    assert fate.calls == ()


def test_overrides_over_8192_characters_are_rejected_unquoted(fates: Mapping[str, Fate]) -> None:
    fate = fates["long-overrides"]
    assert fate.end == rejected(fate.sent, "over-limit")
    assert fate.error.startswith("ECS.overrides: expected at most 8192 characters of JSON, got 88")
    assert CANARY not in fate.error
    assert fate.calls == ()


def test_seventeen_subnets_are_rejected(fates: Mapping[str, Fate]) -> None:
    fate = fates["subnets"]
    assert fate.end == rejected(fate.sent, "over-limit")
    location = "ECS.networkConfiguration.awsvpcConfiguration.subnets"
    assert fate.error == f"{location}: expected at most 16, got 17"
    assert fate.calls == ()


def test_no_service_and_no_network_is_rejected_as_ecs_refuses_it(
    fates: Mapping[str, Fate],
) -> None:
    fate = fates["no-network"]
    assert fate.end == rejected(fate.sent, "invalid-parameter")
    assert "Network Configuration must be provided" in fate.error
    assert fate.answers == ["InvalidParameterException"]


def test_service_that_does_not_exist_is_rejected_as_fixable(fates: Mapping[str, Fate]) -> None:
    fate = fates["no-service"]
    assert fate.end == rejected(fate.sent, "service-not-found", redrivable=True)
    assert fate.error == "ECS.service: cluster batch has no active service monthly"
    assert fate.calls == ()


def test_two_containers_and_no_name_are_rejected_with_both_names(
    fates: Mapping[str, Fate],
) -> None:
    fate = fates["two-containers"]
    assert fate.end == rejected(fate.sent, "container-ambiguous")
    assert "has 2 essential containers: left, right; name the" in fate.error
    assert fate.calls == ()


def test_invalid_parameter_is_rejected_after_one_call(fates: Mapping[str, Fate]) -> None:
    fate = fates["refused"]
    assert fate.end == rejected(fate.sent, "invalid-parameter")
    assert fate.error.endswith("InvalidParameterException: The subnet 'subnet-1' is not there.")
    assert fate.answers == ["InvalidParameterException"]


def test_unknown_task_definition_is_rejected_as_fixable(fates: Mapping[str, Fate]) -> None:
    fate = fates["no-definition"]
    assert fate.end == rejected(fate.sent, "task-definition-not-found", redrivable=True)
    assert "TaskDefinition not found" in fate.error
    assert fate.answers == ["ClientException"]


def test_every_rejected_message_is_announced_once_without_its_body(
    fates: Mapping[str, Fate],
) -> None:
    for fate in fates.values():
        (notice,) = fate.notices
        (letter,) = fate.end.letters
        assert (notice["state"], notice["reason"]) == ("rejected", letter.reason)
        assert notice["key"] == fate.sent.key
        assert CANARY not in json.dumps(notice)


def test_body_of_a_mebibyte_is_rejected_cut_to_leave_room_for_the_reason(stage: Stage) -> None:
    body = task(group="x").ljust(MAX_MESSAGE_BYTES - 1, "x") + "}"
    assert len(body) == MAX_MESSAGE_BYTES
    sent = stage.send(body)
    end = stage.settle(sent)[sent.key].end
    (letter,) = end.letters
    assert (end.tasks, end.left) == (0, 0)
    assert (letter.reason, letter.redrivable, letter.attempts) == ("not-json", False, 1)
    assert (letter.message_id, letter.key) == (sent.message_id, sent.key)
    assert letter.error.endswith("(the body was truncated to the size of a message)")
    # What is cut off is no more than the attributes need.
    assert body.startswith(letter.body)
    assert MAX_MESSAGE_BYTES - 2048 < len(letter.body) < MAX_MESSAGE_BYTES
