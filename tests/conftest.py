"""How the tests are distributed to the workers of pytest-xdist, and which of them are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from coverage import Coverage
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

# Begun first, slowest first, so that all workers end together. Anywhere in this list is right; a
# file that is not in it only ends later.
SLOWEST: Final = (
    "test_outcomes_300.py",
    "test_promotion.py",
    "test_outcomes_events.py",
    "test_outcomes_table.py",
    "test_promotion_attacks.py",
    "test_stage_names.py",
    "test_command.py",
    "test_operator_status.py",
    "test_faults_crashing.py",
    "test_faults_returning.py",
    "test_rehearsal.py",
    "test_deploy_role.py",
    "test_faults_aging.py",
    "test_faults_unreachable.py",
    "test_verify.py",
    "test_send_resume.py",
    "test_operator_wait.py",
    "test_operator_redrive.py",
    "test_faults_launching.py",
    "test_faults_rejecting.py",
    "test_engine_function.py",
    "test_exactly_once.py",
    "test_attacks.py",
    "test_front.py",
    "test_engine_changes.py",
    "test_stage_changes.py",
    "test_fifo.py",
    "test_properties.py",
)

# Each of their tests takes long, and shares nothing with the others.
SPLIT: Final = ("test_rehearsal.py", "test_stage_names.py")

# Coverage is measured in these alone: it doubles the time that they take, and they cover all there
# is to cover. Elsewhere the function runs in the emulator's processes, which are not measured, or
# does again what these do.
MEASURED: Final = ("tests/unit/", "tests/infra/")

# Files of them that do the same thing a thousand times.
REPEATING: Final = ("test_drain.py", "test_memory.py", "test_properties.py")


class Scheduler(LoadFileScheduling):  # type: ignore[misc]  # pytest-xdist publishes no types
    """Runs all tests of a file in one worker, because they share an embedded AWS."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return nodeid if file.endswith(SPLIT) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler | None:
    """Return what distributes the tests, for `--dist=loadfile`."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # else the files with the most tests come first
    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the slowest files first."""
    ranks = {name: rank for rank, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure coverage in some tests only."""
    measured = item.nodeid.startswith(MEASURED) and item.path.name not in REPEATING
    stopped: list[Coverage] = []
    # A worker has two: where one stops, the one before it goes on.
    while not measured and (coverage := Coverage.current()) is not None:
        coverage.stop()
        stopped.append(coverage)
    try:
        return (yield)
    finally:
        for coverage in reversed(stopped):
            coverage.start()
