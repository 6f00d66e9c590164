"""One run of a Pulumi program in this process: what `pulumi up` would create, at the emulator."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pulumi.runtime import mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

from infra.bundle import ROOT
from rehearsal.engine.deployer import Deployer
from rehearsal.engine.errors import EngineError
from rehearsal.engine.missing_outputs import find_missing
from rehearsal.engine.monitor import Monitor
from rehearsal.engine.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rehearsal.emulator import Emulator
    from rehearsal.engine.state import State

# What Pulumi calls the owner of stacks in a self-managed backend.
# https://www.pulumi.com/docs/iac/concepts/stacks/#create-stack
ORGANIZATION: Final = "organization"

MAX_RUN_SECONDS: Final = 60.0

# Pulumi's runtime exists once in a process.
_lock = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Run:
    """One deployment of one stack.

    Attributes:
        program: The Pulumi program.
        project: The project's name.
        stack: The stack's name.
        config: The stack's configuration, `namespace:key` to text, objects as JSON.
        folder: The folder of Pulumi.yaml, in which the program may write what it builds.
    """

    program: Callable[[], None]
    project: str
    stack: str
    config: Mapping[str, str]
    folder: Path = ROOT

    @property
    def name(self) -> str:
        """The stack as `<project>/<stack>`."""
        return f"{self.project}/{self.stack}"


class _AlreadyRaised(logging.Filter):
    """Drops what asyncio logs later about an error that was raised already."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is about anything else."""
        return not (record.exc_info and isinstance(record.exc_info[1], EngineError))


logging.getLogger("asyncio").addFilter(_AlreadyRaised())


def up(run: Run, *, emulator: Emulator, state: State) -> dict[str, Any]:
    """Run a Pulumi program and return the stack's outputs, secrets unwrapped.

    Args:
        run: What is deployed.
        emulator: The embedded AWS in which resources are created.
        state: The resources that exist; this run's resources and outputs are added.

    Raises:
        EngineError: if a resource cannot be created; those created before it stay.
    """
    with _lock:
        deployer = Deployer(run.name, Provider(emulator, run.config), state)
        monitor = Monitor(deployer)
        with _quiet():
            contextvars.Context().run(_execute, run, monitor, deployer)
    if missing := find_missing(monitor.stack_outputs):
        raise EngineError(
            f"stack {run.name}: an output uses {missing}, which the in-process engine does not set"
        )
    deployer.finish()
    state.outputs[run.name] = monitor.stack_outputs
    return monitor.stack_outputs


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Pulumi abandons when a resource fails; the error itself is raised."""
    logger = logging.getLogger("asyncio")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        try:
            yield
        except BaseException:
            gc.collect()  # else they are collected later, when warnings are enabled again
            raise
        finally:
            logger.setLevel(level)


def _execute(run: Run, monitor: Monitor, deployer: Deployer) -> None:
    async def main() -> None:
        await asyncio.wait_for(run_in_stack(run.program), MAX_RUN_SECONDS)

    # Without a root resource `set_mocks` would create a stack, outside of an event loop.
    set_root_resource(object())  # type: ignore[arg-type]
    mocks.set_mocks(
        deployer,
        project=run.project,
        stack=run.stack,
        preview=False,
        monitor=monitor,
        organization=ORGANIZATION,
    )
    set_root_resource(None)  # type: ignore[arg-type]
    # A run that failed leaves outputs that the next one would wait for.
    SETTINGS.outputs.clear()
    SETTINGS.root_directory = str(run.folder)
    set_all_config(dict(run.config))
    asyncio.run(main())
