"""Virtual time for the model: the kernel of the benchmarks, made to run in many short steps."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import pkgutil
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import function
from bench import kernel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

EPOCH: Final = kernel.EPOCH

_SPIN_SECONDS: Final = 0.001


class Crash(kernel.KilledError):
    """The execution environment ends here, with everything that it knew."""


class Kernel(kernel.Kernel):
    """The kernel, for many runs: threads that have ended wait for the next one."""

    def run(self) -> None:
        """Return when all threads have ended.

        Raises:
            BaseException: what one of them raised.
        """
        self._yield(self._main)
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def close(self) -> None:
        """End the threads."""
        with contextlib.suppress(SystemExit):
            super().run()
        self._idle.clear()


class Clock(kernel.Clock):
    """Time as one execution environment sees it, until that environment crashes."""

    def __init__(self, of: kernel.Kernel) -> None:
        super().__init__(of)
        self.crashed = False

    def crash(self) -> None:
        """End the environment: every thread of it stops at its next call or sleep.

        Raises:
            Crash: always.
        """
        self.crashed = True
        raise Crash

    def check(self) -> None:
        """Stop a thread of a crashed environment.

        Raises:
            Crash: the environment crashed.
        """
        if self.crashed:
            raise Crash

    def sleep(self, seconds: float, /) -> None:
        """Let time pass.

        Raises:
            Crash: the environment crashed meanwhile.
            KilledError: the invocation's timeout comes first.
        """
        self.check()
        try:
            super().sleep(seconds)
        except kernel.KilledError:
            self.crashed = True  # Lambda ends the environment after a timeout.
            raise
        self.check()


class Pool(kernel.Pool):
    """The benchmarks' pool, with threads that may raise, as those of `ThreadPoolExecutor`."""

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Return the results in the order of the items.

        Raises:
            KilledError: the environment ended.
            Exception: what the work raised, in the place of its result.
        """

        def caught(item: object) -> tuple[Any, Exception | None]:
            try:
                return work(item), None
            except Exception as error:  # noqa: BLE001 - raised below
                return None, error

        done = list(super().map(caught, items))
        return (_result(*pair) for pair in done)


def _result(result: object, error: Exception | None) -> Any:
    if error is not None:
        raise error
    return result


class _Lock:
    """A lock that lets other threads of the simulation run while it waits."""

    def __init__(self, of: kernel.Kernel) -> None:
        self._kernel = of
        self._lock = threading.Lock()

    def acquire(self, *_: object, **__: object) -> bool:
        while not self._lock.acquire(blocking=False):
            self._kernel.sleep(_SPIN_SECONDS)
        return True

    def release(self) -> None:
        self._lock.release()

    def locked(self) -> bool:
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


@contextlib.contextmanager
def simulated(of: kernel.Kernel) -> Iterator[None]:
    """Let the handler's threads and locks be those of a kernel, and its metrics go nowhere.

    Applications have to be made inside of it, because their locks are made with them.
    """
    locks: Any = SimpleNamespace(Lock=functools.partial(_Lock, of))
    with contextlib.ExitStack() as stack:
        for module in _modules():
            if getattr(module, "threading", None) is threading:
                stack.enter_context(mock.patch.object(module, "threading", locks))
            if hasattr(module, "ThreadPoolExecutor"):
                pool = functools.partial(Pool, of)
                stack.enter_context(mock.patch.object(module, "ThreadPoolExecutor", pool))
        stack.enter_context(mock.patch("function.observability.emit_metrics"))
        stack.enter_context(mock.patch("function.observability.emit"))
        stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        yield


@functools.cache
def _modules() -> tuple[Any, ...]:
    """Return the handler's modules, but for its entry point, which needs an environment."""
    names = (found.name for found in pkgutil.walk_packages(function.__path__, "function."))
    return tuple(importlib.import_module(name) for name in names if name != "function.handler")
