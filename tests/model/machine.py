"""Everything that may happen around the handler, as rules for hypothesis."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from rehearsal.emulator import READINGS, Reading
from tests.model.dynamodb import Away
from tests.model.invariants import check, check_quiet
from tests.model.jobs import CLUSTERS, INVALID_BODIES, INVALID_JOB, INVALID_KEYS, Job
from tests.model.mishaps import Mishaps
from tests.model.wire import Fault, Plan
from tests.model.world import STAGES, Delivery, Options, World

if TYPE_CHECKING:
    from tests.model.world import MakeHandler

_TICKS: Final = st.sampled_from(
    [0.0, 2.0, 10.0, 400.0, 400.0, 1000.0, 2000.0, 3500.0, 5400.0, 25 * 3600.0]
)

_STAGE: Final = st.sampled_from(STAGES)
_PLANS: Final[st.SearchStrategy[Plan]] = st.dictionaries(
    st.integers(0, 9), st.sampled_from(tuple(Fault)), max_size=2
)


class Machine(Mishaps):
    """The handler in a world in which everything happens.

    Attributes:
        reading: of AWS's documents.
        make: makes the handler.
    """

    reading: ClassVar[Reading] = READINGS[0]
    make: ClassVar[MakeHandler] = Options.make

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.reading, Options(make=type(self).make))
        self.exit = contextlib.ExitStack()
        self.jobs: list[tuple[Job, str | None]] = []

    def teardown(self) -> None:
        """End the world, after it has become quiet without breaking a promise."""
        with self.exit:
            self.world.settle()
            check_quiet(self.world)

    @invariant()
    def holds(self) -> None:
        """Check what holds at any moment."""
        check(self.world)

    # Few rules that do much: hypothesis chooses among them evenly, and what matters is what
    # happens between two deliveries.

    @initialize(
        seed=st.integers(0, 3),
        counts=st.lists(st.integers(1, 3), min_size=1, max_size=3),
        keyed=st.booleans(),
        by_service=st.booleans(),
    )
    def begin(self, *, seed: int, counts: list[int], keyed: bool, by_service: bool) -> None:
        """Choose the world's chance, and send what the rest happens to."""
        # Not in the constructor: hypothesis makes machines that it never runs.
        self.exit.enter_context(self.world)
        self.world.options.seed = seed
        self.world.draw.seed(seed)
        for count in counts:
            self._send(STAGES[0], count, CLUSTERS[0], keyed=keyed, by_service=by_service)

    @rule(
        stage=_STAGE,
        count=st.integers(1, 10),
        keyed=st.booleans(),
        by_service=st.booleans(),
        cluster=st.sampled_from(CLUSTERS),
    )
    def send(self, *, stage: str, count: int, keyed: bool, by_service: bool, cluster: str) -> None:
        """Send a new job."""
        self._send(stage, count, cluster, keyed=keyed, by_service=by_service)

    def _send(self, stage: str, count: int, cluster: str, *, keyed: bool, by_service: bool) -> None:
        number = len(self.jobs) + 1
        job = Job(number=number, count=count, by_service=by_service, cluster=cluster)
        key = f"job-{number}" if keyed else None
        self.world.send(job, stage=stage, key=key)
        self.jobs.append((job, key))

    @precondition(lambda self: any(key is not None for _, key in self.jobs))
    @rule(stage=_STAGE, pick=st.integers(0, 99), same=st.booleans())
    def send_again(self, *, stage: str, pick: int, same: bool) -> None:
        """Use a key again, in the same stage or the other, for the same request or another."""
        keyed = [(job, key) for job, key in self.jobs if key is not None]
        job, key = keyed[pick % len(keyed)]
        if same:
            again = replace(job, wrapped=not job.wrapped)
        else:
            again = Job(number=len(self.jobs) + 1, count=job.count)
            self.jobs.append((again, key))
        self.world.send(again, stage=stage, key=key)

    @rule(stage=_STAGE, pick=st.integers(0, 99))
    def send_invalid(self, stage: str, pick: int) -> None:
        """Send what must be rejected: a body, or a good body with a key that is not valid."""
        bodies = [(body, None) for body in INVALID_BODIES.values()]
        keys = [(Job(number=INVALID_JOB).body, key) for key in INVALID_KEYS]
        body, key = [*bodies, *keys][pick % (len(bodies) + len(keys))]
        self.world.send(None, stage=stage, key=key, body=body)

    @rule(wait=_TICKS)
    def deliver(self, wait: float) -> None:
        """Invoke the function in each stage, after a while, and nothing goes wrong on the way."""
        self.world.wait(wait)
        self.world.deliver(*(Delivery(stage=stage) for stage in STAGES))

    @rule(wait=_TICKS, most=st.sampled_from([10, 1]), plan=_PLANS)
    def deliver_with_faults(self, wait: float, most: int, plan: Plan) -> None:
        """Invoke the function in each stage, after a while, and calls go wrong."""
        self.world.wait(wait)
        self.world.deliver(*(Delivery(stage=stage, most=most, plan=plan) for stage in STAGES))

    @rule(
        wait=_TICKS,
        most=st.sampled_from([1, 2, 5]),
        first=_PLANS,
        second=_PLANS,
        delay=st.sampled_from([0.0, 0.05, 4.0]),
    )
    def deliver_at_once(
        self, *, wait: float, most: int, first: Plan, second: Plan, delay: float
    ) -> None:
        """Invoke the function in two environments of a stage at once, or nearly so."""
        self.world.wait(wait)
        self.world.deliver(
            Delivery(most=most, plan=first),
            Delivery(most=most, environment=1, delay=delay, plan=second),
            Delivery(stage=STAGES[1], most=most),
        )

    @rule(room=st.sampled_from([0, 1, 3, None]), error=st.booleans(), ghosts=st.integers(0, 1))
    def capacity(self, *, room: int | None, error: bool, ghosts: int) -> None:
        """Let every pool have so much room, and so many tasks start without an answer."""
        for cluster in CLUSTERS:
            pool = self.world.ecs.pool(f"{cluster}/FARGATE")
            pool.room, pool.error = room, error
        self.world.ecs.ghosts = ghosts

    @rule(
        throttled=st.booleans(),
        away=st.sampled_from([None, *Away]),
        network=st.booleans(),
        sweep=st.booleans(),
    )
    def change(self, *, throttled: bool, away: Away | None, network: bool, sweep: bool) -> None:
        """Let AWS throttle, tables not answer, or the service have another network."""
        self.world.ecs.throttled = throttled
        self.world.table_away(away)
        if network:
            self.world.change_network()
        if sweep:
            self.world.sweep()


def machine(reading: Reading, make: MakeHandler | None = None) -> type[Machine]:
    """Return the machine of a reading.

    Args:
        reading: of AWS's documents.
        make: makes the handler; the product's if it is left out.
    """
    changes: dict[str, Any] = {"reading": reading}
    if make is not None:
        changes["make"] = staticmethod(make)
    return type("Machine", (Machine,), changes)
