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
    "test_promotion.py",
    "test_faults_crashing.py",
    "test_faults_returning.py",
    "test_rehearsal.py",
    "test_deploy_role.py",
    "test_faults_aging.py",
    "test_faults_unreachable.py",
    "test_verify.py",
    "test_faults_launching.py",
    "test_faults_rejecting.py",
    "test_engine_function.py",
    "test_exactly_once.py",
    "test_engine_changes.py",
    "test_stage_changes.py",
    "test_fifo.py",
    "test_properties.py",
)

# Each of their tests takes long, and shares nothing with the others.
SPLIT: Final = ("test_rehearsal.py",)

# No coverage is measured in them, because they would take half as long again. In the end-to-end
# tests, the function runs in the emulator's processes, which are not measured anyway, and
# `tests/infra` covers the program of the stacks. The random runs of the model repeat what
# `test_scenarios.py` does.
UNMEASURED: Final = ("tests/end_to_end/", "tests/model/test_exactly_once.py")


class Scheduler(LoadFileScheduling):  # type: ignore[misc]  # pytest-xdist publishes no types
    """Runs all tests of a file in one worker, because they share an embedded AWS."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, _ = nodeid.partition("::")
        return nodeid if file.endswith(SPLIT) else file


@pytest.hookimpl
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
    """Measure no coverage in some tests."""
    coverage = Coverage.current()
    if coverage is None or not item.nodeid.startswith(UNMEASURED):
        return (yield)
    coverage.stop()
    try:
        return (yield)
    finally:
        coverage.start()
