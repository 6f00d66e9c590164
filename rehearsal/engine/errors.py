"""What the in-process engine refuses."""

from __future__ import annotations


class EngineError(Exception):
    """A resource that cannot be made here; the text names it and says why."""
