"""Every key has one fate, and it is the one that ECS gave it, whatever gets lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from rehearsal.emulator import READINGS, Reading
from tests.model.invariants import ViolationError
from tests.model.outcomes.machine import machine
from tests.model.outcomes.simulation import run

QUICK = settings(
    max_examples=6,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)

SEEDS = 24

# The readings differ in the launches; after them, they are one world.
SOME = READINGS[:: max(1, len(READINGS) // 3)]


@pytest.mark.parametrize("reading", SOME, ids=str)
def test_whatever_happens_every_key_has_its_fate(reading: Reading) -> None:
    run_state_machine_as_test(machine(reading), settings=QUICK)


@pytest.mark.parametrize("part", range(4))
def test_no_seed_breaks_the_promise(part: int) -> None:
    for seed in range(part, SEEDS, 4):
        report = run(seed, READINGS[seed % len(READINGS)])
        if report.error:
            raise ViolationError(report.error)
