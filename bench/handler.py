"""What a message costs: the handler compared with the ancestor and with the floor.

`bench/README.md` explains both words.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from bench import certificate, environment
from bench.policies import ANCESTOR
from bench.share import MEGABYTES_OF_A_CPU, Share

if TYPE_CHECKING:
    from collections.abc import Iterator

WARM_BATCHES: Final = {"ours": 20, "floor": 20, "ancestor": 40}

# Deliveries other than the first one of a message without a key, and batches of each. Each one's
# calls include those of the deliveries before it, which are a subject as well.
DELIVERIES: Final = {
    "with_key": "",
    "redelivered": "with_key",
    "launched_before": "redelivered",
    "count_ten": "",
}
DELIVERY_BATCHES: Final = 20

SHARED_BATCHES: Final = {"ours": 10, "ancestor": 5}

# What a delivery calls; the look-ups are left out, because the messages name everything.
CALLS: Final = ("RunTask", "PutItem", "UpdateItem")

SHARE: Final = environment.MEMORY_GIGABYTES * 1024 / MEGABYTES_OF_A_CPU

# Fresh processes for the import of each subject, alternately, in one run.
IMPORTS: Final = 5

_ROOT: Final = Path(__file__).parents[1]

# Calls per second at which the rate limiter never waits: the drain measures the quota.
RATE: Final = 100_000


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A source tree with subjects.

    Attributes:
        root: Its folder.
        variables: The function's environment variables.
    """

    root: Path
    variables: dict[str, str]


THIS_TREE: Final = Tree(root=_ROOT, variables=environment.variables(RATE))


