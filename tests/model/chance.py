"""What both simulations have in common: a seeded chance that lets things happen to a world."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tests.model.invariants import ViolationError
from tests.model.world import STAGES, Delivery, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.emulator import Reading

_W = TypeVar("_W", bound=World)

# Until a second environment begins: nearly at once, or while a call of the first one is slow.
_DELAYS: Final = (0.0, 0.0, 0.05, 1.5, 4.0)


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of one run.

    Attributes:
        seed: of the run.
        reading: of AWS's documents.
        error: what did not hold, empty where everything did.
        messages: that were sent.
        tasks: that were started.
    """

    seed: int
    reading: Reading
    error: str
    messages: int
    tasks: int


class Chance(Generic[_W]):
    """Chooses what happens next.

    Args:
        world: to which it happens.
        stream: a stream of its own: a handler that draws more must not change what happens.
    """

    def __init__(self, world: _W, stream: str) -> None:
        self.world = world
        self.draw = random.Random(stream)  # noqa: S311 - a simulation

    def deliveries(self) -> list[Delivery]:
        """Return which environments of which stages are invoked."""
        return [
            Delivery(
                stage=stage,
                environment=number,
                most=self.draw.choice([1, 4, 10]),
                delay=self.draw.choice(_DELAYS),
            )
            for stage in STAGES
            for number in range(2)
            if self.draw.random() < 2 / 3
        ]

    def duplicate(self) -> None:
        """Deliver a message again."""
        if messages := self.world.received():
            self.world.duplicate(*self.draw.choice(messages), self.draw.choice([0, 1]))

    def wear_out(self) -> None:
        """Let SQS move a message to the dead-letter queue."""
        if messages := self.world.unsettled():
            self.world.wear_out(*self.draw.choice(messages))

    def redrive(self) -> None:
        """Send a dead letter again."""
        if letters := self.world.letters():
            self.world.redrive(*self.draw.choice(letters))


def violation(
    world: _W,
    step: Callable[[], None],
    steps: int,
    *,
    check: Callable[[_W], None],
    check_quiet: Callable[[_W], None],
) -> str:
    """Let things happen, then let the world come to rest; return what did not hold.

    Args:
        world: to which they happen.
        step: lets one thing happen.
        steps: how many.
        check: raises ViolationError where a promise is broken at any time.
        check_quiet: the same once the world is at rest.
    """
    try:
        for _ in range(steps):
            step()
            check(world)
        world.settle()
        check_quiet(world)
    except ViolationError as found:
        return str(found)
    return ""
