"""The processes of containers: each in a process group of its own, none outlives the emulator.

While a group runs, a file named by its number is in a folder, so that the parent can end what a
killed emulator left behind. Standard library only: parent and child both import it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# From SIGTERM to SIGKILL when a task is stopped. ECS waits 30 seconds unless `stopTimeout` says so.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
GRACE_SECONDS: Final = 2.0


class Containers:
    """Starts and ends the processes of containers.

    Args:
        groups: The folder whose file names are the process groups that run.
    """

    def __init__(self, groups: Path) -> None:
        groups.mkdir(parents=True, exist_ok=True)
        self._groups = groups
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own, with its output in a file.

        Raises:
            OSError: if the command cannot be started, or the emulator is ending.
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
        """Wait for a process, kill the rest of its group, and return the exit code."""
        code = process.wait()
        kill_group(process.pid)
        (self._groups / str(process.pid)).unlink(missing_ok=True)
        # A shell reports a death by signal N as 128 + N, and so does a container.
        return code if code >= 0 else 128 - code

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Ask a process group to end, and kill it if it has not after GRACE_SECONDS."""
        kill_group(process.pid, signal.SIGTERM)
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            kill_group(process.pid)

    def close(self) -> None:
        """Kill every process, and start no other."""
        with self._lock:
            self._closed = True
            kill_listed(self._groups)


def kill_listed(groups: Path) -> None:
    """Kill every process group whose number is a file name in the folder."""
    for file in groups.glob("*"):
        kill_group(int(file.name))
        file.unlink(missing_ok=True)


def kill_group(group: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process group, if it still exists."""
    # macOS answers EPERM for a group that holds only zombies.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
