"""The world around the handler: stages with their queues and tables, on one ECS."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from bench.kernel import KilledError
from tests.model import clock, sqs
from tests.model.application import make_application, queue_url, table_name
from tests.model.dynamodb import Away, DynamoDbClient, Table
from tests.model.ecs import Ecs
from tests.model.ecs_client import EcsClient
from tests.model.history import History
from tests.model.jobs import CLUSTERS, SERVICE, Job
from tests.model.wire import Plan, Wire

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Self

    from rehearsal.emulator import Reading
    from tests.model.history import Sent

STAGES: Final = ("dev", "beta")
RETENTION_SECONDS: Final = 4 * 24 * 3600.0
LETTER_RETENTION_SECONDS: Final = 14 * 24 * 3600.0
TIMEOUT_SECONDS: Final = 60.0

# A wait ends so long before the first message of a queue would be dropped.
_POLLED_SECONDS: Final = 1800.0

# Between the end of an invocation and the deletion of what it worked.
_DELETE_SECONDS: Final = 0.01

# So many invocations are enough for a world without faults to become quiet, and so much time: less
# than a token lives, which must not be what ends a wait.
_MAX_ROUNDS: Final = 300
_MAX_SETTLE_SECONDS: Final = 12 * 3600.0


# How an execution environment makes its handler; `make_application` is the product's.
MakeHandler = Callable[..., "Handler"]


class Handler(Protocol):
    """What the world asks of the handler."""

    def handle(self, event: object, context: clock.Clock, /) -> dict[str, Any]:
        """Work a batch."""


@dataclass(kw_only=True, eq=False)
class Environment:
    """An execution environment."""

    clock: clock.Clock
    wire: Wire
    handler: Handler
    letters: list[str]


@dataclass(kw_only=True, eq=False)
class Stage:
    """One deployment."""

    name: str
    work: sqs.Queue
    dead: sqs.Queue
    table: Table
    environments: dict[int, Environment] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An invocation that is to happen.

    Attributes:
        stage: its name.
        environment: the number of the execution environment; two at once need two.
        most: messages of the batch.
        delay: seconds until it begins.
        plan: faults by the number of the call, or by the operation.
    """

    stage: str = STAGES[0]
    environment: int = 0
    most: int = 10
    delay: float = 0.0
    plan: Plan = field(default_factory=dict)


@dataclass(kw_only=True)
class Options:
    """How a world differs from the usual one.

    Attributes:
        seed: of everything that is chance.
        launch_rate: what the function is told.
        concurrency: execution environments that the function is told of.
        chance: of a fault of each call.
        max_receives: of the work queues.
        make: makes the handler.
    """

    seed: int = 0
    launch_rate: float = 20.0
    concurrency: int = 2
    chance: float = 0.0
    max_receives: int = 1000
    make: MakeHandler = make_application


