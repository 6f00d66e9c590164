"""The policies: the real handler, and what it is compared with.

A policy makes an execution environment, which is a function that handles a batch: it deletes the
launched messages from the queue and hides those that it returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from bench import environment
from bench.adaptive import Limiter
from bench.cloud import Message, Wire
from bench.kernel import EPOCH, Pool
from function.application import Application
from function.launch.admission import backoff_seconds
from function.limits import LAUNCH_RESERVE_SECONDS, THREADS
from function.settings import Settings
from rehearsal.emulator import KEPT, RETRIED
from tests.model.dynamodb import DynamoDbClient
from tests.model.ecs_client import EcsClient

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bench.cloud import Ecs, Queue
    from bench.kernel import Kernel
    from rehearsal.emulator import Reading
    from tests.model.clock import Clock
    from tests.model.dynamodb import Table

    Handle = Callable[[list[Message]], None]

# A launch rate, in calls per second, at which the rate limiter never waits.
UNLIMITED: Final = 1e6

_ANCESTOR_ATTEMPTS: Final = 43
_ANCESTOR_DELAY_SECONDS: Final = (15, 20)


@dataclass(frozen=True, kw_only=True)
class World:
    """What an execution environment runs in.

    Attributes:
        kernel: Simulated time.
        queue: The work queue.
        ecs: ECS, with the quota and the capacity.
        table: The ledger.
        draw: The chance of everything that belongs to a call.
        launch_rate: The rate that the function is configured with, in tasks per second.
        launch_burst: The burst that it is configured with, in tasks.
        body: The body of every message.
        keyed: Every message has an idempotency key.
        faults: The chance of a fault of each call.
    """

    kernel: Kernel
    queue: Queue
    ecs: Ecs
    table: Table
    draw: random.Random
    launch_rate: float
    launch_burst: float
    body: str = environment.BODY
    keyed: bool = False
    faults: float = 0.0

    def wire(self, clock: Clock) -> Wire:
        """Return the way to AWS of one environment."""
        return Wire(clock, self.draw, self.faults)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A way to process the queue, with the settings that belong to it.

    Attributes:
        name: Its name in tables, plots and results.
        make: Makes an execution environment from a world and a clock.
        concurrency: The maximum concurrency of the event source mapping.
        batch: Messages per invocation.
        timeout_seconds: The function's timeout.
        visibility_seconds: The queue's visibility timeout.
        max_receives: The queue's `maxReceiveCount`.
        memory_gigabytes: The function's memory.
        ramp: Environments that Lambda adds per minute; 0 starts all of them at once.
        reading: What ECS remembers under a client token.
    """

    name: str
    make: Callable[[World, Clock], Handle]
    concurrency: int = environment.MAXIMUM_CONCURRENCY
    batch: int = environment.BATCH
    timeout_seconds: float = environment.TIMEOUT_SECONDS
    visibility_seconds: float = environment.VISIBILITY_SECONDS
    max_receives: int = 1000
    memory_gigabytes: float = environment.MEMORY_GIGABYTES
    ramp: float = 0.0
    reading: Reading = KEPT


class _Sqs:
    """The calls that the handler makes to its queues."""

    def __init__(self, queue: Queue, wire: Wire) -> None:
        self._queue, self._wire = queue, wire

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> Any:  # noqa: N803, ANN401 - like boto3
        def hide() -> dict[str, Any]:
            for entry in Entries:
                message = self._queue.messages[int(entry["ReceiptHandle"])]
                self._queue.hide(message, entry["VisibilityTimeout"])
            return {}

        return self._wire.call("ChangeMessageVisibilityBatch", hide)

    def send_message(self, **_: Any) -> Any:  # noqa: ANN401 - like boto3
        """Count the dead letters: all messages are good, so there should be none."""

        def count() -> dict[str, Any]:
            self._queue.dead += 1
            return {}

        return self._wire.call("SendMessage", count)


class _Sns:
    def publish(self, **_: Any) -> Any:  # noqa: ANN401 - like boto3
        return {}


