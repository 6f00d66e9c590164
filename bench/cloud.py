"""The simulated AWS: a queue, its mapping to a function, and RunTask with its quota.

It is as simple as the question allows; the README lists what it leaves out.
"""

from __future__ import annotations

import functools
import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import ClientError

from bench.kernel import KilledError
from tests.model import ecs, wire
from tests.model.clock import Clock
from tests.model.wire import error_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bench.kernel import Kernel

_T = TypeVar("_T")

# The shortest and the longest duration of a call to ECS or SQS.
LATENCY_SECONDS: Final = (0.03, 0.05)

# The same of a call to a table.
TABLE_LATENCY_SECONDS: Final = (0.004, 0.012)
_TABLE_CALLS: Final = frozenset({"GetItem", "PutItem", "UpdateItem"})

# From the end of an invocation to the next one in the same environment: delete, receive, invoke.
GAP_SECONDS: Final = 0.03

# How soon the mapping receives a message that has become visible, and its shortest wait.
_IDLE_SECONDS: Final = 0.02


@dataclass(slots=True)
class Message:
    """A message, with its state in SQS."""

    number: int
    receives: int = 0
    first_received_at: float | None = None
    visible_at: float = 0.0
    gone: bool = False


class Queue:
    """A queue with its dead-letter queue. It starts with all of its messages."""

    def __init__(
        self, kernel: Kernel, messages: int, *, visibility_seconds: float, max_receives: int
    ) -> None:
        self.messages = [Message(number) for number in range(messages)]
        self.left = messages
        self.dead = 0
        self._kernel = kernel
        self._visibility_seconds = visibility_seconds
        self._max_receives = max_receives
        self._visible = deque(self.messages)
        self._hidden: list[tuple[float, int, Message]] = []

    def receive(self, max_messages: int) -> list[Message]:
        """Return visible messages and hide them; those received too often go to the DLQ."""
        now = self._kernel.now
        self._drop_stale()
        while self._hidden and self._hidden[0][0] <= now:
            visible_at, _, message = heapq.heappop(self._hidden)
            if not message.gone and message.visible_at == visible_at:
                self._visible.append(message)
        batch: list[Message] = []
        while self._visible and len(batch) < max_messages:
            message = self._visible.popleft()
            if message.receives >= self._max_receives:
                self.dead += 1
                self.delete(message)
                continue
            message.receives += 1
            if message.first_received_at is None:
                message.first_received_at = now
            self.hide(message, self._visibility_seconds)
            batch.append(message)
        return batch

    def next_visible(self) -> float:
        """Return the moment at which the next hidden message becomes visible."""
        self._drop_stale()
        return self._hidden[0][0] if self._hidden else float("inf")

    def hide(self, message: Message, seconds: float) -> None:
        """Set a message's visibility timeout."""
        message.visible_at = self._kernel.now + seconds
        heapq.heappush(self._hidden, (message.visible_at, message.number, message))

    def delete(self, message: Message) -> None:
        """Delete a message."""
        message.gone = True
        self.left -= 1

    def _drop_stale(self) -> None:
        while self._hidden:
            visible_at, _, message = self._hidden[0]
            if not message.gone and message.visible_at == visible_at:
                return
            heapq.heappop(self._hidden)


@dataclass(kw_only=True)
class Quota:
    """RunTask's token bucket, and everything else that decides the result of a call.

    Attributes:
        clock: Simulated time.
        draw: Draws the moments of the others' calls.
        rate: Tokens per second; a call takes one for each of its tasks.
        burst: Tokens in a full bucket.
        others: Calls per second of other callers in the account, at random moments.
        refusals_cost: A refused call takes what is left of a token.
        outage_until: Until then there is no capacity.
        others_refused: Calls of others that were throttled so far.
    """

    clock: Clock
    draw: random.Random
    rate: float
    burst: float
    others: float = 0.0
    refusals_cost: bool = False
    outage_until: float = 0.0
    others_refused: int = 0
    _tokens: float = 0.0
    _at: float = 0.0
    _next_other: float = 0.0

    def __post_init__(self) -> None:
        self._tokens = self.burst
        self._next_other = self._until_other()

    def take(self, tasks: int) -> str:
        """Return the error code of a call made now, or an empty string."""
        now = self.clock.monotonic()
        while self._next_other <= now:
            self.others_refused += not self._take(self._next_other, 1)
            self._next_other += self._until_other()
        if not self._take(now, tasks):
            return "ThrottlingException"
        return "ClientException" if now < self.outage_until else ""

    def _take(self, now: float, tasks: int) -> bool:
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= tasks:
            self._tokens -= tasks
            return True
        if self.refusals_cost:
            self._tokens = 0.0
        return False

    def _until_other(self) -> float:
        return self.draw.expovariate(self.others) if self.others else float("inf")


