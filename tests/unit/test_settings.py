from __future__ import annotations

import pytest

from function.settings import Settings, SettingsError
from tests.unit.fakes import ENVIRONMENT, settings


def test_partition_region_and_account_come_from_the_topic() -> None:
    found = settings(FAILURE_TOPIC_ARN="arn:aws-cn:sns:cn-north-1:123456789012:t.fifo")

    assert (found.partition, found.region, found.account) == (
        "aws-cn",
        "cn-north-1",
        "123456789012",
    )


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
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
        ("PASS_ROLES", "[1]"),
        ("LAUNCH_RATE", "0"),
        ("LAUNCH_RATE", "fast"),
        ("LAUNCH_RATE", "nan"),
        ("LAUNCH_RATE", "inf"),
        ("MAXIMUM_CONCURRENCY", "1.5"),
        ("QUEUE_RETENTION_SECONDS", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("LOG_LEVEL", "CRITICAL"),
    ],
)
def test_a_broken_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: expected"):
        settings(**{name: value})


def test_a_fifo_queue_is_recognised_by_its_url() -> None:
    assert settings(QUEUE_URL=ENVIRONMENT["QUEUE_URL"] + ".fifo").fifo
    assert not settings().fifo


def test_a_message_expires_half_an_hour_before_its_retention_ends() -> None:
    assert settings().expiry_age_seconds == 345_600 - 1800


def test_with_a_retention_of_minutes_a_message_expires_at_half_of_it() -> None:
    assert settings(QUEUE_RETENTION_SECONDS="600").expiry_age_seconds == 300


def test_messages_expire_before_the_longest_backoff_could_exceed_the_retention() -> None:
    fortnight = settings(QUEUE_RETENTION_SECONDS="1209600")
    assert fortnight.expiry_age_seconds + fortnight.max_backoff_seconds < 1_209_600
    assert settings().max_backoff_seconds == 900
    assert settings().expiry_age_seconds == 345_600 - 1800
