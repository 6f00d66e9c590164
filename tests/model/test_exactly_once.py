"""Launched exactly once, under each reading of AWS's documents."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from rehearsal.emulator import READINGS, Reading
from tests.model.invariants import ViolationError
from tests.model.machine import machine
from tests.model.reference import make_reference, without
from tests.model.reference_ledger import Parts
from tests.model.simulation import run, soak

QUICK = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)

SEEDS = 200
PROTOCOL_SEEDS = 48

# What no random run finds in a test's time; `test_scenarios.py` has a fact for each.
RARE = frozenset({"conditional_write", "pause_before_attempt", "redrive_is_doubt"})


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_whatever_happens_every_message_is_launched_exactly_once(reading: Reading) -> None:
    run_state_machine_as_test(machine(reading), settings=QUICK)


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_no_seed_breaks_the_promise(reading: Reading) -> None:
    first = READINGS.index(reading)
    for seed in range(first, SEEDS, len(READINGS)):
        report = run(seed, reading)
        if report.error:
            raise ViolationError(report.error)


def test_the_bare_protocol_keeps_the_promise() -> None:
    reports = soak(range(PROTOCOL_SEEDS), make_reference)
    assert [report.error for report in reports if report.error] == []


@pytest.mark.parametrize("part", [field.name for field in fields(Parts) if field.name not in RARE])
def test_the_bare_protocol_without_a_part_breaks_it(part: str) -> None:
    assert any(report.error for report in soak(range(SEEDS), without(part)))


def test_a_run_is_the_same_for_the_same_seed() -> None:
    assert run(7, READINGS[7], make_reference) == run(7, READINGS[7], make_reference)
