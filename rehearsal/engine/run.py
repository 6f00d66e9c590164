"""Runs a Pulumi program in this process: preview, up and destroy, at the emulator."""

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
from rehearsal.engine.deletion import check_unprotected, delete_all
from rehearsal.engine.deployer import Deployer
from rehearsal.engine.errors import EngineError
from rehearsal.engine.missing_outputs import find_missing
from rehearsal.engine.monitor import Monitor
from rehearsal.engine.planner import Planner
from rehearsal.engine.provider import Provider, ProviderConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rehearsal.emulator import Emulator
    from rehearsal.engine.changes import Change
    from rehearsal.engine.registrar import Registrar
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


def preview(run: Run, *, state: State) -> list[Change]:
    """Run a Pulumi program without a call, and return what deploying it would change.

    Args:
        run: What would be deployed.
        state: The resources that exist.

    Raises:
        ProtectedError: if a protected resource would be replaced or deleted.
        EngineError: if the program fails, or uses what the engine does not know.
    """
    with _lock:
        return _plan(run, state)


def up(run: Run, *, emulator: Emulator, state: State, previewed: bool = False) -> dict[str, Any]:
    """Deploy a Pulumi program and return the stack's outputs, secrets unwrapped.

    Args:
        run: What is deployed.
        emulator: The embedded AWS in which resources are created.
        state: The resources that exist; it is updated.
        previewed: Whether the changes were previewed just now.

    Raises:
        ProtectedError: if a protected resource would be replaced or deleted; nothing was changed.
        EngineError: if a resource cannot be created, changed or deleted; what was done before it
            stays, and another run continues.
    """
    with _lock:
        # Pulumi previews every deployment first, so that it refuses before it changes anything.
        protects = any(resource.protected for resource in state.resources(run.name))
        if protects and not previewed:
            _plan(run, state)
        deployer = Deployer(run.name, Provider(emulator, run.config), state)
        monitor = Monitor(deployer)
        _execute(run, monitor, deployer, dry_run=False)
        if missing := find_missing(monitor.stack_outputs):
            raise EngineError(
                f"stack {run.name}: an output uses {missing}, which the in-process engine does "
                "not set"
            )
        deployer.finish()
        state.outputs[run.name] = monitor.stack_outputs
    return monitor.stack_outputs


def destroy(run: Run, *, emulator: Emulator, state: State) -> None:
    """Delete all resources of a stack; the program does not run.

    Args:
        run: The stack, with its configuration.
        emulator: The embedded AWS.
        state: The resources that exist; it is updated.

    Raises:
        ProtectedError: if a resource is protected; nothing was deleted.
        EngineError: if a resource cannot be deleted; those that are left stay in the state.
    """
    with _lock:
        check_unprotected(run.name, state)
        delete_all(run.name, Provider(emulator, run.config), state)


def _plan(run: Run, state: State) -> list[Change]:
    planner = Planner(run.name, ProviderConfig(run.config), state)
    _execute(run, Monitor(planner), planner, dry_run=True)
    return planner.finish()


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


def _execute(run: Run, monitor: Monitor, registrar: Registrar, *, dry_run: bool) -> None:
    with _quiet():
        contextvars.Context().run(_run_program, run, monitor, registrar, dry_run)


def _run_program(run: Run, monitor: Monitor, registrar: Registrar, dry_run: bool) -> None:  # noqa: FBT001 - `Context.run` is called with it
    async def main() -> None:
        await asyncio.wait_for(run_in_stack(run.program), MAX_RUN_SECONDS)

    # Without a root resource `set_mocks` would create a stack, outside of an event loop.
    set_root_resource(object())  # type: ignore[arg-type]
    mocks.set_mocks(
        registrar,
        project=run.project,
        stack=run.stack,
        preview=dry_run,
        monitor=monitor,
        organization=ORGANIZATION,
    )
    set_root_resource(None)  # type: ignore[arg-type]
    # A run that failed leaves outputs that the next one would wait for.
    SETTINGS.outputs.clear()
    SETTINGS.root_directory = str(run.folder)
    set_all_config(dict(run.config))
    asyncio.run(main())