def _handler(world: World, clock: Clock, wire: Wire, rate: float) -> Handle:
    """Return the deployed handler in an environment of its own."""
    variables = environment.variables(rate, launch_burst=max(rate, world.launch_burst))
    application = Application(
        Settings.from_environment(variables),
        ecs=cast("Any", EcsClient(wire=wire, ecs=world.ecs)),
        sqs=cast("Any", _Sqs(world.queue, wire)),
        sns=cast("Any", _Sns()),
        dynamodb=cast("Any", DynamoDbClient(wire=wire, table=world.table)),
        s3=cast("Any", None),
        log=cast("Any", _Quiet()),
        clock=clock,
        draw=world.draw.random,
    )

    def handle(messages: list[Message]) -> None:
        records = [
            environment.record(
                message.number,
                EPOCH,
                message.receives,
                first_received_at=EPOCH + (message.first_received_at or 0.0),
                body=world.body,
                keyed=world.keyed,
            )
            for message in messages
        ]
        response = application.handle({"Records": records}, clock)
        returned = {item["itemIdentifier"] for item in response["batchItemFailures"]}
        for message, record in zip(messages, records, strict=True):
            if record["messageId"] not in returned:
                world.queue.delete(message)

    return handle


class _Quiet:
    """A logger that writes nothing: the handler's benchmark measures the cost of logs."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        """Return a function that ignores its arguments."""
        return lambda *_args, **_keys: None


def _ours(world: World, clock: Clock) -> Handle:
    return _handler(world, clock, world.wire(clock), world.launch_rate)


def _adaptive(world: World, clock: Clock) -> Handle:
    """Return the deployed handler without its rate limiter, with an `adaptive` client."""
    wire = world.wire(clock)
    limiter = Limiter(clock)
    wire.before, wire.after = limiter.before, limiter.after
    return _handler(world, clock, wire, UNLIMITED)


def _run_task(world: World, wire: Wire, message: Message, token: str) -> None:
    """Start a message's task as a policy does that is not the handler."""
    call = {
        "cluster": environment.CLUSTER,
        "taskDefinition": "report:7",
        "startedBy": str(message.number),
        "clientToken": token,
    }
    wire.call("RunTask", lambda: world.ecs.run_task(call))


def _simple(world: World, clock: Clock, hide: Callable[[Message], float]) -> Handle:
    """Return a handler that calls immediately, and hides what failed for `hide` seconds."""
    wire = world.wire(clock)

    def one(message: Message) -> bool:
        if clock.deadline - clock.monotonic() < LAUNCH_RESERVE_SECONDS:
            return False
        try:
            _run_task(world, wire, message, str(message.number))
        except ClientError:
            return False
        return True

    def handle(messages: list[Message]) -> None:
        done = list(Pool(world.kernel, THREADS).map(one, messages))
        for message, launched in zip(messages, done, strict=True):
            if launched:
                world.queue.delete(message)
            else:
                world.queue.hide(message, hide(message))

    return handle


def _jitter(world: World, clock: Clock) -> Handle:
    def hide(message: Message) -> float:
        return backoff_seconds(message.receives, world.draw.random)

    return _simple(world, clock, hide)


def _fixed(world: World, clock: Clock) -> Handle:
    return _simple(world, clock, lambda _message: FIXED.visibility_seconds)


def _ancestor(world: World, clock: Clock) -> Handle:
    """Return the ancestor's policy: sleep and retry inside the invocation, then give up."""
    wire = world.wire(clock)
    delay = world.draw.randint(*_ANCESTOR_DELAY_SECONDS)  # drawn once per environment

    def handle(messages: list[Message]) -> None:
        (message,) = messages
        for _ in range(_ANCESTOR_ATTEMPTS):
            try:
                # It sets no client token: what has started starts again after a timeout.
                _run_task(world, wire, message, f"{message.number}.{message.receives}")
            except ClientError:
                clock.sleep(delay)
            else:
                break
        world.queue.delete(message)

    return handle


OURS: Final = Policy(name="ours", make=_ours)
OURS_RETRIED: Final = Policy(name="ours, failures retried", make=_ours, reading=RETRIED)
ADAPTIVE: Final = Policy(name="botocore's adaptive mode", make=_adaptive)
JITTER_2: Final = Policy(name="unpaced jitter, 2 at once", make=_jitter)
JITTER_10: Final = Policy(name="unpaced jitter, 10 at once", make=_jitter, concurrency=10)
FIXED: Final = Policy(
    name="fixed 180 s, 5 receives",
    make=_fixed,
    concurrency=10,
    timeout_seconds=30,
    visibility_seconds=180,
    max_receives=5,
)
ANCESTOR: Final = Policy(
    name="ancestor",
    make=_ancestor,
    concurrency=1000,
    batch=1,
    timeout_seconds=330,
    visibility_seconds=330,
    max_receives=5,
    memory_gigabytes=0.125,
    ramp=300,
)
POLICIES: Final = (OURS, OURS_RETRIED, ADAPTIVE, JITTER_2, JITTER_10, FIXED, ANCESTOR)
