"""What an operator meets when calling the rehearsal."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]


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
    assert "needs the Pulumi CLI on the PATH; install it: https://" in done.stderr


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
