"""Simulated time for real code: threads of which one runs at a time, and clocks that jump.

The handler sleeps deep in its call stack, so each of its threads is a real thread here. A thread
that sleeps hands over to the thread that is due next, so that a run depends only on its seed.
"""

from __future__ import annotations

import heapq
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# The wall clock's time at the beginning, in seconds since 1970.
EPOCH: Final = 1_800_000_000.0

# Of a thread; the ancestor has a thousand sleeping invocations at once.
_STACK_BYTES: Final = 512 * 1024


class KilledError(BaseException):
    """The invocation reached its timeout. No `except Exception` may catch that."""


class _Fiber:
    def __init__(self) -> None:
        self.go = threading.Lock()
        self.go.acquire()
        self.work: Callable[[], object] = lambda: None


class Kernel:
    """Simulated time, from 0, and the threads that run in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, _Fiber]] = []
        self._sequence = 0
        self._main = _Fiber()
        self._current = self._main
        self._error: BaseException | None = None
        self._idle: list[_Fiber] = []
        threading.stack_size(_STACK_BYTES)

    def sleep(self, seconds: float) -> None:
        """Let time pass for the calling thread."""
        moment = self.now + max(0.0, seconds)
        if not self._due or self._due[0][0] > moment:
            self.now = moment  # no other thread is due before
            return
        me = self._current
        self._push(moment, me)
        self._yield(me)

    def spawn(self, work: Callable[[], object]) -> None:
        """Start a thread; it runs when the caller sleeps or ends."""
        new = not self._idle
        fiber = _Fiber() if new else self._idle.pop()
        fiber.work = work
        self._push(self.now, fiber)
        if new:
            threading.Thread(target=self._run, args=(fiber,), daemon=True).start()

    def run(self) -> None:
        """Return when all threads have ended.

        Raises:
            BaseException: if one of them raised it.
        """
        self._yield(self._main)
        # Let the idle threads end.
        for fiber in self._idle:
            fiber.work = sys.exit
            fiber.go.release()
        if self._error is not None:
            raise self._error

    def park(self) -> _Fiber:
        """Return the calling thread, for `wait` and `wake`."""
        return self._current

    def wait(self, me: _Fiber) -> None:
        """Stop until another thread wakes this one."""
        self._yield(me)

    def wake(self, fiber: _Fiber) -> None:
        """Let a waiting thread continue now."""
        self._push(self.now, fiber)

    def _push(self, moment: float, fiber: _Fiber) -> None:
        self._sequence += 1
        heapq.heappush(self._due, (moment, self._sequence, fiber))

    def _yield(self, me: _Fiber) -> None:
        if self._next() is not me:
            self._current.go.release()
            me.go.acquire()

    def _next(self) -> _Fiber:
        """Make the thread that is due next the current one; the main thread if there is none."""
        if self._due and self._error is None:
            self.now, _, self._current = heapq.heappop(self._due)
        else:
            self._current = self._main
        return self._current

    def _run(self, fiber: _Fiber) -> None:
        while True:
            fiber.go.acquire()
            if fiber.work is sys.exit:
                return
            try:
                fiber.work()
            except BaseException as error:  # noqa: BLE001 - `run` raises it
                self._error = error
            self._idle.append(fiber)
            following = self._next()
            if following is not fiber:
                following.go.release()


class Clock:
    """Time as one execution environment sees it, and the context of its invocations."""

    aws_request_id = "simulated"

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.deadline = float("inf")

    def time(self) -> float:
        """Return the seconds since 1970."""
        return EPOCH + self.kernel.now

    def monotonic(self) -> float:
        """Return the seconds of the simulation."""
        return self.kernel.now

    def current_time(self) -> float:
        """Return the same, under the name that botocore uses."""
        return self.kernel.now

    def sleep(self, seconds: float, /) -> None:
        """Let time pass.

        Raises:
            KilledError: if the invocation's timeout comes first.
        """
        left = self.deadline - self.kernel.now
        self.kernel.sleep(min(seconds, left))
        if seconds > left:
            raise KilledError

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left, as Lambda's context does."""
        return int((self.deadline - self.kernel.now) * 1000)


class Pool:
    """The part of `ThreadPoolExecutor` that the handler uses, in simulated time."""

    def __init__(self, kernel: Kernel, max_workers: int) -> None:
        self._kernel = kernel
        self._max_workers = max_workers

    def __enter__(self) -> Pool:  # noqa: PYI034 - it has no subclasses
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: `map` waits already."""

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Return the results in the order of the items.

        Raises:
            KilledError: if the timeout came, which ends all threads of an invocation.
        """
        todo = list(enumerate(items))
        todo.reverse()
        results: dict[int, Any] = {}
        killed: list[KilledError] = []
        running = min(self._max_workers, len(todo))
        caller = self._kernel.park()

        def run() -> None:
            nonlocal running
            try:
                while todo and not killed:
                    number, item = todo.pop()
                    results[number] = work(item)
            except KilledError as error:
                killed.append(error)
            running -= 1
            if not running:
                self._kernel.wake(caller)

        for _ in range(running):
            self._kernel.spawn(run)
        if running:
            self._kernel.wait(caller)
        if killed:
            raise killed[0]
        return iter([results[number] for number in sorted(results)])
