"""One emulator for all tests of a module: a start costs a third of a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rehearsal.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator.start() as running:
        yield running


@pytest.fixture(autouse=True)
def healed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take the faults of a test back, if it used the emulator."""
    yield
    if "emulator" in request.fixturenames:
        request.getfixturevalue("emulator").heal()
