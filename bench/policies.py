"""The policies: the real handler, and what it is compared with.

A policy makes an execution environment, which is a function that handles a batch: it deletes the
launched messages from the queue and hides those that it returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from bench import environment
from bench.adaptive import Limiter
from bench.cloud import LATENCY_SECONDS, TABLE_LATENCY_SECONDS, Ecs, Message, Quota
from bench.kernel import EPOCH, Pool
from function.application import Application
from function.launch.admission import backoff_seconds
from function.limits import LAUNCH_RESERVE_SECONDS, THREADS
from function.settings import Settings

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bench.cloud import Queue
    from bench.kernel import Clock, Kernel

    Handle = Callable[[list[Message]], None]

# A launch rate, in calls per second, at which the rate limiter never waits.
UNLIMITED: Final = 1e6

_ANCESTOR_ATTEMPTS: Final = 43
_ANCESTOR_DELAY_SECONDS: Final = (15, 20)


@dataclass
class World:
    """One run's queue, quota, ledger and counts."""

    kernel: Kernel
    queue: Queue
    quota: Quota
    draw: random.Random
    started: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    ledger: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ecs(self, clock: Clock) -> Ecs:
        """Return RunTask for one environment."""
        return Ecs(clock, self.draw, self.quota, self.started, self.calls)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A way to process the queue, with the settings that belong to it.

    Attributes:
        name: Its name in tables, plots and results.
        make: Makes an execution environment from a world, a clock and a launch rate.
        concurrency: The maximum concurrency of the event source mapping.
        batch: Messages per invocation.
        timeout_seconds: The function's timeout.
        visibility_seconds: The queue's visibility timeout.
        max_receives: The queue's `maxReceiveCount`.
        memory_gigabytes: The function's memory.
        ramp: Environments that Lambda adds per minute; 0 starts all of them at once.
    """

    name: str
    make: Callable[[World, Clock, float], Handle]
    concurrency: int = environment.MAXIMUM_CONCURRENCY
    batch: int = environment.BATCH
    timeout_seconds: float = environment.TIMEOUT_SECONDS
    visibility_seconds: float = environment.VISIBILITY_SECONDS
    max_receives: int = 1000
    memory_gigabytes: float = environment.MEMORY_GIGABYTES
    ramp: float = 0.0


class _Sqs:
    """The calls that the handler makes to its queues."""

    def __init__(self, queue: Queue, clock: Clock, draw: random.Random) -> None:
        self._queue, self._clock, self._draw = queue, clock, draw

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> Any:  # noqa: N803, ANN401 - like boto3
        self._clock.sleep(self._draw.uniform(*LATENCY_SECONDS))
        for entry in Entries:
            message = self._queue.messages[int(entry["ReceiptHandle"])]
            self._queue.hide(message, entry["VisibilityTimeout"])
        return {}

    def send_message(self, **_: Any) -> Any:  # noqa: ANN401 - like boto3
        """Count the dead letters: all messages are good, so there should be none."""
        self._queue.dead += 1
        return {}


class _Table:
    """The ledger of a stage, for messages without a key: a table of one item per message."""

    def __init__(self, items: dict[str, dict[str, Any]], clock: Clock, draw: random.Random) -> None:
        self._items, self._clock, self._draw = items, clock, draw

    def put_item(self, *, Item: dict[str, Any], **_: Any) -> Any:  # noqa: N803, ANN401 - like boto3
        self._clock.sleep(self._draw.uniform(*TABLE_LATENCY_SECONDS))
        known = self._items.setdefault(Item["key"]["S"], dict(Item))
        if known != Item:
            raise _condition_failed(known)
        return {}

    def update_item(self, *, Key: dict[str, Any], **call: Any) -> Any:  # noqa: N803, ANN401 - like boto3
        """Write what the expression sets, and announce a call of the first attempt only."""
        self._clock.sleep(self._draw.uniform(*TABLE_LATENCY_SECONDS))
        item = self._items.get(Key["key"]["S"])
        if item is None:
            raise _condition_failed(None)
        before = dict(item)
        values, names = call["ExpressionAttributeValues"], call["ExpressionAttributeNames"]
        for name in names.values():
            if f":p_{name}" in values:
                item[name] = values[f":p_{name}"]
            elif f":k_{name}" in values:
                item.setdefault(name, values[f":k_{name}"])
        removed = call["UpdateExpression"].partition(" REMOVE ")[2]
        for name in filter(None, removed.split(", ")):
            item.pop(names[name], None)
        return {"Attributes": before}


def _condition_failed(item: dict[str, Any] | None) -> ClientError:
    error: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}
    if item is not None:
        error["Item"] = dict(item)
    return ClientError(error, "PutItem")


class _Sns:
    def publish(self, **_: Any) -> Any:  # noqa: ANN401 - like boto3
        return {}


def _handler(world: World, clock: Clock, ecs: Ecs, rate: float) -> Handle:
    """Return the deployed handler in an environment of its own."""
    application = Application(
        Settings.from_environment(environment.variables(rate)),
        ecs=cast("Any", ecs),
        sqs=cast("Any", _Sqs(world.queue, clock, world.draw)),
        sns=cast("Any", _Sns()),
        dynamodb=cast("Any", _Table(world.ledger, clock, world.draw)),
        log=cast("Any", _Quiet()),
        clock=clock,
        draw=world.draw.random,
    )

    def handle(messages: list[Message]) -> None:
        records = [
            environment.record(message.number, EPOCH, message.receives) for message in messages
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


def _ours(world: World, clock: Clock, rate: float) -> Handle:
    return _handler(world, clock, world.ecs(clock), rate)


def _adaptive(world: World, clock: Clock, _rate: float) -> Handle:
    """Return the deployed handler without its rate limiter, with an `adaptive` client."""
    ecs = world.ecs(clock)
    limiter = Limiter(clock)
    ecs.before, ecs.after = limiter.before, limiter.after
    return _handler(world, clock, ecs, UNLIMITED)


def _simple(world: World, clock: Clock, hide: Callable[[Message], float]) -> Handle:
    """Return a handler that calls immediately, and hides what failed for `hide` seconds."""
    ecs = world.ecs(clock)

    def one(message: Message) -> bool:
        if clock.deadline - clock.monotonic() < LAUNCH_RESERVE_SECONDS:
            return False
        try:
            ecs.run_task(clientToken=str(message.number))
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


def _jitter(world: World, clock: Clock, _rate: float) -> Handle:
    def hide(message: Message) -> float:
        return backoff_seconds(message.receives, world.draw.random)

    return _simple(world, clock, hide)


def _fixed(world: World, clock: Clock, _rate: float) -> Handle:
    return _simple(world, clock, lambda _message: FIXED.visibility_seconds)


def _ancestor(world: World, clock: Clock, _rate: float) -> Handle:
    """Return the ancestor's policy: sleep and retry inside the invocation, then give up."""
    ecs = world.ecs(clock)
    delay = world.draw.randint(*_ANCESTOR_DELAY_SECONDS)  # drawn once per environment

    def handle(messages: list[Message]) -> None:
        (message,) = messages
        for _ in range(_ANCESTOR_ATTEMPTS):
            try:
                # It sets no client token: what has started starts again after a timeout.
                ecs.run_task(clientToken=f"{message.number}.{message.receives}")
            except ClientError:
                clock.sleep(delay)
            else:
                break
        world.queue.delete(message)

    return handle


OURS: Final = Policy(name="ours", make=_ours)
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
POLICIES: Final = (OURS, ADAPTIVE, JITTER_2, JITTER_10, FIXED, ANCESTOR)
