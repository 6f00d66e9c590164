"""What is known of a key at a moment."""

from __future__ import annotations

from dataclasses import dataclass

from function.outcomes.history import History
from function.outcomes.states import FINAL


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a look has found of a key.

    Attributes:
        history: What became of it. Where the stage keeps no histories, what ECS says of the tasks;
            its `asked` is None as long as the number of tasks is not known.
        known: Whether anything is known of the key: the table has it, or ECS has a task of it.
        recorded: Whether it is a history that the stage keeps.
    """

    history: History
    known: bool
    recorded: bool

    @property
    def key(self) -> str:
        """The key."""
        return self.history.key

    @property
    def final(self) -> bool:
        """Whether nothing will change any more."""
        return self.known and self.history.state in FINAL


def nothing_known(key: str) -> Sight:
    """Return what a key looks like of which nothing is known."""
    return Sight(history=History(key=key), known=False, recorded=False)
