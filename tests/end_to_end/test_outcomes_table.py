"""The table refuses every call: good first messages start all the same, and nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from function.outcomes.states import State
from rehearsal.fault_injection import InjectedFault
from tests.end_to_end.outcome_kinds import Fate, fates, kinds
from tests.end_to_end.outcome_stage import OutcomeStage, deploy_outcomes
from tests.end_to_end.stage import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rehearsal.fault_injection import FaultyEmulator

DIVISOR: Final = 10

# Kinds whose messages are sent without a key: a first message needs no table.
GOOD: Final = frozenset({"exit-0", "exit-7", "payload"})
# A message with a key of its own waits for the table, and so does one over a limit of tasks at
# once. A message that is rejected is rejected all the same.
WAITING: Final = frozenset({"limited", "over-runtime", "interface-once", "duplicate", "s3"})
REJECTED: Final = frozenset({"invalid", "not-allowed"})

REFUSED: Final = InjectedFault(
    service="dynamodb", action="*", error="AccessDeniedException", message="the table is away"
)


@pytest.fixture(scope="module")
def outcomes(
    emulator: FaultyEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OutcomeStage]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield deploy_outcomes(emulator, tmp_path_factory.mktemp("function"), monkeypatch)


@pytest.fixture(scope="module")
def expected(
    emulator: FaultyEmulator, outcomes: OutcomeStage, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Fate]:
    """Return what is expected to become of each key, after all messages were sent."""
    every = kinds(tmp_path_factory.mktemp("counts"), DIVISOR)
    others = [kind for kind in every if kind.name in WAITING | REJECTED]
    emulator.inject(REFUSED)
    found = fates(others)
    for kind in every:
        if kind.name in GOOD:
            found |= {outcomes.stage.send(body).key: kind.fate for body in kind.bodies().values()}
    outcomes.send(others)
    return found


@pytest.fixture(scope="module")
def started(outcomes: OutcomeStage, expected: Mapping[str, Fate]) -> Mapping[str, int]:
    """Return how many tasks each key has while the table refuses every call."""
    waiting = waiting_keys(expected)
    good = expected.keys() - waiting - rejected_keys(expected)
    wait_for(lambda: all(outcomes.tasks_of(key) for key in good))
    wait_for(lambda: outcomes.waiting("table-unavailable") >= waiting)
    return {key: len(outcomes.tasks_of(key)) for key in expected}


@pytest.fixture(scope="module")
def found(
    emulator: FaultyEmulator,
    outcomes: OutcomeStage,
    expected: Mapping[str, Fate],
    started: Mapping[str, int],
) -> Mapping[str, Fate]:
    """Return the fate of each key, after the table has come back."""
    assert started
    emulator.clear_faults()
    return outcomes.settled(expected)


def waiting_keys(expected: Mapping[str, Fate]) -> set[str]:
    return {key for key in expected if any(key.startswith(f"{name}-") for name in WAITING)}


def rejected_keys(expected: Mapping[str, Fate]) -> set[str]:
    return {key for key, fate in expected.items() if fate.state is State.REJECTED}


def test_every_good_first_message_has_started_once(
    expected: Mapping[str, Fate], started: Mapping[str, int]
) -> None:
    good = expected.keys() - waiting_keys(expected) - rejected_keys(expected)
    assert len(good) > len(GOOD)
    assert {key: started[key] for key in good} == dict.fromkeys(good, 1)


def test_what_waits_is_told(
    outcomes: OutcomeStage, expected: Mapping[str, Fate], started: Mapping[str, int]
) -> None:
    waiting = waiting_keys(expected)
    assert {key: started[key] for key in waiting} == dict.fromkeys(waiting, 0)
    assert outcomes.waiting("table-unavailable") == waiting
    assert outcomes.stage.metrics("TableUnavailable")


def test_nothing_is_lost_or_doubled_once_the_table_is_back(
    outcomes: OutcomeStage, expected: Mapping[str, Fate], found: Mapping[str, Fate]
) -> None:
    assert found == expected
    counts = {key: len(outcomes.tasks_of(key)) for key in expected}
    assert counts == {key: fate.tasks for key, fate in expected.items()}
    assert outcomes.stage.queued(outcomes.stage.outputs["eventsDeadLetterQueueUrl"]) == []
