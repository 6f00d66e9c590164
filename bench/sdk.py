"""What botocore in the artifact would cost: `python -m bench.sdk [RUNS]`.

It prints the artifact's size, and the CPU time of the handler's import in fresh processes, with
botocore as Lambda's runtime has it (compiled, every service) and as the artifact could bring it
(no bytecode, as the artifact has none, and the services that the handler calls).
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from bench import environment
from infra.bundle import build_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS: Final = 9

_PACKAGES: Final = ("botocore", "urllib3", "python-dateutil", "six")
_SERVICES: Final = ("dynamodb", "ecs", "sns", "sqs", "sts")
_RATE: Final = 100_000

_SCRIPT: Final = """
import json, time
wall, cpu = time.perf_counter(), time.process_time()
import function.handler
import botocore
print(json.dumps({
    "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "from": botocore.__file__
}))
"""


def _sdk_files() -> Iterator[tuple[str, Path]]:
    """Yield name and file of everything that a reduced botocore needs."""
    for name in _PACKAGES:
        found = distribution(name)
        for path in found.files or ():
            parts = path.parts
            if ".." in parts or path.suffix == ".pyc" or parts[0].endswith(".dist-info"):
                continue
            in_service = parts[:2] == ("botocore", "data") and len(parts) > 3  # noqa: PLR2004
            if in_service and parts[2] not in _SERVICES:
                continue
            yield path.as_posix(), Path(str(found.locate_file(path)))


def _size(folder: Path, *, compressed: bool) -> int:
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return len(buffer.getvalue())


def _import(*folders: Path) -> dict[str, Any]:
    variables = {
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        # /var/task is read-only.
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": environment.REGION,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "bench",
        **environment.variables(_RATE),
    }
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [sys.executable, "-S", "-c", _SCRIPT],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def main(runs: int) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="ecs-run-task-sdk-") as name:
        task, runtime, bundled = (Path(name) / part for part in ("task", "runtime", "bundled"))
        with zipfile.ZipFile(io.BytesIO(build_bundle().content)) as archive:
            archive.extractall(task)
            archive.extractall(bundled)
        runtime.mkdir()
        for package in ("botocore", "urllib3", "dateutil", "six.py"):
            found = Path(str(distribution("botocore").locate_file(package)))
            (runtime / package).symlink_to(found)
        subprocess.run(  # noqa: S603 - the runtime's packages are compiled
            [sys.executable, "-m", "compileall", "-q", *map(str, runtime.iterdir())], check=False
        )
        for path, source in _sdk_files():
            target = bundled / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        figures: dict[str, list[float]] = {"cpu runtime": [], "cpu bundled": []}
        for _ in range(runs):
            figures["cpu runtime"].append(_import(task, runtime)["cpu"])
            figures["cpu bundled"].append(_import(bundled)["cpu"])
        results: dict[str, object] = {
            "MB without": round(_size(task, compressed=False) / 1e6, 2),
            "MB with": round(_size(bundled, compressed=False) / 1e6, 2),
            "import CPU s, runtime's": round(median(figures["cpu runtime"]), 3),
            "import CPU s, bundled": round(median(figures["cpu bundled"]), 3),
            "import, times the runtime's": round(
                median(
                    b / a
                    for a, b in zip(figures["cpu runtime"], figures["cpu bundled"], strict=True)
                ),
                3,
            ),
        }
    print(json.dumps(results, indent=2))  # noqa: T201 - the figures are this command's result


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
