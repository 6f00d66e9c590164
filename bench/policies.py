"""What may happen to a batch: the real handler, and what it is compared with.

A policy makes an execution environment: it returns the function that works a batch, deletes
what was launched from the queue and hides what it keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import ClientError

from bench import environment
from bench.adaptive import Limiter
from bench.cloud import LATENCY_SECONDS, Ecs, Message, Quota
from bench.kernel import EPOCH, Pool
from function.application import Application
from function.limits import LAUNCH_RESERVE_SECONDS, THREADS
from function.settings import Settings
from function.sqs.backoff import visibility_seconds

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bench.cloud import Queue
    from bench.kernel import Clock, Kernel

    Handle = Callable[[list[Message]], None]

UNPACED: Final = 1e6
"""A launch rate at which the rate_limiter never waits."""

_ANCESTOR_ATTEMPTS: Final = 43
_ANCESTOR_DELAY_SECONDS: Final = (15, 20)


@dataclass
class World:
    """One run's queue, quota and counts."""

    kernel: Kernel
    queue: Queue
    quota: Quota
    draw: random.Random
    started: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def ecs(self, clock: Clock) -> Ecs:
        """Return RunTask for one environment."""
        return Ecs(clock, self.draw, self.quota, self.started, self.calls)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A way to work the queue, with the settings that belong to it.

    Attributes:
        name: in tables and plots.
        make: makes an execution environment, for a world, a clock and a launch rate.
        concurrency: of the event source mapping.
        batch: messages of an invocation.
        timeout_seconds: of the function.
        visibility_seconds: of the queue.
        max_receives: of the queue.
        memory_gigabytes: of the function.
        ramp: how many environments Lambda adds a minute; 0 has all at once.
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

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> Any:  # noqa: N803, ANN401 - as boto3's
        self._clock.sleep(self._draw.uniform(*LATENCY_SECONDS))
        for entry in Entries:
            message = self._queue.messages[int(entry["ReceiptHandle"])]
            self._queue.hide(message, entry["VisibilityTimeout"])
        return {}

    def send_message(self, **_: Any) -> Any:  # noqa: ANN401 - as boto3's
        """Count what the handler sends to its dead-letter queue: all messages are good."""
        self._queue.dead += 1
        return {}


class _Sns:
    def publish(self, **_: Any) -> Any:  # noqa: ANN401 - as boto3's
        return {}


def _real(world: World, clock: Clock, ecs: Ecs, rate: float) -> Handle:
    """Return the handler that is deployed, whole, in an environment of its own."""
    application = Application(
        Settings.from_environment(environment.variables(rate)),
        ecs=cast("Any", ecs),
        sqs=cast("Any", _Sqs(world.queue, clock, world.draw)),
        sns=cast("Any", _Sns()),
        log=cast("Any", _Quiet()),
        clock=clock,
        draw=world.draw.random,
    )

    def handle(messages: list[Message]) -> None:
        records = [
            environment.record(message.number, EPOCH, message.receives) for message in messages
        ]
        answer = application.handle({"Records": records}, clock)
        kept = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
        for message, record in zip(messages, records, strict=True):
            if record["messageId"] not in kept:
                world.queue.delete(message)

    return handle


class _Quiet:
    """A logger that writes nothing: what logs cost is measured by the handler's benchmark."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        """Return what takes anything and drops it."""
        return lambda *_args, **_keys: None


def _ours(world: World, clock: Clock, rate: float) -> Handle:
    return _real(world, clock, world.ecs(clock), rate)


def _adaptive(world: World, clock: Clock, _rate: float) -> Handle:
    """Return the deployed handler without its limiter, over a client in the mode `adaptive`."""
    ecs = world.ecs(clock)
    limiter = Limiter(clock)
    ecs.before, ecs.after = limiter.before, limiter.after
    return _real(world, clock, ecs, UNPACED)


def _simple(world: World, clock: Clock, hide: Callable[[Message], float]) -> Handle:
    """Return a handler that calls at once, and hides what failed for as long as `hide` says."""
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
        return visibility_seconds(message.receives, world.draw.random)

    return _simple(world, clock, hide)


def _fixed(world: World, clock: Clock, _rate: float) -> Handle:
    return _simple(world, clock, lambda _message: FIXED.visibility_seconds)


def _ancestor(world: World, clock: Clock, _rate: float) -> Handle:
    """Return the ancestor's policy: sleep inside, try again; whatever is left is swallowed."""
    ecs = world.ecs(clock)
    delay = world.draw.randint(*_ANCESTOR_DELAY_SECONDS)  # drawn once, when the module is loaded

    def handle(messages: list[Message]) -> None:
        (message,) = messages
        for _ in range(_ANCESTOR_ATTEMPTS):
            try:
                # It sets no client token: whatever starts, starts again after a timeout.
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
