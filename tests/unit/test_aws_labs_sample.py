"""Each bug of the AWS Labs sample aws-lambda-amazon-ecs-run-task that a handler can have.

The docstring of a test says what the sample did.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.unit.fakes import MESSAGE, Rig, client_error, message, settings

SERVICE = {
    "networkConfiguration": {
        "awsvpcConfiguration": {"subnets": ["subnet-s"], "securityGroups": ["sg-s"]}
    }
}


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.ecs.services["report"] = SERVICE
    return rig


def test_another_client_error_ends_after_one_call(rig: Rig) -> None:
    """It looped forever on an error code that it did not know."""
    rig.ecs.always = client_error("ClientException", "something is wrong")

    assert rig.run(message()) == []

    assert len(rig.ecs.calls) == 1
    assert rig.dead_letters[0]["reason"] == "client-error"


def test_a_redelivered_message_still_has_its_service(rig: Rig) -> None:
    """It returned a copy without `service` to the queue, and crashed with a KeyError."""
    body = message(service="report", networkConfiguration=None)
    rig.ecs.script = [client_error("ThrottlingException", "Rate exceeded")]
    assert rig.run(body) == ["message-0"]

    assert rig.run(body, receives=2) == []

    assert rig.sqs.sent == []
    assert len(rig.ecs.started) == 1


def test_a_batch_without_capacity_ends_well_within_its_timeout(rig: Rig) -> None:
    """It slept up to 688 s in a function that was killed after 330 s."""
    rig.ecs.always = "You've reached the limit on the number of tasks you can run concurrently"
    began = rig.clock.now

    for receives in range(1, 4):
        start = rig.clock.now
        rig.handle(*(rig.record(message(), n, receives=receives) for n in range(10)))
        assert rig.clock.now - start < 50

    assert rig.clock.now > began


def test_tasks_that_started_are_not_started_again(rig: Rig) -> None:
    """It repeated the whole call if a part of it had failed."""
    rig.ecs.script = [1]
    rig.run(message(count=3))

    rig.clock.now += 10
    rig.run(message(count=3), receives=2)

    assert rig.ecs.count == 3


def test_an_apostrophe_does_not_break_a_message() -> None:
    """It replaced every apostrophe with a quotation mark before it parsed the JSON."""
    overrides = {"containerOverrides": [{"name": "main", "command": ["echo", 'it\'s "here"']}]}

    rig = Rig(settings=settings(PYTHON_LITERALS="true"))
    assert rig.run(message(overrides=overrides)) == []
    rig.run(str({"ECS": {**MESSAGE, "overrides": overrides}}), number=1)

    assert [call["overrides"] for call in rig.ecs.calls] == [overrides, overrides]


def test_every_record_of_a_batch_is_processed(rig: Rig) -> None:
    """It processed the first record, and lost the others."""
    assert rig.handle(*(rig.record(message(), n) for n in range(10))) == []

    assert len(rig.ecs.started) == 10


def test_a_message_that_fails_is_not_reported_as_processed(rig: Rig) -> None:
    """It swallowed every error, so that the dead-letter queue was never used."""
    rig.ecs.script = ["RESOURCE:CPU"]

    assert rig.run(message()) == ["message-0"]
    rig.run("{")
    assert len(rig.sqs.sent) == 1


@pytest.mark.parametrize(
    "text",
    [
        "RESOURCE:CPU",
        "RESOURCE:ENI",
        "You\u2019ve reached the limit on the number of vCPUs you can run concurrently",
    ],
)
def test_a_message_waits_for_capacity(rig: Rig, text: str) -> None:
    """It gave up on `RESOURCE:*` and on the newer wording of the quota."""
    rig.ecs.script = [text]

    assert rig.run(message()) == ["message-0"]

    assert rig.sqs.sent == []


def test_an_event_of_a_stopped_task_launches_nothing(rig: Rig) -> None:
    """It sent a message for any stopped task of the account, without limit."""
    with pytest.raises(ValueError, match="the event is not an SQS batch"):
        rig.application.handle(
            {"detail-type": "ECS Task State Change", "detail": {"overrides": {}}},
            None,  # type: ignore[arg-type] # it is not used
        )

    assert rig.ecs.calls == []


def test_a_missing_security_group_leaves_the_subnets(rig: Rig) -> None:
    """It replaced the whole network with the half that was missing."""
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}

    rig.run(message(service="report", networkConfiguration=network))

    assert rig.ecs.calls[0]["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["subnet-1"],
        "assignPublicIp": "ENABLED",
        "securityGroups": ["sg-s"],
    }


@pytest.mark.parametrize("overrides", [None, {"containerOverrides": None}, {}])
def test_null_overrides_are_no_overrides(rig: Rig, overrides: object) -> None:
    """It crashed on null."""
    assert rig.run(message(overrides=overrides)) == []

    assert rig.sqs.sent == []
    assert len(rig.ecs.started) == 1


def test_a_sidecar_is_not_mistaken_for_the_container(rig: Rig) -> None:
    """It used the first container of the task definition, whichever that was."""
    rig.ecs.containers = [{"name": "proxy", "essential": False}, {"name": "main"}]

    rig.run(json.dumps({**MESSAGE, "overrides": {"containerOverrides": [{"command": ["run"]}]}}))

    assert rig.ecs.calls[0]["overrides"]["containerOverrides"][0]["name"] == "main"


def test_started_by_has_only_characters_that_ecs_accepts(rig: Rig) -> None:
    """It sent the queue's ARN, with its colons."""
    rig.run(message(startedBy="arn:aws:sqs:eu-central-1:111111111111:work"))

    assert re.fullmatch(r"[A-Za-z0-9_/-]{1,128}", rig.ecs.calls[0]["startedBy"])


def test_a_sender_cannot_choose_any_role(rig: Rig) -> None:
    """It passed any `taskRoleArn` that the sender chose, and had the permission to."""
    rig.run(message(overrides={"taskRoleArn": "arn:aws:iam::111111111111:role/admin"}))

    assert rig.ecs.calls == []
    assert rig.dead_letters[0]["reason"] == "not-allowed"


def test_neither_log_nor_notification_contains_the_message(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    """It logged the whole event, and mailed it after a failure."""
    rig.run(message(group="canary"))
    rig.run(message(group="canary", cluster="other"))

    text = rig.log_text.getvalue() + capsys.readouterr().out + repr(rig.sns.published)
    assert "canary" not in text
