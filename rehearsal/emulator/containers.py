"""The processes of containers: each in a group of its own, none outlives the emulator.

A group's number stands as a file name in a folder while it runs, so that the parent can end
what a killed emulator left. Standard library only: parent and child both import it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

GRACE_SECONDS = 2.0
"""From SIGTERM to SIGKILL when a task is stopped; Amazon ECS waits 30 seconds."""


class Containers:
    """Starts and ends the processes of containers.

    Args:
        groups: The folder whose file names are the process groups that run.
    """

    def __init__(self, groups: Path) -> None:
        """Remember the folder and make it."""
        groups.mkdir(parents=True, exist_ok=True)
        self._groups = groups
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own, with its output in a file.

        Raises:
            OSError: The command cannot be started, or the emulator is ending.
        """
        with self._lock, log.open("ab") as output:
            if self._closed:
                raise OSError("the emulator is ending")
            process = subprocess.Popen(  # noqa: S603 - the command is the container's own
                list(command),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
            (self._groups / str(process.pid)).touch()
        return process

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a process, end what it left of its group, and return the exit code."""
        code = process.wait()
        kill_group(process.pid)
        (self._groups / str(process.pid)).unlink(missing_ok=True)
        # A shell reports a death by signal N as 128 + N, and so does a container.
        return code if code >= 0 else 128 - code

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ask a process group to end, and end it after the time of grace."""
        kill_group(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)

    def close(self) -> None:
        """End every process and start none any more."""
        with self._lock:
            self._closed = True
            kill_listed(self._groups)


def kill_listed(groups: Path) -> None:
    """End every process group whose number is a file name in the folder."""
    for file in groups.glob("*"):
        kill_group(int(file.name))
        file.unlink(missing_ok=True)


def kill_group(group: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process group, if it still exists."""
    # macOS answers EPERM for a group that holds only zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
