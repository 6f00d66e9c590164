"""What an operator meets when calling the rehearsal."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
EXIT_INTERRUPTED: Final = 130
MAX_END_SECONDS: Final = 20
MIN_SECRET_CHARACTERS: Final = 32
ACCOUNTS: Final = ("111111111111", "222222222222")


def rehearse(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rehearsal", *arguments],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_rehearsal_has_help_with_examples() -> None:
    done = rehearse("--help")
    assert done.returncode == 0
    assert "Examples:\n    runtask local" in done.stdout


def test_the_real_engine_says_what_is_missing() -> None:
    done = rehearse("--engine", "pulumi")
    assert (done.returncode, done.stdout) == (1, "")
    assert "the Pulumi CLI is not on the PATH; install it: https://" in done.stderr


@contextlib.contextmanager
def in_background() -> Iterator[subprocess.Popen[str]]:
    """Start `python -m rehearsal --keep` as a shell without job control does, and end it."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from rehearsal.cli import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "--keep"],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> list[str]:
    """Return the lines on stderr up to the one with a text."""
    assert process.stderr
    lines: list[str] = []
    for line in process.stderr:
        lines.append(line.rstrip())
        if text in line:
            return lines
    raise AssertionError("\n".join(lines))


@pytest.mark.parametrize("reached", ["starting the embedded AWS", "stack dev-bootstrap:"])
def test_sigterm_ends_one_that_a_script_put_in_the_background(reached: str) -> None:
    with in_background() as process:
        read_until(process, reached)

        process.terminate()

        process.communicate(timeout=MAX_END_SECONDS)
        assert process.returncode == EXIT_INTERRUPTED


def test_one_that_is_kept_names_files_with_the_secret_and_does_not_print_it() -> None:
    with in_background() as process:
        lines = read_until(process, "running until Ctrl-C")
        files = [Path(line.split()[1]) for line in lines if line.startswith(". ")]
        identities = [identity(file) for file in files]
        scripts = [file.read_text() for file in files]
        modes = [(file.stat().st_mode, file.parent.stat().st_mode) for file in files]
        process.terminate()
        process.communicate(timeout=MAX_END_SECONDS)

    assert identities == [f"arn:aws:iam::{account}:root" for account in ACCOUNTS]
    assert modes == [(stat.S_IFREG | 0o600, stat.S_IFDIR | 0o700)] * 2
    (secret,) = {re.findall("AWS_SECRET_ACCESS_KEY=(.*)", script)[0] for script in scripts}
    assert len(secret) >= MIN_SECRET_CHARACTERS
    assert secret not in "\n".join(lines)
    assert not files[0].parent.exists()


def test_the_command_works_against_one_that_is_kept() -> None:
    with in_background() as process:
        lines = read_until(process, "running until Ctrl-C")
        files = [Path(line.split()[1]) for line in lines if line.startswith(". ")]
        dev, prod = (shell_variables(file) for file in files)
        stages = json.loads(runtask(dev, "stages", "--json").stdout)
        promoted = runtask(dev, "promote", "dev", "prod", "--yes", "--allow-dirty", "--json")
        history = json.loads(runtask(prod, "history", "prod", "--json").stdout)
        digest = stages[1]["running"]
        back = runtask(prod, "rollback", "prod", digest[:8], "--yes", "--json")
        unknown = runtask(prod, "rollback", "prod", "0123456789", "--yes")
        healthy = runtask(dev, "doctor", "--json")
        process.terminate()
        process.communicate(timeout=MAX_END_SECONDS)
    ended = runtask(dev, "stages")

    endpoint = dev["AWS_ENDPOINT_URL"]
    assert sum(f"--endpoint-url {endpoint}" in line for line in lines) == len(ACCOUNTS)
    assert [(one["stage"], one["drift"]) for one in stages] == [("dev", ""), ("prod", "")]
    assert json.loads(promoted.stdout)["outcome"] == "unchanged", promoted.stderr
    assert [one["digest"] for one in history] == [digest]
    assert json.loads(back.stdout)["digest"] == digest, back.stderr
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no artifact 0123456789" in unknown.stderr
    assert "runtask history prod" in unknown.stderr
    verdicts = {
        (one["stage"], one["check"]): (one["verdict"], one["found"])
        for one in json.loads(healthy.stdout)
        # The Pulumi CLI is not here, and the embedded AWS has no quotas.
        if one["check"] not in {"pulumi-cli", "quotas"}
    }
    assert [one for one in verdicts.items() if one[1][0] != "ok"] == []
    assert {("dev", "artifact"), ("prod", "work-queue"), ("dev", "configuration")} <= set(verdicts)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "a rehearsal that has ended" in ended.stderr


def shell_variables(file: Path) -> dict[str, str]:
    """Return the environment of a shell that has read a file."""
    found = re.findall(r"^export (\w+)=(.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **{k: shlex.split(v)[0] for k, v in found}}


def runtask(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtask", *arguments],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def identity(file: Path) -> str:
    """Return who a shell is that has read a file, whatever else it has set."""
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    script = f'. "$1"; exec "{sys.executable}" -c "{code}"'
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", str(file)],
        env={"AWS_PROFILE": "other", "AWS_SESSION_TOKEN": "other"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_broken_stack_file_breaks_the_rehearsal(tmp_path: Path) -> None:
    for path in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(path, tmp_path)
    with (tmp_path / "Pulumi.prod.yaml").open("a", encoding="utf-8") as file:
        file.write("  ecs-run-task:cluster: batch\n")
    done = rehearse("--project", str(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert "Pulumi.prod.yaml: ecs-run-task:cluster is not declared" in done.stderr


def test_the_command_line_imports_the_rehearsal_only_when_it_runs() -> None:
    code = (
        "import sys, rehearsal.cli; print(*(name for name in sys.modules if 'rehearsal' in name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["rehearsal", "rehearsal.cli"]
