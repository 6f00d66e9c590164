from __future__ import annotations

import random

import pytest

from function.launch.admission import backoff_seconds
from tests.unit.fakes import settings


@pytest.mark.parametrize(
    ("receives", "longest"), [(1, 2), (2, 4), (3, 8), (9, 512), (10, 900), (1000, 900)]
)
def test_the_longest_wait_doubles_up_to_fifteen_minutes(receives: int, longest: int) -> None:
    assert backoff_seconds(receives, lambda: 1.0) == longest


def test_the_wait_is_full_jitter_and_at_least_a_second() -> None:
    assert backoff_seconds(10, lambda: 0.0) == 1
    assert backoff_seconds(10, lambda: 0.5) == 450


def test_a_slow_backoff_starts_at_its_base() -> None:
    assert backoff_seconds(1, lambda: 1.0, base_seconds=60) == 60
    assert backoff_seconds(0, lambda: 1.0, base_seconds=60) == 60


@pytest.mark.parametrize("days", [1, 4, 5, 14])
def test_no_message_is_received_a_thousand_times_within_its_retention(days: int) -> None:
    """SQS would move it to the dead-letter queue without a reason."""
    retention_seconds = days * 86_400
    longest = settings(QUEUE_RETENTION_SECONDS=str(retention_seconds)).max_backoff_seconds
    generator = random.Random(days)  # noqa: S311 - the same draws every time
    age, receives = 0, 0
    while age < retention_seconds:
        receives += 1
        age += backoff_seconds(receives, generator.random, max_seconds=longest)
    assert receives < 1000