class World:
    """Everything around the handler, as a context manager: inside of it time is virtual."""

    def __init__(self, reading: Reading, options: Options | None = None) -> None:
        self.options = options or Options()
        self.kernel = clock.Kernel()
        self.draw = random.Random(self.options.seed)  # noqa: S311 - a simulation
        self.history = History(self.kernel)
        self.ecs = Ecs(kernel=self.kernel, draw=self.draw, reading=reading, clusters=set(CLUSTERS))
        self.networks = itertools.count(1)
        self.change_network()
        ids = itertools.count(1)
        self.stages = {name: self._stage(name, ids) for name in STAGES}
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._exit.enter_context(clock.simulated(self.kernel))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kernel.close()
        self._exit.close()

    def _stage(self, name: str, ids: itertools.count[int]) -> Stage:
        dead = sqs.Queue(kernel=self.kernel, retention_seconds=LETTER_RETENTION_SECONDS, ids=ids)
        work = sqs.Queue(
            kernel=self.kernel,
            retention_seconds=RETENTION_SECONDS,
            visibility_seconds=6 * TIMEOUT_SECONDS,
            max_receives=self.options.max_receives,
            dead=dead,
            on_drop=self.history.dropped,
            on_move=self.history.moved,
            ids=ids,
        )
        return Stage(name=name, work=work, dead=dead, table=Table(name=table_name(name)))

    def parts(self, stage: Stage, wire: Wire, time: clock.Clock) -> dict[str, Any]:
        """Return the arguments of a handler that are the same in every world."""
        return {
            "dynamodb": DynamoDbClient(wire=wire, table=stage.table),
            "clock": time,
            "draw": self.draw,
            "launch_rate": self.options.launch_rate,
            "concurrency": self.options.concurrency,
            "unexpected": lambda text: self.history.violate(f"unexpected exception: {text}"),
        }

    def _environment(self, stage: Stage) -> Environment:
        time = clock.Clock(self.kernel)
        wire = Wire(time, self.draw, self.options.chance)
        letters: list[str] = []

        def on_letter(letter: sqs.Message) -> None:
            letters.append(self.history.letter(letter))

        handler = self.options.make(
            stage.name,
            ecs=EcsClient(wire=wire, ecs=self.ecs),
            sqs=sqs.SqsClient(
                wire=wire,
                work=stage.work,
                dead=stage.dead,
                work_url=queue_url(stage.name),
                dead_url=queue_url(stage.name, "dlq"),
                on_letter=on_letter,
            ),
            **self.parts(stage, wire, time),
        )
        return Environment(clock=time, wire=wire, handler=handler, letters=letters)

    # --- What may happen

    def send(
        self, job: Job | None, *, stage: str = STAGES[0], key: str | None = None, body: str = ""
    ) -> Sent:
        """Send a message.

        Args:
            job: what it asks for, None for a message that must be rejected.
            stage: to whose queue.
            key: the message attribute.
            body: of a message without a job, or with a key that is not valid.
        """
        text = body or (job.body if job else "")
        attributes = {} if key is None else {"key": {"DataType": "String", "StringValue": key}}
        message = self.stages[stage].work.send(text, attributes)
        return self.history.send(message, stage, key, job)

    def deliver(self, *deliveries: Delivery) -> None:
        """Invoke the function, at once in several environments, and wait until all ended."""
        for delivery in deliveries or (Delivery(),):
            self.kernel.spawn(functools.partial(self._invoke, delivery))
        self.kernel.run()

    def tick(self, seconds: float) -> None:
        """Let time pass in which nothing is delivered."""
        self.kernel.sleep(seconds)
        for stage in self.stages.values():
            _ = stage.work.live, stage.dead.live  # retention ends what is too old

    def wait(self, seconds: float) -> None:
        """Let time pass, but end before retention drops a message: the mapping polls."""
        ends = [
            message.sent_at + RETENTION_SECONDS - _POLLED_SECONDS - self.kernel.now
            for stage in self.stages.values()
            for message in stage.work.live
        ]
        self.tick(max(0.0, min([seconds, *ends])))

    def received(self) -> list[tuple[sqs.Message, str]]:
        """Return the messages that may be delivered once more, with their stages."""
        young = self.kernel.now - RETENTION_SECONDS / 2
        return [
            (message, name)
            for name, stage in self.stages.items()
            for message in stage.work.messages
            if message.receives and message.sent_at > young
        ]

    def unsettled(self) -> list[tuple[sqs.Message, str]]:
        """Return the messages that were delivered and are still in a queue."""
        return [
            (message, name)
            for name, stage in self.stages.items()
            for message in stage.work.live
            if message.receives
        ]

    def letters(self) -> list[tuple[sqs.Message, str]]:
        """Return the dead letters, with their stages."""
        return [(m, name) for name, stage in self.stages.items() for m in stage.dead.live]

    def change_network(self) -> None:
        """Let the service, from which jobs take their network, have another one."""
        number = next(self.networks)
        self.ecs.services[SERVICE] = {
            "subnets": [f"subnet-{number}"],
            "securityGroups": [f"sg-{number}"],
        }

    def duplicate(self, message: sqs.Message, stage: str, echoes: int = 0) -> None:
        """Let a message be delivered once more, or more often at the same time."""
        self.stages[stage].work.duplicate(message, echoes)
        self.history.duplicated(message, 1 + echoes)

    def wear_out(self, message: sqs.Message, stage: str) -> None:
        """Let SQS move a message, as after the last of its receives."""
        self.history.excuse_move(message)
        self.stages[stage].work.move(message)

    def redrive(self, letter: sqs.Message, stage: str) -> None:
        """Send a dead letter to its work queue again."""
        found = self.stages[stage]
        self.history.redriven(letter, sqs.redrive(letter, found.dead, found.work))

    def table_away(self, why: Away | None) -> None:
        """Let the tables not answer, or answer again."""
        for stage in self.stages.values():
            stage.table.away = why

    def sweep(self) -> None:
        """Let DynamoDB delete expired items."""
        for stage in self.stages.values():
            stage.table.sweep(clock.EPOCH + self.kernel.now)

    def repair(self) -> None:
        """End every fault."""
        self.table_away(None)
        self.ecs.throttled = self.ecs.denied = False
        self.ecs.ghosts = 0
        for pool in self.ecs.pools.values():
            pool.room, pool.error, pool.largest_cpu = None, False, 16_384
        self.options.chance = 0.0
        for stage in self.stages.values():
            for environment in stage.environments.values():
                environment.wire.chance = 0.0

    def settle(self) -> None:
        """End every fault, and deliver until the queues are empty."""
        self.repair()
        end = self.kernel.now + _MAX_SETTLE_SECONDS
        for _ in range(_MAX_ROUNDS):
            waiting = [m for stage in self.stages.values() for m in stage.work.live]
            if not waiting or self.kernel.now > end:
                break
            self.tick(max(0.0, min(message.visible_at for message in waiting) - self.kernel.now))
            self.deliver(
                *(Delivery(stage=name) for name, s in self.stages.items() if s.work.visible)
            )
        self.history.settled(
            [(name, m) for name, stage in self.stages.items() for m in stage.work.live]
        )

    # --- The event source mapping

    def _invoke(self, delivery: Delivery) -> None:
        self.kernel.sleep(delivery.delay)
        stage = self.stages[delivery.stage]
        messages = stage.work.receive(delivery.most)
        if not messages:
            return
        deliveries = [(message, message.receipt) for message in messages]
        kept, environment = self.handle(stage, delivery, messages)
        for message, receipt in deliveries:
            sent = self.history.sent.get(message.id)
            if sent is None:  # a message of the stage to itself
                if message.id not in kept:
                    stage.work.delete(receipt)
                continue
            letters = environment.letters.count(sent.id)
            # Of a message and its redriven copy in one batch, one may have sent the letter.
            copies = sum(self.history.sent.get(other.id) is sent for other, _ in deliveries)
            if message.id not in kept:
                stage.work.delete(receipt)
            self.history.delivered(
                message,
                stage,
                self.ecs,
                letters=letters,
                kept=message.id in kept,
                faulty=environment.wire.faulty or copies > 1,
            )

    def handle(
        self, stage: Stage, delivery: Delivery, messages: list[sqs.Message], queue: str = "work"
    ) -> tuple[set[str], Environment]:
        """Invoke the function with messages that were received.

        Args:
            stage: of the function.
            delivery: the invocation.
            messages: of one queue.
            queue: its name.

        Returns:
            The ids of those that stay in the queue, and where it happened.
        """
        environment = stage.environments.pop(delivery.environment, None)
        environment = environment or self._environment(stage)
        environment.wire.expect(delivery.plan)
        environment.letters.clear()
        environment.clock.deadline = self.kernel.now + TIMEOUT_SECONDS
        event = {"Records": [sqs.record_of(message, queue=queue) for message in messages]}
        kept = {message.id for message in messages}
        try:
            answer = environment.handler.handle(event, environment.clock)
        except KilledError:
            pass
        except Exception as error:  # noqa: BLE001 - what the handler must never do
            self.history.violate(f"the handler raised {type(error).__name__}: {str(error)[:200]}")
        else:
            kept = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        if not environment.clock.crashed:
            stage.environments.setdefault(delivery.environment, environment)
        self.kernel.sleep(_DELETE_SECONDS)
        return kept, environment
