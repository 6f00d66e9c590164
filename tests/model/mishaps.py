"""What SQS does to the messages of every world."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

if TYPE_CHECKING:
    from tests.model.world import World


class Mishaps(RuleBasedStateMachine):
    """Rules that both machines have."""

    world: World

    @rule(pick=st.integers(0, 99), echoes=st.integers(0, 1))
    def duplicate(self, pick: int, echoes: int) -> None:
        """Deliver a message once more, or twice at once, be it in flight, deleted, or a restart."""
        messages = self.world.received()
        if messages:
            self.world.duplicate(*messages[pick % len(messages)], echoes)

    @rule(pick=st.integers(0, 99), redrive=st.booleans())
    def dead_letters(self, *, pick: int, redrive: bool) -> None:
        """Let SQS move a message to the dead-letter queue, or send a dead letter again."""
        messages = self.world.letters() if redrive else self.world.unsettled()
        if messages:
            happen = self.world.redrive if redrive else self.world.wear_out
            happen(*messages[pick % len(messages)])
