"""10,000 messages from a CSV file, killed in the middle and sent again: none is missing."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from runtask.delivery.batches import MAX_BATCH_MESSAGES
from runtask.delivery.sender import THREADS
from tests.end_to_end.accounts import DEV, REGION
from tests.end_to_end.signed_requests import get
from tests.end_to_end.stage import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.fault_injection import FaultyEmulator

ROOT: Final = Path(__file__).resolve().parents[2]

# MiniStack looks for a deduplication id in the whole queue, so a FIFO queue gets fewer messages.
MESSAGES: Final = {"ecs-run-task-dev": 10_000, "ecs-run-task-dev.fifo": 2_000}

TEMPLATE: Final = """\
cluster: batch
service: report-service
taskDefinition: report
referenceId: customer-{id}
"""


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue without a handler, and the project that sends to it."""

    emulator: FaultyEmulator
    folder: Path
    url: str
    messages: int

    @property
    def fifo(self) -> bool:
        return self.url.endswith(".fifo")

    def half_sent(self) -> bool:
        """Return whether about half of the messages are in the record: two lines a batch."""
        return lines(self.record) > self.messages / MAX_BATCH_MESSAGES

    @property
    def record(self) -> Path:
        return self.folder / "rows.csv.dev.sent"

    def command(self) -> list[str]:
        arguments = ("send", "job.yaml", "--each", "rows.csv", "--stage", "dev")
        return [sys.executable, "-m", "runtask", *arguments]

    def environment(self) -> dict[str, str]:
        own = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "80"}
        return {**own, **self.emulator.variables(DEV, REGION)}

    def send(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def keys(self) -> Counter[str]:
        """Return how often each key is in the queue."""
        query = urllib.parse.urlencode({"QueueUrl": self.url})
        answer = json.loads(get(self.emulator, f"/_ministack/sqs/messages?{query}").text)
        return Counter(key_of(one) for one in answer["messages"][DEV][REGION][self.url])


def key_of(raw: dict[str, Any]) -> str:
    attributes = raw.get("MessageAttributes") or raw.get("message_attributes") or {}
    return str(attributes["key"]["StringValue"])


@pytest.fixture(params=MESSAGES)
def queue(
    emulator: FaultyEmulator, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Queue]:
    fifo = request.param.endswith(".fifo")
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    if fifo:
        with (tmp_path / "Pulumi.dev.yaml").open("a", encoding="utf-8") as file:
            file.write("  ecs-run-task:fifo: true\n")
    (tmp_path / "job.yaml").write_text(TEMPLATE, encoding="utf-8")
    rows = "".join(f"{number}\n" for number in range(MESSAGES[request.param]))
    (tmp_path / "rows.csv").write_text(f"id\n{rows}", encoding="utf-8")
    sqs = emulator.client("sqs", DEV, REGION)
    url = sqs.create_queue(
        QueueName=request.param, Attributes={"FifoQueue": "true"} if fifo else {}
    )["QueueUrl"]
    yield Queue(emulator=emulator, folder=tmp_path, url=url, messages=MESSAGES[request.param])
    sqs.delete_queue(QueueUrl=url)


@contextlib.contextmanager
def on_a_terminal(queue: Queue) -> Iterator[tuple[subprocess.Popen[bytes], list[bytes]]]:
    """Start the command with a terminal as its stderr, and collect what it draws."""
    terminal, other_end = pty.openpty()
    drawn: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while text := os.read(terminal, 65_536):
                drawn.append(text)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with subprocess.Popen(
        queue.command(),
        cwd=queue.folder,
        env=queue.environment(),
        stdout=subprocess.PIPE,
        stderr=other_end,
    ) as process:
        os.close(other_end)
        try:
            yield process, drawn
        finally:
            process.kill()
            process.wait()
            reader.join()
            os.close(terminal)


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_run_that_is_killed_goes_on_and_misses_nothing(queue: Queue) -> None:
    with on_a_terminal(queue) as (process, drawn):
        assert wait_for(lambda: queue.half_sent() and b"a second" in b"".join(drawn))
        process.send_signal(signal.SIGKILL)
    bar = b"".join(drawn).decode()
    assert f"of {queue.messages:,}" in bar
    assert "a second" in bar
    before = queue.keys().total()
    assert 0 < before < queue.messages

    resumed = queue.send()

    assert resumed.returncode == 0, resumed.stderr
    assert "going on: " in resumed.stderr
    found = queue.keys()
    assert len(found) == queue.messages
    assert set(resumed.stdout.split()) == set(found)
    doubled = {key for key, times in found.items() if times > 1}
    if queue.fifo:
        assert not doubled
    else:
        # SQS cannot say whether it took them: the command says how many they are.
        assert len(doubled) <= THREADS * MAX_BATCH_MESSAGES
        assert not doubled or " of the rest may be in the queue already" in resumed.stderr
    again = queue.send()
    assert (again.returncode, again.stdout) == (2, "")
    assert f"all {queue.messages:,} messages were sent" in again.stderr


def test_ctrl_c_leaves_nothing_in_doubt(queue: Queue) -> None:
    with on_a_terminal(queue) as (process, drawn):
        assert wait_for(queue.half_sent)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        printed = process.stdout.read().decode().split()
        assert process.wait() == 130
    text = b"".join(drawn).decode()
    assert "Traceback" not in text
    assert f"of {queue.messages:,} messages were sent; to go on, run the same command again" in text
    assert set(printed) == set(queue.keys())

    resumed = queue.send()

    assert resumed.returncode == 0, resumed.stderr
    assert "may be in the queue already" not in resumed.stderr
    assert queue.keys().total() == queue.messages
