"""Nothing of a record runs outside of its boundary, and what is known keeps good messages."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from function.message import quotable, redaction
from tests.unit.fakes import ENVIRONMENT, Rig, client_error, message, settings

SERVICE = {
    "status": "ACTIVE",
    "launchType": "FARGATE",
    "platformVersion": "1.4.0",
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-s"]}},
}


def broken(*_: object, **__: object) -> Any:
    raise ValueError("canary")


@pytest.mark.parametrize(
    "part",
    ["function.processor.redact", "function.processor.secrets_of", "function.sqs.dead_letter.send"],
)
def test_if_even_rejecting_raises_only_that_message_returns(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(part, broken)

    returned = rig.handle(rig.record("{", 0), *(rig.record(message(), n) for n in range(1, 10)))

    assert returned == ["message-0"]
    assert rig.ecs.count == 9
    assert "unexpected exception" in rig.log_text.getvalue()
    assert "canary" not in rig.log_text.getvalue()


def test_if_even_returning_raises_only_that_message_returns(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("function.memory.Memory.pass_on", broken)
    rig.ecs.script = [client_error("ThrottlingException", "Rate exceeded")]

    returned = rig.handle(*(rig.record(message(), n) for n in range(10)))

    assert len(returned) == 1
    assert rig.ecs.count == 9


def test_if_a_record_behind_another_one_raises_the_group_still_returns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(settings=settings(QUEUE_URL=ENVIRONMENT["QUEUE_URL"] + ".fifo"))
    rig.ecs.always = client_error("ThrottlingException", "Rate exceeded")
    monkeypatch.setattr(
        "function.processor.key_of",
        lambda record: broken() if record.message_id == "message-1" else record.message_id,
    )

    returned = rig.handle(*(rig.record(message(), n, group="g") for n in range(3)))

    assert returned == ["message-0", "message-1", "message-2"]


@pytest.mark.parametrize("literals", ["true", "false"])
@pytest.mark.parametrize("number", ["9" * 5000, "9" * 4000, "0x" + "f" * 5000])
def test_a_number_of_thousands_of_digits_is_rejected_alone(literals: str, number: str) -> None:
    rig = Rig(settings=settings(PYTHON_LITERALS=literals))
    bodies = [
        message(overrides={"containerOverrides": [{"command": ["NUMBER"]}]}),
        message(count="NUMBER"),
        str(json.loads(message(tags="NUMBER"))),
    ]
    poison = [body.replace('"NUMBER"', number).replace("'NUMBER'", number) for body in bodies]
    records = [rig.record(body, n) for n, body in enumerate([*poison, message()])]

    assert rig.handle(*records) == []

    assert rig.ecs.count == 1
    assert [dead["reason"] for dead in rig.dead_letters] == ["not-json"] * 3


def test_redacting_a_body_of_many_short_values_takes_milliseconds() -> None:
    draw = random.Random(1)  # noqa: S311 - the same values every time
    words = ["".join(draw.choices("abcdef12", k=draw.randint(1, 6))) for _ in range(35_000)]
    body = message(overrides={"containerOverrides": [{"command": words}]})
    assert len(body) > 250_000

    start = time.process_time()
    secrets = quotable.secrets_of(body, settings())
    redaction.redact("some words of AWS that quote nothing, " * 200, secrets)

    assert time.process_time() - start < 1


def test_a_value_that_the_cut_splits_does_not_leak() -> None:
    secret = "s3cr3t"  # noqa: S105 - no password
    for length in range(2030, 2060):
        text = redaction.redact("x " * (length // 2) + secret + " tail" * 99, [secret, "x"])
        assert "s3c" not in text


def test_a_message_takes_its_launch_type_from_its_service(rig: Rig) -> None:
    rig.ecs.services["report"] = SERVICE

    rig.run(message(service="report", launchType=None, networkConfiguration=None))

    assert rig.ecs.calls[0]["launchType"] == "FARGATE"
    assert rig.ecs.calls[0]["platformVersion"] == "1.4.0"


def test_a_message_takes_the_capacity_providers_from_its_service(rig: Rig) -> None:
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    rig.ecs.services["report"] = {**SERVICE, "capacityProviderStrategy": strategy}

    rig.run(message(service="report", launchType=None))

    assert rig.ecs.calls[0]["capacityProviderStrategy"] == strategy
    assert "launchType" not in rig.ecs.calls[0]


def test_a_message_keeps_its_own_launch_type_and_platform(rig: Rig) -> None:
    rig.ecs.services["report"] = SERVICE

    rig.run(message(service="report", platformVersion="1.3.0", networkConfiguration=None))
    rig.run(message(service="report", launchType=None, platformVersion="1.3.0"), number=1)

    assert [call["platformVersion"] for call in rig.ecs.calls] == ["1.3.0", "1.3.0"]


def test_a_stale_look_up_condemns_no_message(rig: Rig) -> None:
    rig.ecs.containers = [{"name": "old"}]
    body = message(overrides={"containerOverrides": [{"command": ["run"]}]})
    rig.run(body)
    rig.ecs.containers = [{"name": "new"}]
    refusal = client_error("InvalidParameterException", "Override for container named old is not")
    rig.ecs.script = [refusal]
    rig.clock.now += 60

    assert rig.run(body, number=1) == []

    names = [call["overrides"]["containerOverrides"][0]["name"] for call in rig.ecs.calls]
    assert names == ["old", "old", "new"]
    assert rig.sqs.sent == []


def test_a_message_that_a_fresh_look_up_does_not_change_is_rejected_after_one_call(
    rig: Rig,
) -> None:
    body = message(overrides={"containerOverrides": [{"command": ["run"]}]})
    rig.run(body)
    rig.clock.now += 60
    rig.ecs.script = [client_error("InvalidParameterException", "no")]

    rig.run(body, number=1)

    assert len(rig.ecs.calls) == 2
    assert rig.dead_letters[0]["reason"] == "invalid-parameter"


def test_an_hour_in_the_queue_does_not_count_as_an_hour_of_failure(rig: Rig) -> None:
    rig.ecs.script = [client_error("AccessDeniedException", "no")]

    assert rig.run(message(), age=2 * 86_400) == ["message-0"]


def test_the_age_of_an_environment_failure_survives_the_environment(rig: Rig) -> None:
    rig.ecs.always = client_error("AccessDeniedException", "no")
    rig.run(message())
    other = Rig(clock=rig.clock, ecs=rig.ecs, table=rig.table)
    rig.clock.now += 86_400

    assert other.run(message(), receives=2, received=86_400) == []

    assert other.dead_letters[0]["reason"] == "access-denied"


def test_another_failure_in_between_ends_an_environment_failure(rig: Rig) -> None:
    rig.ecs.script = [client_error("AccessDeniedException", "no"), 0]
    rig.run(message())
    rig.clock.now += 3600
    rig.run(message(), receives=2, received=3600)
    rig.ecs.always = client_error("AccessDeniedException", "no")
    rig.clock.now += 86_400 - 3600

    assert rig.run(message(), receives=3, received=86_400) == ["message-0"]
