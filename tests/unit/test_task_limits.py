"""The block `limits` of a message, and the option of a stage."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from function.message import applied_limits, task_limits
from function.message.builder import read
from function.message.task_limits import Concurrency, LimitsError, OnExit, TaskLimits, parse
from function.settings import Settings
from tests.unit.fakes import ENVIRONMENT, MESSAGE, message, rejection

OPTION = "Pulumi.dev.yaml: ecs-run-task:limits"
EVENTS = "https://sqs.eu-central-1.amazonaws.com/111111111111/events"

BLOCK: dict[str, Any] = {
    "maxRuntime": "30m",
    "concurrency": {"max": 3, "group": "etl"},
    "capacity": ["FARGATE_SPOT", "FARGATE"],
    "onExit": {"restart": [75, "100-110"], "times": 2, "announce": [1]},
}


def stage(limits: object = None, **changes: str) -> Settings:
    return Settings.from_environment(
        {
            **ENVIRONMENT,
            "EVENTS_QUEUE_URL": EVENTS,
            "LIMITS": json.dumps(limits or {}),
            **changes,
        }
    )


def limited(block: object, **changes: Any) -> str:
    """Return a message without a launch type, with a block `limits`."""
    content = {**MESSAGE, "limits": block, **changes}
    del content["launchType"]
    return json.dumps({"ECS": content})


def effective(body: str, by: Settings) -> TaskLimits:
    return applied_limits.effective(read(body, by), by)


def refusal(body: str, by: Settings) -> tuple[str, str]:
    failure = rejection(body, by)
    assert failure is not None
    return failure.reason, failure.error


def test_every_limit_is_read() -> None:
    assert parse(BLOCK) == TaskLimits(
        max_runtime="30m",
        concurrency=Concurrency(max=3, group="etl"),
        capacity=("FARGATE_SPOT", "FARGATE"),
        on_exit=OnExit(restart=((75, 75), (100, 110)), times=2, announce=((1, 1),)),
    )


def test_limits_are_written_as_they_are_read() -> None:
    assert parse(BLOCK).as_block() == BLOCK
    assert parse(parse({"concurrency": 1}).as_block()) == parse({"concurrency": {"max": 1}})
    assert parse({}).as_block() == {}


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("4h", 14_400), ("2d", 172_800)]
)
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    assert parse({"maxRuntime": text}).max_runtime_seconds == seconds


@pytest.mark.parametrize(
    ("block", "error"),
    [
        ([], "L: expected an object, got a list of 0"),
        ({"maxRunTime": "30m"}, "L.maxRunTime: unknown; expected one of maxRuntime, concurrency"),
        ({"maxRuntime": 30}, 'L.maxRuntime: expected a duration such as "30m", got 30'),
        ({"maxRuntime": "30"}, 'L.maxRuntime: expected a duration such as "30m", got "30"'),
        ({"maxRuntime": "59s"}, 'L.maxRuntime: expected a duration from "60s" to "365d"'),
        ({"maxRuntime": "366d"}, 'L.maxRuntime: expected a duration from "60s" to "365d"'),
        ({"concurrency": 0}, "L.concurrency: expected a whole number from 1 to 1000, got 0"),
        ({"concurrency": True}, "L.concurrency: expected a whole number from 1 to 1000, got true"),
        ({"concurrency": {"group": "a"}}, "L.concurrency.max: missing"),
        ({"concurrency": {"max": 1, "group": "a/b"}}, "L.concurrency.group: expected a name"),
        ({"capacity": []}, "L.capacity: expected a list of 1 to 20 capacity providers"),
        ({"capacity": "FARGATE"}, 'L.capacity: expected a list .*, got "FARGATE"'),
        ({"capacity": ["A", "A"]}, r'L.capacity\[1\]: "A" is in the list twice'),
        ({"onExit": {"restart": [256]}}, r"L.onExit.restart\[0\]: expected an exit code from 0"),
        ({"onExit": {"restart": ["9-1"]}}, r"L.onExit.restart\[0\]: expected an exit code"),
        ({"onExit": {"times": 2}}, "L.onExit.times: expected only beside L.onExit.restart"),
        ({"onExit": {"restart": [1], "times": 11}}, "L.onExit.times: expected a whole number from"),
    ],
)
def test_an_error_says_what_was_found_and_what_is_expected(block: object, error: str) -> None:
    with pytest.raises(LimitsError, match=error):
        parse(block, "L")


def test_an_error_quotes_no_free_text() -> None:
    with pytest.raises(LimitsError, match="got another text"):
        parse({"maxRuntime": "a secret, with <markup>"})


@pytest.mark.parametrize(
    ("option", "error"),
    [
        ("{", f"{OPTION}: expected JSON"),
        ("[]", f"{OPTION}: expected an object, got a list of 0"),
        ('{"a/b": {}}', f"{OPTION}: expected the family of a task definition"),
        (
            '{"*": {"maxRuntime": 5}}',
            f'{OPTION}.*.maxRuntime: expected a duration such as "30m", got 5',
        ),
    ],
)
def test_an_error_of_the_option_names_the_file(option: str, error: str) -> None:
    with pytest.raises(LimitsError) as caught:
        task_limits.parse_stage(option, OPTION)

    assert str(caught.value).startswith(error)


def test_the_most_exact_pattern_wins_for_each_limit() -> None:
    by = stage(
        {
            "*": {"maxRuntime": "1h", "concurrency": 9, "capacity": ["FARGATE"]},
            "rep*": {"maxRuntime": "2h", "concurrency": 5},
            "report": {"concurrency": 2},
        }
    )

    assert effective(limited({}), by) == TaskLimits(
        max_runtime="2h", concurrency=Concurrency(max=2), capacity=("FARGATE",)
    )
    assert effective(limited({}, taskDefinition="report"), by).concurrency == Concurrency(max=2)


def test_a_message_may_be_stricter_than_its_stage() -> None:
    by = stage({"*": {"maxRuntime": "1h", "concurrency": {"max": 9, "group": "all"}}})

    assert effective(limited({"maxRuntime": "5m", "concurrency": 3}), by) == TaskLimits(
        max_runtime="5m", concurrency=Concurrency(max=3, group="all")
    )


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"maxRuntime": "2h"}, "ECS.limits.maxRuntime: found 2h; allowed: at most 1h"),
        ({"concurrency": 10}, "ECS.limits.concurrency.max: found 10; allowed: at most 9"),
        (
            {"concurrency": {"max": 1, "group": "mine"}},
            "ECS.limits.concurrency.group: found mine; allowed: all",
        ),
    ],
)
def test_a_message_may_not_be_laxer_than_its_stage(block: object, place: str) -> None:
    by = stage({"*": {"maxRuntime": "1h", "concurrency": {"max": 9, "group": "all"}}})

    reason, error = refusal(limited(block), by)

    assert (reason, error.startswith(place)) == ("not-allowed", True), error
    assert "ecs-run-task:limits" in error


def test_a_message_that_does_not_fit_its_own_limit_is_refused() -> None:
    reason, error = refusal(limited({"concurrency": 2}, count=3), stage())

    assert reason == "bad-limits"
    assert error.startswith("ECS.count: expected at most 2")


def test_capacity_replaces_the_launch_type() -> None:
    reason, error = refusal(message(limits={"capacity": ["FARGATE"]}), stage())

    assert reason == "bad-limits"
    assert "cannot be combined with launchType" in error
    by = stage({"*": {"capacity": ["FARGATE_SPOT"]}})
    assert effective(message(), by).capacity == ()  # what the message says itself
    assert effective(limited(None), by).capacity == ("FARGATE_SPOT",)


def test_a_capacity_provider_has_to_be_allowed() -> None:
    by = stage(CAPACITY_PROVIDERS='["FARGATE"]')

    reason, error = refusal(limited(BLOCK), by)

    assert reason == "not-allowed"
    assert "ECS.limits.capacity: found FARGATE_SPOT; allowed: FARGATE" in error


def test_a_stage_without_outcomes_has_no_limits() -> None:
    by = replace(stage({"*": {"concurrency": 1}}), events_queue_url=None)

    assert effective(message(), by) == TaskLimits()
    reason, error = refusal(limited(BLOCK), by)
    assert reason == "not-allowed"
    assert "ecs-run-task:outcomes: true" in error


def test_the_flat_form_has_limits_too() -> None:
    body = json.dumps({"task_def": "report:7", "cluster": "batch", "service": "s", "limits": BLOCK})

    assert effective(body, stage()) == parse(BLOCK)


def test_a_bad_block_rejects_the_message() -> None:
    assert refusal(limited({"maxRuntime": 5}), stage())[0] == "bad-limits"


def test_limits_are_a_part_of_what_was_asked_but_their_absence_is_not() -> None:
    by = stage()

    assert read(limited(None), by).digest() != read(limited(BLOCK), by).digest()
    plain = read(message(), by)
    assert plain.digest() == replace(plain, limits=None).digest()
    assert plain.limits is None


def test_the_group_is_the_family_by_default() -> None:
    arn = "arn:aws:ecs:eu-central-1:111111111111:task-definition/report:7"
    request = read(message(taskDefinition=arn), stage())

    assert applied_limits.group_of(request, Concurrency(max=1)) == "report"
    assert applied_limits.group_of(request, Concurrency(max=1, group="etl")) == "etl"
