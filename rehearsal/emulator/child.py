"""The emulator's own process: MiniStack with the stand-in in it.

Started by `Emulator`, never by hand. Its standard input is a pipe that the parent holds: when
it ends, for whatever reason, this process ends everything it started, and itself.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from rehearsal.emulator import (
    absolute_form,
    conditional_writes,
    delayed_tags,
    dispatch,
    event_source_mappings,
    function_credentials,
    iam,
    key_policies,
    lambda_actions,
    message_sizes,
    ministack_internals,
    policy_simulation,
    principals,
)
from rehearsal.emulator.container_instances import ContainerInstances
from rehearsal.emulator.containers import Containers
from rehearsal.emulator.ecs import Tasks
from rehearsal.emulator.layout import groups_folder, tasks_folder

if TYPE_CHECKING:
    from rehearsal.emulator.interception import Interceptor


def main(folder: Path, *, tag_delay_calls: int, interceptor: str = "") -> None:
    """Serve until the parent lets go of the pipe.

    Args:
        folder: The emulator's private folder, deleted at the end.
        tag_delay_calls: How many evaluations of a resource's tags see the old ones after a change.
        interceptor: `module:factory` of what may change answers, or empty for nothing.
    """
    containers = Containers(groups_folder(folder))
    threading.Thread(target=_end_with_parent, args=(folder, containers), daemon=True).start()
    instances = ContainerInstances()
    instances.install()
    Tasks(containers, tasks_folder(folder), folder, instances.place).install()
    iam.install()
    function_credentials.install()
    principals.install()
    policy_simulation.install()
    lambda_actions.install()
    delayed_tags.install(tag_delay_calls)
    key_policies.install()
    message_sizes.install()
    conditional_writes.install()
    absolute_form.install()
    event_source_mappings.install()
    dispatch.install(folder, _load(interceptor, folder) if interceptor else None)
    # The parent alone decides when it ends; Ctrl-C reaches a whole group of processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.argv = ["ministack"]
    ministack_internals.app.main()


def _load(interceptor: str, folder: Path) -> Interceptor:
    module, _, factory = interceptor.partition(":")
    loaded: Interceptor = getattr(importlib.import_module(module), factory)(folder)
    return loaded


def _end_with_parent(folder: Path, containers: Containers) -> None:
    sys.stdin.buffer.read()
    containers.close()
    shutil.rmtree(folder, ignore_errors=True)
    # Handlers run in this process's group; state is in memory only, so nothing is lost.
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        tag_delay_calls=int(sys.argv[2]),
        interceptor=sys.argv[3],
    )
