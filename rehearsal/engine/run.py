"""One run of a Pulumi program in this process: what `pulumi up` would make, at the emulator."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import logging
import threading
import warnings
from typing import TYPE_CHECKING, Any

from pulumi.runtime import mocks
from pulumi.runtime.config import set_all_config
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

from infra.bundle import ROOT
from rehearsal.engine.deployer import Deployer
from rehearsal.engine.errors import EngineError
from rehearsal.engine.missing_outputs import broken
from rehearsal.engine.monitor import Monitor
from rehearsal.engine.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from rehearsal.emulator import Credentials, Emulator
    from rehearsal.engine.state import State

ORGANIZATION = "organization"
"""What Pulumi calls the owner of stacks on a self-managed backend."""

RUN_SECONDS = 60.0


class _Reported(logging.Filter):
    """Drops what asyncio says, at some later time, of an error that was raised already."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything else through."""
        return not (record.exc_info and isinstance(record.exc_info[1], EngineError))


logging.getLogger("asyncio").addFilter(_Reported())

# Pulumi's runtime is one for the process.
_one_at_a_time = threading.Lock()


def up(  # noqa: PLR0913 - what `pulumi up` reads from files and the shell
    program: Callable[[], None],
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    emulator: Emulator,
    state: State,
    folder: Path = ROOT,
    credentials: Credentials | None = None,
) -> dict[str, Any]:
    """Run a Pulumi program and return the stack's outputs, secrets unwrapped.

    Args:
        program: What `__main__.py` would do.
        project: The project's name.
        stack: The stack's name.
        config: The stack's configuration, `namespace:key` to text, objects as JSON.
        emulator: Where resources are made.
        state: What was made before; this run's resources and outputs are added.
        folder: The folder of Pulumi.yaml, into which the program may write what it builds.
        credentials: Who runs it; by default the root user of the first allowed account.

    Raises:
        EngineError: A resource cannot be made; what was made before it stays, and is kept.
    """
    with _one_at_a_time:
        provider = Provider(emulator, config, credentials)
        name = f"{project}/{stack}"
        deployer = Deployer(name, provider, state)
        monitor = Monitor(deployer)
        with _quiet():
            contextvars.Context().run(
                _run, program, project, stack, dict(config), monitor, deployer, folder
            )
    if missing := broken(monitor.stack_outputs):
        raise EngineError(f"stack {name}: an output uses {missing}, which is not given here")
    deployer.finish()
    state.outputs[name] = monitor.stack_outputs
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
            gc.collect()  # else they are found later, where warnings are heard again
            raise
        finally:
            logger.setLevel(level)


def _run(  # noqa: PLR0913, PLR0917 - as above
    program: Callable[[], None],
    project: str,
    stack: str,
    config: dict[str, str],
    monitor: Monitor,
    deployer: Deployer,
    folder: Path,
) -> None:
    async def main() -> None:
        await asyncio.wait_for(run_in_stack(program), RUN_SECONDS)

    # Any root at all keeps `set_mocks` from context a stack of its own, outside of a loop.
    set_root_resource(object())  # type: ignore[arg-type]
    mocks.set_mocks(
        deployer,
        project=project,
        stack=stack,
        preview=False,
        monitor=monitor,
        organization=ORGANIZATION,
    )
    set_root_resource(None)  # type: ignore[arg-type]
    # A run that failed leaves outputs that the next one would wait for.
    SETTINGS.outputs.clear()
    SETTINGS.root_directory = str(folder)
    set_all_config(config)
    asyncio.run(main())
