"""The handler with fakes around it."""

from __future__ import annotations

import pytest

from tests.unit.fakes import Rig


@pytest.fixture
def rig() -> Rig:
    """Return the handler of a stage with the default settings, and the fakes that it calls."""
    return Rig()