@dataclass(frozen=True)
class Bench:
    """A running stub, and the environment in which subjects reach it.

    Attributes:
        port: The stub's port on 127.0.0.1.
        bundle: CA bundle that contains the stub's certificate.
        folder: Temporary folder for logs.
    """

    port: int
    bundle: Path
    folder: Path

    def variables(self, tree: Tree) -> dict[str, str]:
        """Return the environment variables of a subject's process."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),
            "PYTHONPATH": str(tree.root),
            "AWS_ENDPOINT_URL_ECS": f"https://127.0.0.1:{self.port}",
            "AWS_ENDPOINT_URL_DYNAMODB": f"https://127.0.0.1:{self.port}",
            "AWS_ENDPOINT_URL_SQS": f"https://127.0.0.1:{self.port}",
            "AWS_CA_BUNDLE": str(self.bundle),
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": environment.REGION,
            "AWS_DEFAULT_REGION": environment.REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            **tree.variables,
        }

    def counts(self) -> dict[str, Any]:
        """Return the number of connections, tasks and calls since the last call."""
        context = ssl.create_default_context(cafile=str(self.bundle))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context)
        connection.request("GET", "/counts")
        counts: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return counts

    def measure(
        self, name: str, batches: int, share: float | None = None, tree: Tree | None = None
    ) -> dict[str, Any]:
        """Return what a subject's process measures of itself.

        Args:
            name: A module of `bench.subjects`.
            batches: The number of batches after the first; -1 for the import alone.
            share: The share of one CPU for the batches, None for all of it. The import always has
                all of it, as in Lambda's init phase.
            tree: The source tree of the subject; by default, this one.

        Raises:
            RuntimeError: if the subject failed, or started a wrong number of tasks.
        """
        self.counts()
        mine, its = socket.socketpair()
        with mine, mine.makefile("rw", encoding="utf-8") as line:
            log = self.folder / f"{name}.log"
            with its, log.open("ab") as output:
                process = subprocess.Popen(  # noqa: S603 - a module of this package
                    [
                        sys.executable,
                        *("-m", "bench.subjects", name, str(its.fileno()), str(batches)),
                    ],
                    cwd=self.folder,
                    env=self.variables(tree or THIS_TREE),
                    pass_fds=[its.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            try:
                found: dict[str, Any] = json.loads(line.readline() or "{}")
                if share is None:
                    found |= _go(line)
                else:
                    with Share(process.pid, share):
                        found |= _go(line)
            finally:
                process.wait(10)
        if process.returncode or (batches >= 0 and "first" not in found):
            raise RuntimeError(f"{name} failed: {log.read_text(encoding='utf-8')[-2000:]}")
        if batches >= 0 and name != "client":
            found |= self.counts()
            expected = found["size"] * found.get("count", 1) * (batches + 1)
            if found["tasks"] != expected:
                raise RuntimeError(f"{name} started {found['tasks']} tasks of {expected}")
        return found


def _go(line: Any) -> dict[str, Any]:  # noqa: ANN401 - a file for both directions
    line.write("go\n")
    line.flush()
    answer: dict[str, Any] = json.loads(line.readline() or "{}")
    return answer


@contextmanager
def stub() -> Iterator[Bench]:
    """Run the stub as long as the context lasts."""
    with tempfile.TemporaryDirectory(prefix="ecs-run-task-bench-") as name:
        folder = Path(name)
        own, bundle = certificate.make(folder)
        process = subprocess.Popen(  # noqa: S603 - a module of this package
            [sys.executable, "-m", "bench.stub", str(own)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None  # noqa: S101 - narrows the type
            yield Bench(int(process.stdout.readline()), bundle, folder)
        finally:
            process.terminate()
            process.communicate()


def run_once(bench: Bench) -> dict[str, float]:
    """Return the figures of one run, and the ratios between them."""
    imports: dict[str, list[dict[str, Any]]] = {"ours": [], "client": []}
    for _ in range(IMPORTS):
        for name, found in imports.items():
            found.append(bench.measure(name, -1))
    full = {name: bench.measure(name, batches) for name, batches in WARM_BATCHES.items()}
    shared = bench.measure("ours", SHARED_BATCHES["ours"], SHARE)
    old_share = ANCESTOR.memory_gigabytes * 1024 / MEGABYTES_OF_A_CPU
    shared_old = bench.measure("ancestor", SHARED_BATCHES["ancestor"], old_share)
    figures: dict[str, float] = {
        "import ours s": median(one["import"]["wall"] for one in imports["ours"]),
        "import client s": median(one["import"]["wall"] for one in imports["client"]),
        "peak client MB": median(one["peak"] for one in imports["client"]),
        "first batch at the share s": shared["first"]["wall"],
        "first batch at the share, CPU s": shared["first"]["cpu"],
        "wall ours at the share ms": each(shared, "wall"),
        "wall ancestor at its share ms": each(shared_old, "wall"),
    }
    for name, subject in full.items():
        for kind in ("wall", "cpu"):
            figures[f"{kind} {name} ms"] = each(subject, kind)
        figures[f"first {name} s"] = subject["first"]["wall"]
        figures[f"peak {name} MB"] = subject["peak"]
        figures[f"connections {name}"] = subject["connections"]
    figures |= _deliveries(bench, full["ours"])
    ours, old, floor = (
        {kind: figures[f"{kind} {name} ms"] for kind in ("wall", "cpu")}
        for name in ("ours", "ancestor", "floor")
    )
    return figures | {
        "wall, times better than the ancestor": old["wall"] / ours["wall"],
        "CPU, times better than the ancestor": old["cpu"] / ours["cpu"],
        "wall, times the floor": ours["wall"] / floor["wall"],
        "wall, times better than the ancestor, each at its CPU share": figures[
            "wall ancestor at its share ms"
        ]
        / figures["wall ours at the share ms"],
        "wall, floor, times better than the ancestor": old["wall"] / floor["wall"],
        "import, times boto3 with a client": figures["import ours s"] / figures["import client s"],
        "peak memory, times boto3 with a client": figures["peak ours MB"]
        / figures["peak client MB"],
    }


def _deliveries(bench: Bench, first: dict[str, Any]) -> dict[str, float]:
    """Return what the other deliveries cost, and the calls that each kind makes.

    Args:
        bench: The stub.
        first: What was measured of first deliveries of messages without a key.
    """
    figures: dict[str, float] = {}
    found = {name: bench.measure(name, DELIVERY_BATCHES) for name in DELIVERIES}
    for name, subject in found.items():
        for kind in ("wall", "cpu"):
            figures[f"{kind} {name} ms"] = each(subject, kind)
            figures[f"{kind} {name}, times a first delivery"] = each(subject, kind) / each(
                first, kind
            )
    for name, subject in {"ours": first, **found}.items():
        earlier = found.get(DELIVERIES.get(name, ""), {"calls": {}})["calls"]
        messages = subject["size"] * (len(subject["warm"]) + 1)
        for operation in CALLS:
            made = subject["calls"].get(operation, 0) - earlier.get(operation, 0)
            figures[f"{operation} {name}"] = made / messages
        figures[f"table calls {name}"] = sum(
            figures[f"{operation} {name}"] for operation in CALLS if operation != "RunTask"
        )
    return figures


def each(found: dict[str, Any], kind: str) -> float:
    """Return the milliseconds per message, after the first batch."""
    each: float = median(batch[kind] for batch in found["warm"])
    return each / int(found["size"]) * 1000


def run(runs: int) -> list[dict[str, float]]:
    """Return the figures of several runs, after one that only writes the compiled files."""
    with stub() as bench:
        for name in (*WARM_BATCHES, *DELIVERIES, "client"):
            bench.measure(name, 0)
        return [run_once(bench) for _ in range(runs)]
