"""First deliveries of messages with an idempotency key."""

from __future__ import annotations

from bench.subjects.ours import Ours


def subject() -> Ours:
    """Return the subject."""
    return Ours(keyed=True)