_TEXTS: Final = {
    "ThrottlingException": "Rate exceeded",
    # A wording that all policies recognise, including the ancestor's.
    "ClientException": "You've reached the limit on the number of tasks you can run concurrently",
}


@dataclass(kw_only=True)
class Ecs(ecs.Ecs):
    """The model of ECS, with the quota of the benchmark instead of its own.

    Attributes:
        quota: Decides which calls are throttled.
        answers: The number of calls by error code; an empty one for those that succeeded.
        replays: The number of calls with a known client token whose first answer had failures, so
            that the reading decides.
    """

    quota: Quota
    answers: dict[str, int] = field(default_factory=dict)
    replays: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.launch_buckets.clear()

    def run_task(self, call: dict[str, Any]) -> dict[str, Any]:
        """Answer RunTask.

        Raises:
            ClientError: if the call is throttled, there is no capacity, or the client token was
                used with other parameters.
        """
        code = self.quota.take(call.get("count", 1))
        if code:
            self._count(code)
            raise error_of(code, _TEXTS[code], "RunTask")
        try:
            answer = super().run_task(call)
        except ClientError as error:
            self._count(error.response["Error"]["Code"])
            raise
        self._count("")
        return answer

    def _count(self, code: str) -> None:
        self.answers[code] = self.answers.get(code, 0) + 1

    def _replay(
        self, token: ecs.Token, call: dict[str, Any], cluster: str, count: int
    ) -> dict[str, Any]:
        self.replays += bool(token.failures)
        return super()._replay(token, call, cluster, count)

    def _pace(self, _supply: str) -> None:
        """Do nothing: the quota has let the call through."""


class Wire(wire.Wire):
    """Carries the calls of one execution environment, with hooks before and after each RunTask.

    Attributes:
        before: Called before a RunTask call is sent.
        after: Called with the error code of its answer, or an empty string.
    """

    before: Callable[[], None] = staticmethod(lambda: None)
    after: Callable[[str], None] = staticmethod(lambda _code: None)

    def call(self, operation: str, effect: Callable[[], _T]) -> _T:
        """Return what a call answers."""
        if operation != "RunTask":
            return super().call(operation, effect)
        self.before()
        try:
            answer = super().call(operation, effect)
        except ClientError as error:
            self.after(error.response["Error"]["Code"])
            raise
        self.after("")
        return answer

    def _travel(self, operation: str) -> None:
        """Let half of the call's duration pass."""
        latency = TABLE_LATENCY_SECONDS if operation in _TABLE_CALLS else LATENCY_SECONDS
        self.clock.sleep(self._draw.uniform(*latency) / 2)


@dataclass
class Mapping:
    """The event source mapping: invokes the function while there are messages.

    Attributes:
        kernel: Simulated time.
        queue: The work queue.
        concurrency: The most execution environments.
        batch: Messages per invocation.
        timeout_seconds: The function's timeout.
        ramp: Environments added per minute, starting from 5; 0 starts all of them at once.
        busy_seconds: The time that AWS bills.
        killed: Invocations that reached the timeout.
        receives: Messages received so far, redeliveries included.
    """

    kernel: Kernel
    queue: Queue
    concurrency: int
    batch: int
    timeout_seconds: float
    ramp: float = 0.0
    busy_seconds: float = field(default=0.0, init=False)
    killed: int = field(default=0, init=False)
    receives: int = field(default=0, init=False)

    def start(self, environment: Callable[[Clock], Callable[[list[Message]], None]]) -> None:
        """Invoke until the queue is empty.

        Args:
            environment: Makes an execution environment and returns its handler, which deletes
                the messages that it launched and hides those that it returns.
        """
        for number in range(self.concurrency):
            delay = max(0, number - 4) * 60 / self.ramp if self.ramp else 0.0
            self.kernel.spawn(functools.partial(self._poll, delay, environment))

    def _poll(
        self, delay: float, environment: Callable[[Clock], Callable[[list[Message]], None]]
    ) -> None:
        self.kernel.sleep(delay)
        handle: Callable[[list[Message]], None] | None = None
        clock = Clock(self.kernel)
        while self.queue.left:
            messages = self.queue.receive(self.batch)
            if not messages:
                if self.queue.left:
                    wait = self.queue.next_visible() - self.kernel.now
                    self.kernel.sleep(max(0.0, wait) + _IDLE_SECONDS)
                continue
            self.kernel.sleep(GAP_SECONDS)
            self.receives += len(messages)
            handle = handle or environment(clock)
            started = self.kernel.now
            clock.deadline = started + self.timeout_seconds
            try:
                handle(messages)
            except KilledError:
                self.killed += 1
                # AWS starts a new environment after a timeout or a crash.
                handle, clock = None, Clock(self.kernel)
            self.busy_seconds += self.kernel.now - started
