"""The child process listens on loopback only, always ends, and leaves nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import psutil
import pytest
from botocore.exceptions import ClientError

from rehearsal.emulator import Emulator, EmulatorError
from rehearsal.emulator import process as process_module

ACCOUNT, REGION = "111111111111", "eu-central-1"
HOLDER: Final = """
import sys, time
from rehearsal.emulator import Emulator
with Emulator.start() as emulator:
    ecs = emulator.client("ecs", "111111111111", "eu-central-1")
    ecs.create_cluster(clusterName="jobs")
    ecs.register_task_definition(
        family="sleeper",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": "i", "command": ["sleep", "600"]}],
    )
    ecs.run_task(
        cluster="jobs",
        taskDefinition="sleeper",
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    )
    while not list((emulator.folder / "groups").glob("*")):
        time.sleep(0.01)
    print(emulator.pid, emulator.folder, flush=True)
    time.sleep(600)
"""


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def eventually(condition: object, seconds: float = 3.0) -> bool:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def hold() -> tuple[subprocess.Popen[str], int, Path, list[int]]:
    """Start a process that holds an emulator with a running task, and return what must end."""
    command = [sys.executable, "-c", HOLDER]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout
    pid, folder = holder.stdout.readline().split()
    containers = [int(file.name) for file in (Path(folder) / "groups").glob("*")]
    assert containers
    return holder, int(pid), Path(folder), containers


def listening(emulator: Emulator) -> list[str]:
    child = psutil.Process(emulator.pid)
    return [
        connection.laddr.ip
        for process in [child, *child.children(recursive=True)]
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]


def test_listens_on_loopback_only(emulator: Emulator) -> None:
    # The kernel's list is no snapshot: it can skip an entry while connections come and go.
    while not (addresses := listening(emulator)):
        pass

    assert addresses == ["127.0.0.1"]


def test_child_and_its_handlers_inherit_nothing_of_ours(emulator: Emulator) -> None:
    assert set(psutil.Process(emulator.pid).environ()) <= {
        "PATH",
        "HOME",
        "TMPDIR",
        "LANG",
        "AUTH",
        "BIND_HOST",
        "GATEWAY_PORT",
        "MINISTACK_HOST",
        "IOT_MTLS_ENABLED",
        "SFTP_ENABLED",
        "DOCKER_HOST",
    }


def test_the_secret_is_in_no_command_line_and_no_environment(emulator: Emulator) -> None:
    secret = emulator.root(ACCOUNT).secret_key
    process = psutil.Process(emulator.pid)

    assert secret not in " ".join([*process.cmdline(), *process.environ().values()])
    assert secret not in repr(emulator.root(ACCOUNT))


def test_each_run_has_a_secret_of_its_own(emulator: Emulator) -> None:
    with Emulator.start() as other:
        assert other.root(ACCOUNT) != emulator.root(ACCOUNT)
        stranger = emulator.client("sts", ACCOUNT, REGION, other.root(ACCOUNT))
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            stranger.get_caller_identity()


def test_nobody_else_may_read_what_it_writes(emulator: Emulator) -> None:
    paths = [emulator.folder, *emulator.folder.rglob("*")]
    others = [path for path in paths if path.lstat().st_mode & 0o077 and not path.is_symlink()]

    assert len(paths) > 1
    assert not others


def test_the_port_is_bound_before_the_child_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody else can take it in between: at no time is it free."""
    found: list[int] = []

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        port = int(options["env"]["GATEWAY_PORT"])
        with socket.socket() as other:
            found.append(other.connect_ex(("127.0.0.1", port)))
            with pytest.raises(OSError, match="in use"):
                other.bind(("127.0.0.1", port))
        return popen(*arguments, **options)

    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", start)
    with Emulator.start() as running:
        assert running.client("sts", ACCOUNT, REGION).get_caller_identity()["Account"] == ACCOUNT
    assert found


def test_clients_ignore_the_users_own_configuration(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    identity = emulator.session(ACCOUNT, REGION).client("sts").get_caller_identity()

    assert identity["Account"] == ACCOUNT


def test_any_client_can_use_the_variables(emulator: Emulator) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], **emulator.variables(ACCOUNT, REGION)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.strip() == f"arn:aws:iam::{ACCOUNT}:root"


def test_end_of_the_context_leaves_nothing() -> None:
    with Emulator.start() as emulator:
        folder, pid = emulator.folder, emulator.pid
        began = time.monotonic()

    assert time.monotonic() - began < 1
    assert gone(pid)
    assert not folder.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_end_of_the_parent_ends_emulator_and_containers(number: signal.Signals) -> None:
    holder, pid, folder, containers = hold()

    holder.send_signal(number)
    holder.communicate()

    assert eventually(lambda: gone(pid) and all(gone(container) for container in containers))
    assert eventually(lambda: not folder.exists())


def test_hung_emulator_is_killed_with_its_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "MAX_STOP_SECONDS", 0.2)
    with Emulator.start() as emulator:
        folder, pid = emulator.folder, emulator.pid
        os.kill(pid, signal.SIGSTOP)

    assert gone(pid)
    assert not folder.exists()


def test_failed_start_shows_the_end_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_module, "_ROOT", Path("/"))
    monkeypatch.setattr(sys, "executable", "/bin/cat")

    with pytest.raises(EmulatorError, match="ended while it started"):
        Emulator.start()


def test_log_goes_where_it_is_wanted(tmp_path: Path) -> None:
    with Emulator.start(log=tmp_path / "log"):
        pass

    assert "Ready" in (tmp_path / "log").read_text()
