from __future__ import annotations

import pytest

from function.backoff import visibility_seconds


@pytest.mark.parametrize(
    ("receives", "longest"), [(1, 2), (2, 4), (3, 8), (9, 512), (10, 900), (1000, 900)]
)
def test_the_longest_wait_doubles_up_to_fifteen_minutes(receives: int, longest: int) -> None:
    assert visibility_seconds(receives, lambda: 1.0) == longest


def test_the_wait_is_full_jitter_and_at_least_a_second() -> None:
    assert visibility_seconds(10, lambda: 0.0) == 1
    assert visibility_seconds(10, lambda: 0.5) == 450


def test_a_slow_backoff_starts_at_its_base() -> None:
    assert visibility_seconds(1, lambda: 1.0, base_seconds=60) == 60
    assert visibility_seconds(0, lambda: 1.0, base_seconds=60) == 60
