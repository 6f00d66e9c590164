from __future__ import annotations

import pytest

from function.settings import Settings, SettingsError
from tests.unit.fakes import ENVIRONMENT, REQUIRED, settings


def test_partition_region_and_account_come_from_the_topic() -> None:
    found = settings(FAILURE_TOPIC_ARN="arn:aws-cn:sns:cn-north-1:123456789012:t.fifo")

    assert (found.partition, found.region, found.account) == (
        "aws-cn",
        "cn-north-1",
        "123456789012",
    )


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_a_missing_variable_is_named(name: str) -> None:
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}

    with pytest.raises(SettingsError, match=f"^{name}: missing"):
        Settings.from_environment(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGE", "dev:1"),
        ("STAGE", "s" * 25),
        ("STAGE", "Dev"),
        ("STAGE", "dev-"),
        ("STAGE", "1dev"),
        ("FAILURE_TOPIC_ARN", "topic"),
        ("CLUSTERS", "batch"),
        ("CLUSTERS", '"batch"'),
        ("TASK_ROLES", "[1]"),
        ("TASK_DEFINITION_REVISIONS", "newest"),
        ("MAX_COUNT", "few"),
        ("RUN_TASK_RATE", "-1"),
        ("FARGATE_LAUNCH_RATE", "fast"),
        ("FARGATE_LAUNCH_BURST", "nan"),
        ("FARGATE_SPOT_LAUNCH_RATE", "inf"),
        ("PYTHON_LITERALS", "yes"),
        ("KEY_RETENTION_SECONDS", "0"),
        ("VISIBILITY_TIMEOUT_SECONDS", "soon"),
        ("MAXIMUM_CONCURRENCY", "1.5"),
        ("QUEUE_RETENTION_SECONDS", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_LEVEL", "CRITICAL"),
        ("LIMITS", "{"),
        ("LIMITS", "[]"),
        ("LIMITS", '{"*": 3}'),
        ("TEMPLATES", '{"s3": 3}'),
        ("START_ATTEMPTS", '{"network": 0}'),
        ("START_ATTEMPTS", '{"network": true}'),
        ("START_ATTEMPTS", '{"network": 1.5}'),
        ("ANNOUNCE", "failed"),
        ("ANNOUNCE", '["running"]'),
    ],
)
def test_a_broken_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: expected"):
        settings(**{name: value})


def test_what_comes_after_a_launch_is_off_unless_it_is_configured() -> None:
    found = settings()

    assert found.events_queue_url is None
    assert (found.results_queue_url, found.results_bus, found.payload_bucket) == (None, None, None)
    assert (found.limits, found.templates, found.start_attempts, found.announce) == ({}, {}, {}, ())
    assert settings(EVENTS_QUEUE_URL="", ANNOUNCE="").events_queue_url is None


def test_what_comes_after_a_launch_is_read() -> None:
    found = settings(
        EVENTS_QUEUE_URL="https://sqs/1/events",
        RESULTS_QUEUE_URL="https://sqs/1/results",
        RESULTS_BUS="bus",
        PAYLOAD_BUCKET="payloads",
        LIMITS='{"*": {"maxRuntime": "4h"}}',
        TEMPLATES='{"s3": "{ECS: {}}"}',
        START_ATTEMPTS='{"network": 1}',
        ANNOUNCE='["failed", "expired"]',
    )

    assert found.events_queue_url == "https://sqs/1/events"
    assert found.results_queue_url == "https://sqs/1/results"
    assert (found.results_bus, found.payload_bucket) == ("bus", "payloads")
    assert found.limits == {"*": {"maxRuntime": "4h"}}
    assert found.templates == {"s3": "{ECS: {}}"}
    assert found.start_attempts == {"network": 1}
    assert found.announce == ("failed", "expired")
    assert hash(found) != hash(settings())


def test_a_fifo_queue_is_recognised_by_its_url() -> None:
    assert settings(QUEUE_URL=ENVIRONMENT["QUEUE_URL"] + ".fifo").fifo
    assert not settings().fifo


def test_a_message_expires_half_an_hour_before_its_retention_ends() -> None:
    assert settings().expiry_age_seconds == 345_600 - 1800


def test_a_long_visibility_timeout_makes_a_message_expire_earlier() -> None:
    """It has to be received once more after a crash, before SQS deletes it."""
    found = settings(VISIBILITY_TIMEOUT_SECONDS="2700")

    assert found.timeout_seconds == 450
    assert found.expiry_age_seconds == 345_600 - (900 + 2700 + 450 + 480)


def rates(found: Settings) -> list[float]:
    return [
        found.run_task_rate,
        found.run_task_burst,
        found.fargate_launch_rate,
        found.fargate_launch_burst,
        found.fargate_spot_launch_rate,
        found.fargate_spot_launch_burst,
    ]


def test_the_rates_of_fargate_depend_on_the_region() -> None:
    small = settings(FAILURE_TOPIC_ARN="arn:aws:sns:mx-central-1:111111111111:failures")

    assert rates(settings()) == [40, 100, 20, 100, 20, 100]
    assert rates(small) == [40, 100, 5, 25, 5, 25]


def test_a_rate_that_is_set_takes_precedence_and_0_means_the_default() -> None:
    found = settings(FARGATE_LAUNCH_RATE="50", FARGATE_SPOT_LAUNCH_RATE="0", RUN_TASK_BURST="7")

    assert rates(found) == [40, 7, 50, 100, 20, 100]


def test_python_literals_are_off_unless_switched_on() -> None:
    assert not settings().python_literals
    assert settings(PYTHON_LITERALS="true").python_literals


def test_with_a_retention_of_minutes_a_message_expires_at_half_of_it() -> None:
    assert settings(QUEUE_RETENTION_SECONDS="600").expiry_age_seconds == 300


def test_messages_expire_before_the_longest_backoff_could_exceed_the_retention() -> None:
    fortnight = settings(QUEUE_RETENTION_SECONDS="1209600")
    assert fortnight.expiry_age_seconds + fortnight.max_backoff_seconds < 1_209_600
    assert settings().max_backoff_seconds == 900
    assert settings().expiry_age_seconds == 345_600 - 1800
