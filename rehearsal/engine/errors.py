"""The error of the in-process engine."""

from __future__ import annotations


class EngineError(Exception):
    """The in-process engine cannot deploy a stack; the text names the resource and the reason."""
