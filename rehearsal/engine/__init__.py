"""The in-process engine: runs the Pulumi program and makes each resource at the emulator.

It shows what the program makes and that it works together. It does not show previews, diffs
or deletes, nor the checks that the real provider and AWS make of each input.
"""

from __future__ import annotations

from rehearsal.engine.errors import EngineError
from rehearsal.engine.run import up
from rehearsal.engine.state import Resource, State

__all__ = ["EngineError", "Resource", "State", "up"]
