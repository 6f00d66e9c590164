"""First deliveries of messages that ask for ten tasks."""

from __future__ import annotations

from bench.subjects.ours import Ours


def subject() -> Ours:
    """Return the subject."""
    return Ours(count=10)
