"""Launched exactly once, under each reading of AWS's documents."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.ecs import READINGS, Reading
from tests.model.machine import machine
from tests.model.reference import make_reference
from tests.model.simulation import run

QUICK = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)

SEEDS = 200


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_every_message_is_launched_exactly_once(reading: Reading) -> None:
    run_state_machine_as_test(machine(reading), settings=QUICK)


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_no_seed_breaks_the_promise(reading: Reading) -> None:
    number = READINGS.index(reading)
    reports = [run(seed, reading) for seed in range(number, SEEDS, len(READINGS))]
    assert [report.error for report in reports if report.error] == []


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_the_bare_protocol_keeps_the_promise(reading: Reading) -> None:
    run_state_machine_as_test(machine(reading, make_reference), settings=QUICK)
