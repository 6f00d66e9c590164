"""Events that arrive twice, last first, and every tenth not at all: each key has the same fate."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.end_to_end.outcome_kinds import Fate, Kind, fates, kinds
from tests.end_to_end.outcome_stage import QUICK, OutcomeStage, deploy_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rehearsal.fault_injection import FaultyEmulator

# A tenth of the messages of each kind, and two of each at least.
DIVISOR: Final = 10


@pytest.fixture(scope="module")
def some_kinds(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Kind]:
    return kinds(tmp_path_factory.mktemp("counts"), DIVISOR)


@pytest.fixture(scope="module")
def outcomes(
    emulator: FaultyEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OutcomeStage]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield deploy_outcomes(emulator, tmp_path_factory.mktemp("function"), monkeypatch)


@pytest.fixture(scope="module")
def found(
    emulator: FaultyEmulator, outcomes: OutcomeStage, some_kinds: Sequence[Kind]
) -> Mapping[str, Fate]:
    """Return the fate of each key, once the sweep has looked at what no event told."""
    bad = replace(QUICK, events_twice=True, events_reversed=True, lose_every=10)
    emulator.set_conditions(bad)
    outcomes.send(some_kinds)
    return outcomes.settled(fates(some_kinds), heal=True)


def test_every_key_has_the_same_fate_as_with_good_events(
    some_kinds: Sequence[Kind], found: Mapping[str, Fate]
) -> None:
    assert found == fates(some_kinds)


def test_no_task_is_started_that_was_not_expected(
    outcomes: OutcomeStage, some_kinds: Sequence[Kind], found: Mapping[str, Fate]
) -> None:
    assert found
    expected = fates(some_kinds)
    started = {key: len(outcomes.tasks_of(key)) for key in expected}
    assert started == {key: fate.tasks for key, fate in expected.items()}
