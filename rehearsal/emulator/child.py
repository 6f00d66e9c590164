"""The emulator's own process: MiniStack with the stand-in in it.

Started by `Emulator`, never by hand. Its standard input is a pipe that the parent holds. The first
line is the secret access key of the root users, which so is in no list of processes and in no
environment. When the pipe ends, for whatever reason, this process ends everything it started, and
itself.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import socket
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
    event_targets,
    function_credentials,
    iam,
    key_policies,
    lambda_actions,
    message_sizes,
    policy_simulation,
    principals,
    receipt_handles,
)
from rehearsal.emulator.child_files import SettingsFile
from rehearsal.emulator.conditions import Conditions, conditions_file
from rehearsal.emulator.container_instances import ContainerInstances
from rehearsal.emulator.containers import Containers
from rehearsal.emulator.ecs import Tasks
from rehearsal.emulator.front import Front
from rehearsal.emulator.layout import groups_folder, tasks_folder
from rehearsal.emulator.server import serve

if TYPE_CHECKING:
    from rehearsal.emulator.interception import Interceptor


def main(
    folder: Path, *, listener: int, started: int, tag_delay_calls: int, interceptor: str = ""
) -> None:
    """Serve until the parent lets go of the pipe.

    Args:
        folder: The emulator's private folder, deleted at the end.
        listener: The descriptor of the socket to serve, bound to 127.0.0.1.
        started: The descriptor that a byte is written to once requests are answered.
        tag_delay_calls: How many evaluations of a resource's tags see the old ones after a change.
        interceptor: `module:factory` of what may change answers, or empty for nothing.
    """
    secret = sys.stdin.buffer.readline().decode("ascii").strip()
    containers = Containers(groups_folder(folder))
    threading.Thread(target=_end_with_parent, args=(folder, containers), daemon=True).start()
    instances = ContainerInstances()
    instances.install()
    settings = SettingsFile(conditions_file(folder))

    def conditions() -> Conditions:
        return Conditions(**settings.read())

    Tasks(containers, tasks_folder(folder), folder, instances.place, conditions).install()
    event_targets.install(conditions)
    iam.install()
    function_credentials.install()
    principals.install()
    policy_simulation.install()
    lambda_actions.install()
    delayed_tags.install(tag_delay_calls)
    key_policies.install()
    message_sizes.install()
    receipt_handles.install()
    conditional_writes.install()
    Front(secret, _port(listener), lambda: _tell(started)).install()
    absolute_form.install()
    event_source_mappings.install()
    dispatch.install(folder, _load(interceptor, folder) if interceptor else None)
    # The parent alone decides when it ends; Ctrl-C reaches a whole group of processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(listener)


def _port(listener: int) -> int:
    with socket.socket(fileno=os.dup(listener)) as bound:
        port: int = bound.getsockname()[1]
    return port


def _tell(started: int) -> None:
    os.write(started, b".")
    os.close(started)


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
        listener=int(sys.argv[2]),
        started=int(sys.argv[3]),
        tag_delay_calls=int(sys.argv[4]),
        interceptor=sys.argv[5],
    )
