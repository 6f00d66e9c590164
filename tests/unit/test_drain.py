"""The simulated drain: every message is launched once, whatever a client token remembers."""

from __future__ import annotations

import pytest

from bench import drain
from bench.policies import OURS, OURS_RETRIED, Policy

TASKS = 1000
HARDEST = drain.SCENARIOS[-1]
COUNT_TEN = [scenario for scenario in drain.SCENARIOS if scenario.count > 1]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "TASKS", TASKS)


@pytest.mark.parametrize("policy", [OURS, OURS_RETRIED], ids=lambda policy: policy.name)
@pytest.mark.parametrize("scenario", COUNT_TEN, ids=lambda scenario: scenario.name)
def test_every_task_is_started_once_in_both_readings(
    scenario: drain.Scenario, policy: Policy
) -> None:
    figures = drain.drain(scenario, policy, seed=1)

    assert (figures["launched"], figures["twice"], figures["dead"]) == (TASKS, 0, 0)


def test_the_readings_make_a_difference_where_calls_fail() -> None:
    seeds = range(1, 5)
    kept, retried = (
        [drain.drain(HARDEST, policy, seed) for seed in seeds] for policy in (OURS, OURS_RETRIED)
    )

    for runs in (kept, retried):
        assert any(found["replays"] for found in runs)
        assert any(found["conflicts"] for found in runs)
    assert [found["seconds"] for found in kept] != [found["seconds"] for found in retried]


def test_a_run_is_the_same_for_the_same_seed() -> None:
    assert drain.drain(HARDEST, OURS, seed=3) == drain.drain(HARDEST, OURS, seed=3)
