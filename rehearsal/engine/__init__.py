"""The in-process engine: runs the Pulumi program and creates each resource at the emulator.

It shows what the program creates and that it works together. It does not show previews, diffs
or deletes, nor the checks that the real provider and AWS make of each input.
"""

from __future__ import annotations

from rehearsal.engine.errors import EngineError
from rehearsal.engine.in_process import EmulatorSessions, InProcessEngine
from rehearsal.engine.missing_outputs import guaranteed_outputs
from rehearsal.engine.provider_calls import (
    API_NAMES,
    PROVIDER_ACTIONS,
    PROVIDER_CALLS,
    ProviderCalls,
)
from rehearsal.engine.resources import RESOURCE_TYPES
from rehearsal.engine.run import Run, up
from rehearsal.engine.state import Resource, State

__all__ = [
    "API_NAMES",
    "PROVIDER_ACTIONS",
    "PROVIDER_CALLS",
    "RESOURCE_TYPES",
    "EmulatorSessions",
    "EngineError",
    "InProcessEngine",
    "ProviderCalls",
    "Resource",
    "Run",
    "State",
    "guaranteed_outputs",
    "up",
]
