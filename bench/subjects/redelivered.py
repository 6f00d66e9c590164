"""Second deliveries of messages with a key, whose item is in the ledger."""

from __future__ import annotations

from bench.subjects.ours import Ours


def subject() -> Ours:
    """Return the subject."""
    return Ours(keyed=True, receives=2)
