"""The emulator as a child process that always ends with its parent."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final, Self

from rehearsal.emulator.child_files import write_settings
from rehearsal.emulator.clients import Clients, Credentials
from rehearsal.emulator.conditions import Conditions, conditions_file
from rehearsal.emulator.containers import kill_group, kill_listed
from rehearsal.emulator.journal import Call, read_calls
from rehearsal.emulator.layout import groups_folder, log_file, tasks_folder
from rehearsal.emulator.readings import Reading, write_readings
from rehearsal.emulator.scripts import TaskScript, scripts_file, to_json
from rehearsal.private_files import private

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import boto3

# A start takes about one second.
MAX_START_SECONDS: Final = 20.0

# How long the emulator may take to end by itself before it is killed.
MAX_STOP_SECONDS: Final = 1.0

# How many evaluations of a resource's tags see the old ones after a change: with AWS it can take
# minutes, so nothing that the kit does may depend on a tag.
# https://docs.aws.amazon.com/kms/latest/developerguide/tag-permissions.html
TAG_DELAY_CALLS: Final = 20

# How much of the log an error shows.
TAIL_LINES: Final = 20

_ROOT: Final = Path(__file__).parents[2]


class EmulatorError(Exception):
    """The emulator does not start."""


class Emulator:
    """The embedded AWS: one process on 127.0.0.1, a private folder, nothing left afterwards.

    It answers only to who signs with the secret of this run, or with what AWS gave out for it.

    Use it as `with Emulator.start() as emulator:`.

    Attributes:
        interceptor: `module:factory` of what may change answers, or empty for nothing; see
            `rehearsal.emulator.interception`.
        folder: The private folder; it is deleted at the end.
        endpoint: The URL of every service.
    """

    interceptor: ClassVar[str] = ""

    def __init__(
        self, folder: Path, port: int, process: subprocess.Popen[bytes], secret: str
    ) -> None:
        self.folder = folder
        self.endpoint = f"http://127.0.0.1:{port}"
        self._process, self._secret = process, secret
        self._clients = Clients(self.endpoint)
        self._readings: dict[str, Reading] = {}
        self._scripts: dict[str, TaskScript] = {}

    @classmethod
    def start(
        cls,
        log: Path | None = None,
        *,
        tag_delay_calls: int = TAG_DELAY_CALLS,
    ) -> Self:
        """Start the emulator and wait until it answers.

        Args:
            log: Where its log goes; by default into the private folder, which ends with it.
            tag_delay_calls: How many evaluations of a resource's tags by conditions on
                `aws:ResourceTag` see the old ones after a change.

        Raises:
            EmulatorError: if it does not start; the text ends with the end of its log.
        """
        folder = Path(tempfile.mkdtemp(prefix="ecs-run-task-")).resolve()
        file, secret = log or log_file(folder), secrets.token_hex(20)
        # The child inherits the bound socket: at no time can somebody else take the port.
        with socket.socket() as listener, _pipe() as (reader, writer):
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            with open(file, "ab", opener=private) as output:
                process = subprocess.Popen(  # noqa: S603 - our own module
                    [
                        sys.executable,
                        "-m",
                        "rehearsal.emulator.child",
                        str(folder),
                        str(listener.fileno()),
                        str(writer.fileno()),
                        str(tag_delay_calls),
                        cls.interceptor,
                    ],
                    # `-m` puts the working directory on the path; Lambda functions do not inherit
                    # that.
                    cwd=_ROOT,
                    env=_environment(folder, port),
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=(listener.fileno(), writer.fileno()),
                    umask=0o077,
                )
            listener.close()
            writer.close()
            emulator = cls(folder, port, process, secret)
            try:
                emulator._hand_over(secret)
                emulator._wait_ready(reader, file)
            except BaseException:
                emulator.stop()
                raise
        return emulator

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the emulator and all that it started, and delete its folder; idempotent."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(MAX_STOP_SECONDS)
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
        """Return a client, which is kept; by default of the account's root user."""
        who = credentials or self.root(account)
        return self._clients.client(service, region, who)

    def session(
        self, account: str, region: str, credentials: Credentials | None = None
    ) -> boto3.Session:
        """Return a session at the emulator; by default of the account's root user."""
        return self._clients.session(region, credentials or self.root(account))

    def root(self, account: str) -> Credentials:
        """Return the credentials of an account's root user, which are valid in this run only."""
        return Credentials(access_key=account, secret_key=self._secret)

    def variables(self, account: str, region: str) -> dict[str, str]:
        """Return the environment with which any AWS client calls the emulator as the root user."""
        root = self.root(account)
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": root.access_key,
            "AWS_SECRET_ACCESS_KEY": root.secret_key,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def calls(self, action: str = "") -> list[Call]:
        """Return the journal: the calls of ECS and all that were intercepted, oldest first.

        Args:
            action: Only calls of this API action; empty is any.
        """
        return [call for call in read_calls(self.folder) if action in ("", call.action)]

    def set_reading(self, cluster: str, reading: Reading) -> None:
        """Set how RunTask answers a client token that it knows in a cluster; by default KEPT."""
        self._readings[cluster] = reading
        write_readings(self.folder, self._readings)

    def set_script(self, started_by: str, script: TaskScript) -> None:
        """Set what ECS does with the tasks of a `startedBy` that are started from now on."""
        self._scripts[started_by] = script
        write_settings(scripts_file(self.folder), to_json(self._scripts))

    def set_conditions(self, conditions: Conditions) -> None:
        """Set how the embedded AWS behaves from now on; see `Conditions` for what it is first."""
        write_settings(conditions_file(self.folder), asdict(conditions))

    def output(self, task: str, container: str) -> str:
        """Return the output of a task's container so far.

        Args:
            task: The task's ARN or id.
            container: The container's name.
        """
        name = task.rsplit("/", 1)[-1]
        file = tasks_folder(self.folder) / name / f"{container}.log"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def _hand_over(self, secret: str) -> None:
        """Give the child the root users' secret."""
        pipe = self._process.stdin
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):  # it has ended, which its log explains
                pipe.write(f"{secret}\n".encode())
                pipe.flush()

    def _wait_ready(self, reader: BinaryIO, log: Path) -> None:
        """Wait for the byte that the child writes once it answers."""
        ready, _, _ = select.select([reader], [], [], MAX_START_SECONDS)
        if not ready:
            raise EmulatorError(
                f"the embedded AWS did not answer within {MAX_START_SECONDS:g} s:\n{_tail(log)}"
            )
        if not reader.read(1):
            raise EmulatorError(f"the embedded AWS ended while it started:\n{_tail(log)}")


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open a pipe without buffers, and return what it is read and written with."""
    reading, writing = os.pipe()
    with (
        os.fdopen(reading, "rb", buffering=0) as reader,
        os.fdopen(writing, "wb", buffering=0) as writer,
    ):
        yield reader, writer


def _environment(folder: Path, port: int) -> dict[str, str]:
    """Return the whole environment of the child; Lambda functions inherit it from there."""
    for name in ("home", "tmp"):
        (folder / name).mkdir(mode=0o700)
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


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])
