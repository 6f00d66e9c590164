"""Everything that may happen around the handler, as rules for hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.model.dynamodb import Away
from tests.model.ecs import READINGS, Reading
from tests.model.invariants import check, check_quiet
from tests.model.jobs import CLUSTERS, INVALID_BODIES, INVALID_JOB, INVALID_KEYS, Job
from tests.model.wire import Fault, Plan
from tests.model.world import RETENTION_SECONDS, STAGES, Delivery, Options, World

if TYPE_CHECKING:
    from tests.model.sqs import Message
    from tests.model.world import MakeHandler

# Ticks end so long before the first message of a queue would be dropped: the mapping polls.
_POLLED_SECONDS: Final = 1800.0

_TICKS: Final = (1.0, 10.0, 400.0, 1800.0, 3500.0, 5400.0, 25 * 3600.0, 3 * 24 * 3600.0)

_STAGE: Final = st.sampled_from(STAGES)
_PLANS: Final[st.SearchStrategy[Plan]] = st.dictionaries(st.integers(0, 9), st.sampled_from(tuple(Fault)), max_size=2)
_POOLS: Final = st.sampled_from([f"{cluster}/FARGATE" for cluster in CLUSTERS])


class Machine(RuleBasedStateMachine):
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
        self.world.__enter__()
        self.jobs: list[tuple[Job, str | None]] = []

    def teardown(self) -> None:
        """End the world, after it has become quiet without breaking a promise."""
        try:
            self.world.settle()
            check_quiet(self.world)
        finally:
            self.world.__exit__(None, None, None)

    @invariant()
    def holds(self) -> None:
        """Check what holds at any moment."""
        check(self.world)

    # --- Senders

    @initialize(seed=st.integers(0, 3))
    def chance(self, seed: int) -> None:
        """Choose the world's chance."""
        self.world.options.seed = seed
        self.world.draw.seed(seed)

    @rule(
        stage=_STAGE,
        count=st.integers(1, 10),
        keyed=st.booleans(),
        by_service=st.booleans(),
        cluster=st.sampled_from(CLUSTERS),
    )
    def send(self, *, stage: str, count: int, keyed: bool, by_service: bool, cluster: str) -> None:
        """Send a new job."""
        number = len(self.jobs) + 1
        job = Job(number=number, count=count, by_service=by_service, cluster=cluster)
        key = f"job-{number}" if keyed else None
        self.world.send(job, stage=stage, key=key)
        self.jobs.append((job, key))

    @precondition(lambda self: self.jobs)
    @rule(stage=_STAGE, pick=st.integers(0, 99), same=st.booleans())
    def send_again(self, *, stage: str, pick: int, same: bool) -> None:
        """Use a key again, in the same stage or the other, for the same request or another."""
        keyed = [(job, key) for job, key in self.jobs if key is not None]
        if not keyed:
            return
        job, key = keyed[pick % len(keyed)]
        if same:
            again = Job(**{**vars(job), "wrapped": not job.wrapped})
        else:
            again = Job(number=len(self.jobs) + 1, count=job.count)
            self.jobs.append((again, key))
        self.world.send(again, stage=stage, key=key)

    @rule(stage=_STAGE, body=st.sampled_from(sorted(INVALID_BODIES)))
    def send_invalid(self, stage: str, body: str) -> None:
        """Send what must be rejected."""
        self.world.send(None, stage=stage, body=INVALID_BODIES[body])

    @rule(stage=_STAGE, key=st.sampled_from(INVALID_KEYS))
    def send_bad_key(self, stage: str, key: str) -> None:
        """Send a good body with a key that is not valid."""
        self.world.send(None, stage=stage, key=key, body=Job(number=INVALID_JOB).body)

    # --- SQS and Lambda

    def _visible(self, stage: str) -> bool:
        return bool(self.world.stages[stage].work.visible)

    @precondition(lambda self: any(self._visible(stage) for stage in STAGES))
    @rule(stage=_STAGE, most=st.sampled_from([10, 1, 3]), plan=_PLANS)
    def deliver(self, stage: str, most: int, plan: Plan) -> None:
        """Invoke the function."""
        self.world.deliver(Delivery(stage=stage, most=most, plan=plan))

    @precondition(lambda self: any(self._visible(stage) for stage in STAGES))
    @rule(
        most=st.sampled_from([1, 2, 5]),
        first=_PLANS,
        second=_PLANS,
        delay=st.sampled_from([0.0, 0.05, 4.0]),
    )
    def deliver_at_once(
        self, most: int, first: Plan, second: Plan, delay: float
    ) -> None:
        """Invoke the function in all environments of all stages at once, or nearly so."""
        self.world.deliver(
            Delivery(most=most, plan=first),
            Delivery(most=most, environment=1, delay=delay, plan=second),
            Delivery(stage=STAGES[1], most=most),
        )

    @precondition(lambda self: self.jobs)
    @rule(stage=_STAGE, pick=st.integers(0, 99), echoes=st.integers(0, 1))
    def duplicate(self, stage: str, pick: int, echoes: int) -> None:
        """Deliver a message once more, or twice at once, be it in flight or deleted."""
        messages = [
            message
            for message in self.world.stages[stage].work.messages
            if message.receives and self.world.kernel.now - message.sent_at < RETENTION_SECONDS / 2
        ]
        if messages:
            self.world.duplicate(messages[pick % len(messages)], stage, echoes)

    @precondition(lambda self: any(stage.work.live for stage in self.world.stages.values()))
    @rule(stage=_STAGE, pick=st.integers(0, 99))
    def wear_out(self, stage: str, pick: int) -> None:
        """Let SQS move a message that it has delivered to the dead-letter queue."""
        messages = [m for m in self.world.stages[stage].work.live if m.receives]
        if messages:
            self.world.wear_out(messages[pick % len(messages)], stage)

    @precondition(lambda self: any(stage.dead.live for stage in self.world.stages.values()))
    @rule(stage=_STAGE, pick=st.integers(0, 99))
    def redrive(self, stage: str, pick: int) -> None:
        """Send a dead letter again."""
        letters = self.world.stages[stage].dead.live
        if letters:
            self.world.redrive(letters[pick % len(letters)], stage)

    # --- Time

    @precondition(lambda self: self.world.history.sent)
    @rule(seconds=st.sampled_from(_TICKS))
    def tick(self, seconds: float) -> None:
        """Let time pass."""
        ends = [
            message.sent_at + RETENTION_SECONDS - _POLLED_SECONDS - self.world.kernel.now
            for stage in self.world.stages.values()
            for message in _waiting(stage.work.live)
        ]
        self.world.tick(max(0.0, min([seconds, *ends])))

    # --- What AWS does

    @rule(pool=_POOLS, room=st.sampled_from([0, 1, 3, None]), error=st.booleans())
    def capacity(self, *, pool: str, room: int | None, error: bool) -> None:
        """Let a pool have so much room."""
        found = self.world.ecs.pool(pool)
        found.room, found.error = room, error

    @rule(count=st.integers(1, 2))
    def ghosts(self, count: int) -> None:
        """Let tasks start for which a failure is answered."""
        self.world.ecs.ghosts = count

    @rule(throttled=st.booleans())
    def throttle(self, *, throttled: bool) -> None:
        """Throttle every call, or none."""
        self.world.ecs.throttled = throttled

    @rule()
    def change_network(self) -> None:
        """Give the service another network: requests that take it from there change."""
        self.world.change_network()

    @rule(why=st.sampled_from([None, *Away]))
    def table_away(self, why: Away | None) -> None:
        """Let the table not answer, or answer again."""
        self.world.table_away(why)

    @rule()
    def sweep(self) -> None:
        """Delete what expired."""
        self.world.sweep()


def _waiting(messages: list[Message]) -> list[Message]:
    return [message for message in messages if not message.gone]


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
