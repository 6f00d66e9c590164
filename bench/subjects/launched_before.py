"""Third deliveries: the ledger has recorded that all tasks are launched."""

from __future__ import annotations

from bench.subjects.ours import Ours


def subject() -> Ours:
    """Return the subject."""
    return Ours(keyed=True, receives=3)
