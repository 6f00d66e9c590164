"""The artifact is the same bytes wherever and whenever it is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackagePath, distribution
from io import BytesIO
from pathlib import Path

import pytest

from infra import bundle
from infra.bundle import BundleError, build_bundle, pinned

ROOT = Path(__file__).resolve().parents[2]

# Lambda unpacks what it is sent; the limit that matters is how long that takes.
SIZE_LIMIT_BYTES = 2_000_000


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the handler in another folder, with other times and modes."""
    shutil.copytree(ROOT / "function", tmp_path / "function")
    for path in tmp_path.rglob("*.py"):
        os.utime(path, (0, 0))
        path.chmod(0o755)
    return tmp_path


def test_another_folder_and_another_time_give_the_same_digest(copy: Path) -> None:
    assert build_bundle(copy).digest == build_bundle(ROOT).digest


def test_bytecode_and_other_files_are_left_out(copy: Path) -> None:
    before = build_bundle(copy).digest
    (copy / "function" / "__pycache__").mkdir(exist_ok=True)
    (copy / "function" / "__pycache__" / "handler.cpython-313.pyc").write_bytes(b"compiled")
    (copy / "function" / "notes.txt").write_text("not code", encoding="utf-8")
    assert build_bundle(copy).digest == before


def test_a_changed_line_gives_another_digest(copy: Path) -> None:
    before = build_bundle(copy).digest
    with (copy / "function" / "handler.py").open("a", encoding="utf-8") as handler:
        handler.write("# changed\n")
    assert build_bundle(copy).digest != before


def test_no_byte_depends_on_a_clock_or_a_compressor() -> None:
    with zipfile.ZipFile(BytesIO(build_bundle().content)) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.compress_type == zipfile.ZIP_STORED
        assert archive.namelist() == sorted(archive.namelist())


def test_it_is_small_enough() -> None:
    assert len(build_bundle().content) < SIZE_LIMIT_BYTES


def test_it_holds_the_handler_and_its_dependencies_and_nothing_else() -> None:
    with zipfile.ZipFile(BytesIO(build_bundle().content)) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    code = {top for top in tops if not top.endswith(".dist-info")}
    assert code == {"aws_lambda_powertools", "function", "jmespath", "typing_extensions.py"}


def test_the_handler_runs_from_the_zip_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(build_bundle().content)) as archive:
        archive.extractall(tmp_path / "task")
    site = tmp_path / "runtime"
    site.mkdir()
    # What Lambda's own runtime brings, and nothing that the zip has to bring itself.
    for name in ("boto3", "botocore", "s3transfer", "dateutil", "urllib3", "six.py"):
        (site / name).symlink_to(Path(str(distribution("boto3").locate_file(name))))
    queue = "https://sqs.eu-central-1.amazonaws.com/111111111111/ecs-run-task-dev"
    environment = {
        "PYTHONPATH": f"{tmp_path / 'task'}:{site}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_REGION": "eu-central-1",
        "STAGE": "dev",
        "QUEUE_URL": queue,
        "DEAD_LETTER_QUEUE_URL": f"{queue}-dlq",
        "FAILURE_TOPIC_ARN": "arn:aws:sns:eu-central-1:111111111111:failures",
        "CLUSTERS": "[]",
        "TASK_DEFINITIONS": "[]",
        "QUEUE_RETENTION_SECONDS": "345600",
        "ENVIRONMENT_MAX_AGE_SECONDS": "3600",
        "LEDGER_TABLE": "ecs-run-task-dev-ledger",
        "KEY_RETENTION_SECONDS": "1555200",
        "VISIBILITY_TIMEOUT_SECONDS": "360",
        "MAXIMUM_CONCURRENCY": "2",
        "LOG_LEVEL": "INFO",
    }
    script = (
        "import importlib, sys\n"
        f"module = importlib.import_module({bundle.HANDLER.rpartition('.')[0]!r})\n"
        "print(module.handler({'Records': []}, None))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "{'batchItemFailures': []}\n", done.stderr


def test_a_dependency_of_another_version_is_refused(copy: Path) -> None:
    pins = copy / "function" / "requirements.txt"
    pins.write_text("jmespath==0.0.1 \\\n    --hash=sha256:00\n", encoding="utf-8")
    with pytest.raises(BundleError, match=r"function/requirements\.txt pins 0\.0\.1"):
        build_bundle(copy)


def test_a_dependency_that_is_missing_is_named(copy: Path) -> None:
    pins = copy / "function" / "requirements.txt"
    pins.write_text("no-such-thing==1\n", encoding="utf-8")
    with pytest.raises(BundleError, match="no-such-thing is not installed"):
        build_bundle(copy)


def test_a_dependency_that_was_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PackagePath, "read_binary", lambda _path: b"changed")
    with pytest.raises(BundleError, match=r"differs from its wheel; .*run: pulumi install"):
        build_bundle()


def test_the_pins_are_the_kits_own() -> None:
    kit = dict(pinned(ROOT / "requirements.txt"))
    for name, version in pinned(ROOT / "function" / "requirements.txt"):
        assert kit[name] == version
