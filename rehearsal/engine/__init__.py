"""The in-process engine: runs the Pulumi program and creates each resource at the emulator.

It shows what the program creates, changes and deletes, and that it works together. It does not
show the checks that the real provider and AWS make of each input.
"""

from __future__ import annotations

from rehearsal.engine.changes import Action, Change
from rehearsal.engine.errors import EngineError, ProtectedError
from rehearsal.engine.in_process import EmulatorSessions, InProcessEngine
from rehearsal.engine.missing_outputs import guaranteed_outputs
from rehearsal.engine.provider_calls import (
    API_NAMES,
    PROVIDER_ACTIONS,
    PROVIDER_CALLS,
    ProviderCalls,
)
from rehearsal.engine.resources import RESOURCE_TYPES
from rehearsal.engine.run import Run, destroy, preview, up
from rehearsal.engine.state import Resource, State

__all__ = [
    "API_NAMES",
    "PROVIDER_ACTIONS",
    "PROVIDER_CALLS",
    "RESOURCE_TYPES",
    "Action",
    "Change",
    "EmulatorSessions",
    "EngineError",
    "InProcessEngine",
    "ProtectedError",
    "ProviderCalls",
    "Resource",
    "Run",
    "State",
    "destroy",
    "guaranteed_outputs",
    "preview",
    "up",
]
