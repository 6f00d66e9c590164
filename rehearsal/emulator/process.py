"""The emulator as a child process that always ends with its parent."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from rehearsal.emulator import fault_injection
from rehearsal.emulator.clients import Clients, Credentials
from rehearsal.emulator.containers import kill_group, kill_listed
from rehearsal.emulator.layout import groups_folder, log_file, tasks_folder

if TYPE_CHECKING:
    from types import TracebackType

    import boto3

START_SECONDS = 20.0
"""Bound of the start; it takes about one."""

STOP_SECONDS = 1.0
"""Time for the emulator to end by itself before it is killed."""

TAIL_LINES = 20
_ROOT = Path(__file__).parents[2]


class EmulatorError(Exception):
    """The emulator did not start."""


class Emulator:
    """The embedded AWS: one process on 127.0.0.1, a private folder, nothing left afterwards.

    Use it as `with Emulator.start() as emulator:`.
    """

    def __init__(self, folder: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        """Take over a process that was just started; use `start`."""
        self.folder = folder
        self.endpoint = f"http://127.0.0.1:{port}"
        self._process = process
        self._clients = Clients(self.endpoint)
        self._faults: list[fault_injection.InjectedFault] = []

    @classmethod
    def start(cls, log: Path | None = None) -> Self:
        """Start the emulator and wait until it answers.

        Args:
            log: Where its log goes; by default into the private folder, which ends with it.

        Raises:
            EmulatorError: It did not start; the text ends with the end of its log.
        """
        folder = Path(tempfile.mkdtemp(prefix="ecs-run-task-")).resolve()
        file = log or log_file(folder)
        port = _free_port()
        with file.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", "rehearsal.emulator.child", str(folder)],
                # `-m` puts the working directory on the path, and handlers do not inherit it.
                cwd=_ROOT,
                env=_environment(folder, port),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        emulator = cls(folder, port, process)
        try:
            emulator._wait_ready(port, file)
        except BaseException:
            emulator.stop()
            raise
        return emulator

    def __enter__(self) -> Self:
        """Return the running emulator."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, whatever happened."""
        self.stop()

    def stop(self) -> None:
        """End the emulator and all that it started, and delete its folder. Twice is no harm."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        kill_group(process.pid, signal.SIGKILL)
        process.wait()
        kill_listed(groups_folder(self.folder))
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The number of the emulator's process."""
        return self._process.pid

    def client(
        self, service: str, account: str, region: str, credentials: Credentials | None = None
    ) -> Any:  # noqa: ANN401 - its type follows from `service`
        """Return a client, kept for the next call; by default as the account's root user."""
        who = credentials or Credentials(access_key=account)
        return self._clients.client(service, region, who)

    def session(
        self, account: str, region: str, credentials: Credentials | None = None
    ) -> boto3.Session:
        """Return a session whose clients talk to the emulator, by default as root."""
        return self._clients.session(region, credentials or Credentials(access_key=account))

    def variables(self, account: str, region: str) -> dict[str, str]:
        """Return the environment with which any AWS client talks to the emulator as root."""
        root = Credentials(access_key=account)
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": root.access_key,
            "AWS_SECRET_ACCESS_KEY": root.secret_key,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def inject(self, *new: fault_injection.InjectedFault) -> None:
        """Add faults to those in force; earlier ones are looked at first."""
        self._faults.extend(new)
        fault_injection.write_faults(self.folder, self._faults)

    def heal(self) -> None:
        """Take all faults back."""
        self._faults.clear()
        fault_injection.write_faults(self.folder, [])

    def calls(self, action: str = "") -> list[fault_injection.Call]:
        """Return the calls of ECS so far, and all others that a fault hit, oldest first."""
        return [c for c in fault_injection.read_calls(self.folder) if action in ("", c.action)]

    def output(self, task: str, container: str) -> str:
        """Return what a container of a task has printed so far.

        Args:
            task: The task's ARN or id.
            container: The container's name.
        """
        name = task.rsplit("/", 1)[-1]
        file = tasks_folder(self.folder) / name / f"{container}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def _wait_ready(self, port: int, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise EmulatorError(f"the embedded AWS ended while it started:\n{_tail(log)}")
            if _is_ready(port):
                return
            time.sleep(0.02)
        raise EmulatorError(
            f"the embedded AWS did not answer within {START_SECONDS:g} s:\n{_tail(log)}"
        )


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Return all that the child inherits; handlers inherit it from there."""
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": "unix:///nonexistent",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/_ministack/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])
