"""The table refuses every call: good first messages start all the same, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from rehearsal.fault_injection import InjectedFault
from tests.end_to_end.outcome_kinds import Fate, Kind, fates, kinds
from tests.end_to_end.outcome_stage import OutcomeStage, deploy_outcomes
from tests.end_to_end.stage import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rehearsal.fault_injection import FaultyEmulator

DIVISOR: Final = 10

# Kinds whose first message needs no table.
GOOD: Final = frozenset(
    {"exit-0", "exit-7", "interface-once", "no-image", "spot-after", "payload", "s3", "duplicate"}
)
# Those that wait for it, or for what it knows.
WAITING: Final = frozenset({"limited", "over-runtime", "invalid"})

REFUSED: Final = InjectedFault(
    service="dynamodb", action="*", error="AccessDeniedException", message="the table is away"
)


@pytest.fixture(scope="module")
def some_kinds(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Kind]:
    every = kinds(tmp_path_factory.mktemp("counts"), DIVISOR)
    return [kind for kind in every if kind.name in GOOD | WAITING]


@pytest.fixture(scope="module")
def outcomes(
    emulator: FaultyEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OutcomeStage]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield deploy_outcomes(emulator, tmp_path_factory.mktemp("function"), monkeypatch)


@pytest.fixture(scope="module")
def started(
    emulator: FaultyEmulator, outcomes: OutcomeStage, some_kinds: Sequence[Kind]
) -> Mapping[str, int]:
    """Return how many tasks each key has while the table refuses every call."""
    emulator.inject(REFUSED)
    outcomes.send(some_kinds)
    good = {key for kind in some_kinds if kind.name in GOOD for key in kind.bodies()}
    wait_for(lambda: all(outcomes.tasks_of(key) for key in good))
    wait_for(lambda: bool(outcomes.waiting("table-unavailable")))
    return {key: len(outcomes.tasks_of(key)) for key in fates(some_kinds)}


@pytest.fixture(scope="module")
def found(
    emulator: FaultyEmulator,
    outcomes: OutcomeStage,
    some_kinds: Sequence[Kind],
    started: Mapping[str, int],
) -> Mapping[str, Fate]:
    """Return the fate of each key, after the table has come back."""
    assert started
    emulator.clear_faults()
    return outcomes.settled(fates(some_kinds))


def test_every_good_first_message_has_started_once(
    some_kinds: Sequence[Kind], started: Mapping[str, int]
) -> None:
    expected = {key: 1 for kind in some_kinds if kind.name in GOOD for key in kind.bodies()}
    assert {key: started[key] for key in expected} == expected


def test_limited_message_waits_and_says_why(
    outcomes: OutcomeStage, started: Mapping[str, int]
) -> None:
    limited = {key for key in started if key.startswith("limited-")}
    assert {started[key] for key in limited} == {0}
    assert outcomes.waiting("table-unavailable") >= limited
    assert outcomes.stage.metrics("TableUnavailable")


def test_nothing_is_lost_or_doubled_once_the_table_is_back(
    outcomes: OutcomeStage, some_kinds: Sequence[Kind], found: Mapping[str, Fate]
) -> None:
    expected = fates(some_kinds)
    assert found == expected
    counts = {key: len(outcomes.tasks_of(key)) for key in expected}
    assert counts == {key: fate.tasks for key, fate in expected.items()}
    assert outcomes.stage.queued(outcomes.stage.outputs["eventsDeadLetterQueueUrl"]) == []
