"""The AWS of the simulation: a queue, its mapping to a function, and RunTask with its quota.

It is as simple as the question allows, and what it leaves out is told in the README.
"""

from __future__ import annotations

import functools
import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from bench.kernel import Clock, KilledError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from bench.kernel import Kernel

LATENCY_SECONDS: Final = (0.03, 0.05)
"""The least and the most that a RunTask call takes."""

GAP_SECONDS: Final = 0.03
"""From the end of an invocation to the next of the same environment: delete, receive, invoke."""

_IDLE_SECONDS: Final = 0.02
"""How soon after a message has become visible a mapping sees it, and the least it waits."""


@dataclass(slots=True)
class Message:
    """A message, with what SQS knows of it."""

    number: int
    receives: int = 0
    visible_at: float = 0.0
    gone: bool = False


class Queue:
    """A queue with its dead-letter queue. All messages are there at the beginning."""

    def __init__(
        self, kernel: Kernel, messages: int, *, visibility_seconds: float, max_receives: int
    ) -> None:
        """Hold so many messages."""
        self.messages = [Message(number) for number in range(messages)]
        self.left = messages
        self.dead = 0
        self._kernel = kernel
        self._visibility_seconds = visibility_seconds
        self._max_receives = max_receives
        self._visible = deque(self.messages)
        self._hidden: list[tuple[float, int, Message]] = []

    def receive(self, most: int) -> list[Message]:
        """Return visible messages, which are hidden from now on; worn out ones go to the DLQ."""
        now = self._kernel.now
        self._drop_stale()
        while self._hidden and self._hidden[0][0] <= now:
            visible_at, _, message = heapq.heappop(self._hidden)
            if not message.gone and message.visible_at == visible_at:
                self._visible.append(message)
        batch: list[Message] = []
        while self._visible and len(batch) < most:
            message = self._visible.popleft()
            if message.receives >= self._max_receives:
                self.dead += 1
                self.delete(message)
                continue
            message.receives += 1
            self.hide(message, self._visibility_seconds)
            batch.append(message)
        return batch

    def next_visible(self) -> float:
        """Return the moment at which a hidden message comes back."""
        self._drop_stale()
        return self._hidden[0][0] if self._hidden else float("inf")

    def hide(self, message: Message, seconds: float) -> None:
        """Set a message's visibility timeout."""
        message.visible_at = self._kernel.now + seconds
        heapq.heappush(self._hidden, (message.visible_at, message.number, message))

    def delete(self, message: Message) -> None:
        """Take a message out."""
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
    """RunTask's token bucket, and what else decides how a call ends.

    Attributes:
        rate: tokens a second.
        burst: tokens of a full bucket.
        others: calls a second of somebody else, at random moments.
        refusals_cost: a refused call takes what is left of a token.
        outage_until: up to then there is no capacity.
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
        """Start full."""
        self._tokens = self.burst
        self._next_other = self._until_other()

    def take(self) -> str:
        """Return the error code that a call made now gets, or empty."""
        now = self.clock.monotonic()
        while self._next_other <= now:
            self.others_refused += not self._take(self._next_other)
            self._next_other += self._until_other()
        if not self._take(now):
            return "ThrottlingException"
        return "ClientException" if now < self.outage_until else ""

    def _take(self, now: float) -> bool:
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return True
        if self.refusals_cost:
            self._tokens = 0.0
        return False

    def _until_other(self) -> float:
        return self.draw.expovariate(self.others) if self.others else float("inf")


_TEXTS: Final = {
    "ThrottlingException": "Rate exceeded",
    # The wording that all policies know, the ancestor's too.
    "ClientException": "You've reached the limit on the number of tasks you can run concurrently",
}


@dataclass
class Ecs:
    """RunTask, as one execution environment reaches it; `limiter` stands before each call."""

    clock: Clock
    draw: random.Random
    quota: Quota
    started: dict[str, float]
    calls: dict[str, int]
    before: Callable[[], None] = lambda: None
    after: Callable[[str], None] = lambda _code: None

    def run_task(self, **call: Any) -> dict[str, Any]:  # noqa: ANN401 - as boto3's
        """Answer after a while.

        Raises:
            ClientError: throttled, or no capacity.
        """
        self.before()
        self.clock.sleep(self.draw.uniform(*LATENCY_SECONDS))
        code = self.quota.take()
        self.calls[code] = self.calls.get(code, 0) + 1
        self.after(code)
        if code:
            error: Any = {
                "Error": {"Code": code, "Message": _TEXTS[code]},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }
            raise ClientError(error, "RunTask")
        # The client token: a second call with it starts nothing.
        self.started.setdefault(call["clientToken"], self.clock.monotonic())
        return {"tasks": [{"taskArn": f"arn:task/{call['clientToken']}"}], "failures": []}


@dataclass
class Mapping:
    """The event source mapping: it invokes the function while there are messages.

    Attributes:
        concurrency: execution environments at most.
        batch: messages of an invocation.
        timeout_seconds: of the function.
        ramp: more environments a minute, from 5; 0 has all of them at once.
        busy_seconds: the time for which AWS bills.
        killed: invocations that reached the timeout.
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
            environment: makes an execution environment, and returns its handler, which deletes
                what it launched and hides what it keeps.
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
            begun = self.kernel.now
            clock.deadline = begun + self.timeout_seconds
            try:
                handle(messages)
            except KilledError:
                self.killed += 1
                handle = None  # AWS starts a new environment after a timeout
            self.busy_seconds += self.kernel.now - begun
