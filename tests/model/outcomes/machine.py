"""Everything that may happen after a launch, as rules for hypothesis."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from rehearsal.emulator import READINGS, Reading
from tests.model.dynamodb import Away
from tests.model.jobs import CLUSTERS, INVALID_BODIES
from tests.model.mishaps import Mishaps
from tests.model.outcomes.fates import FATES, Fate, LimitedJob
from tests.model.outcomes.invariants import check, check_quiet
from tests.model.outcomes.world import FollowedWorld
from tests.model.wire import Fault, Plan
from tests.model.world import STAGES, Delivery

if TYPE_CHECKING:
    from collections.abc import Sequence

_STAGE: Final = st.sampled_from(STAGES)
_SECONDS: Final = st.sampled_from([10.0, 90.0, 300.0, 700.0, 2000.0, 2 * 3600.0])
_PLANS: Final[st.SearchStrategy[Plan]] = st.dictionaries(
    st.integers(0, 9), st.sampled_from(tuple(Fault)), max_size=2
)
_JOBS: Final = st.fixed_dictionaries(
    {
        "count": st.integers(1, 3),
        "cluster": st.sampled_from(CLUSTERS),
        "minutes": st.sampled_from([0, 2, 10]),
        "most": st.sampled_from([0, 3]),
        "again": st.sampled_from([0, 2]),
        "spot": st.booleans(),
    }
)


class Machine(Mishaps):
    """The handler in a world in which tasks live, and everything happens.

    Attributes:
        reading: of AWS's documents.
    """

    world: FollowedWorld

    reading: ClassVar[Reading] = READINGS[0]

    def __init__(self) -> None:
        super().__init__()
        self.world = FollowedWorld(self.reading)
        self.exit = contextlib.ExitStack()
        self.jobs: list[tuple[LimitedJob, str | None, str]] = []

    def teardown(self) -> None:
        """End the world, after it has become quiet without breaking a promise."""
        with self.exit:
            self.world.settle()
            check_quiet(self.world)

    @invariant()
    def holds(self) -> None:
        """Check what holds at any moment."""
        self.world.note_hindrance()
        check(self.world)

    @initialize(
        seed=st.integers(0, 3),
        fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=4),
        jobs=st.lists(_JOBS, min_size=1, max_size=3),
        keyed=st.booleans(),
    )
    def begin(
        self, *, seed: int, fates: Sequence[Fate], jobs: Sequence[dict[str, object]], keyed: bool
    ) -> None:
        """Choose the world's chance and the fates of its tasks, and send what they are for."""
        # Not in the constructor: hypothesis makes machines that it never runs.
        self.exit.enter_context(self.world)
        self.world.options.seed = seed
        self.world.draw.seed(seed)
        self.world.ecs.of_all = tuple(fates)
        for job in jobs:
            self._send(STAGES[0], job, keyed=keyed)

    @rule(stage=_STAGE, job=_JOBS, keyed=st.booleans())
    def send(self, *, stage: str, job: dict[str, object], keyed: bool) -> None:
        """Send a new job."""
        self._send(stage, job, keyed=keyed)

    def _send(self, stage: str, of: dict[str, object], *, keyed: bool) -> None:
        number = len(self.jobs) + 1
        job = LimitedJob(number=number, **of)  # type: ignore[arg-type]
        key = f"job-{number}" if keyed else None
        self.world.send(job, stage=stage, key=key)
        self.jobs.append((job, key, stage))

    @precondition(lambda self: any(key is not None for _, key, _ in self.jobs))
    @rule(pick=st.integers(0, 99))
    def send_again(self, pick: int) -> None:
        """Send a message with its key again."""
        keyed = [found for found in self.jobs if found[1] is not None]
        job, key, stage = keyed[pick % len(keyed)]
        self.world.send(job, stage=stage, key=key)

    @rule(stage=_STAGE, body=st.sampled_from(sorted(INVALID_BODIES.values())))
    def send_invalid(self, stage: str, body: str) -> None:
        """Send what must be rejected."""
        self.world.send(None, stage=stage, body=body)

    @rule(first=_PLANS, second=_PLANS, delay=st.sampled_from([0.0, 0.05, 4.0]))
    def deliver(self, first: Plan, second: Plan, delay: float) -> None:
        """Launch, in two environments of a stage at once, and calls go wrong."""
        self.world.deliver(
            Delivery(plan=first),
            Delivery(environment=1, most=2, delay=delay, plan=second),
            Delivery(stage=STAGES[1]),
        )

    @rule(seconds=_SECONDS, plan=_PLANS, sweeping=st.booleans())
    def live(self, *, seconds: float, plan: Plan, sweeping: bool) -> None:
        """Let tasks live, and launch meanwhile; calls about their events go wrong."""
        self.world.live(seconds, plan, sweeping=sweeping)
        self.world.deliver(*(Delivery(stage=stage) for stage in STAGES))

    @rule(first=_PLANS, second=_PLANS, delay=st.sampled_from([0.0, 0.05]), pick=st.integers(0, 99))
    def events(self, first: Plan, second: Plan, delay: float, pick: int) -> None:
        """Process events and the sweep in two environments at once, one event again."""
        messages = self.world.after[STAGES[0]].events.messages
        if messages:
            self.world.after[STAGES[0]].events.duplicate(messages[pick % len(messages)])
        self.world.bus.pump()
        self.world.schedule()
        self.world.deliver_events(
            Delivery(most=2, plan=first), Delivery(environment=1, delay=delay, plan=second)
        )

    @rule(
        room=st.sampled_from([0, 1, None]),
        supply=st.sampled_from(["FARGATE", "FARGATE_SPOT"]),
        away=st.sampled_from([None, None, *Away]),
        loss=st.sampled_from([0.0, 0.5, 1.0]),
    )
    def change(self, *, room: int | None, supply: str, away: Away | None, loss: float) -> None:
        """Let a supply have so much room, tables not answer, or events get lost."""
        for cluster in CLUSTERS:
            self.world.ecs.pool(f"{cluster}/{supply}").room = room
        self.world.table_away(away)
        self.world.bus.loss = loss


def machine(reading: Reading) -> type[Machine]:
    """Return the machine of a reading."""
    return type("Machine", (Machine,), {"reading": reading})
