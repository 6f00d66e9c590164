"""What an operator meets at the command line: help, exit codes, clean streams."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.runtask.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def runtask(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtask", *arguments],
        cwd=cwd,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["send", "promote", "stages"])
def test_every_command_has_help_with_examples(command: str) -> None:
    done = runtask(command, "--help")
    assert done.returncode == 0
    assert f"Examples:\n    runtask {command}" in done.stdout


def test_a_wrong_option_is_exit_code_2() -> None:
    done = runtask("send", "--no-such-option")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such option" in done.stderr


def test_a_wrong_message_is_exit_code_2() -> None:
    done = runtask("send", "examples/invalid.json", "--stage", "dev")
    assert (done.returncode, done.stdout) == (2, "")
    assert "ECS.overrides.cpu" in done.stderr


def test_a_wrong_project_is_exit_code_3(tmp_path: Path) -> None:
    done = runtask("send", "-", "--stage", "dev", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert "no Pulumi.yaml" in done.stderr


def test_missing_credentials_are_exit_code_4() -> None:
    done = runtask("send", "examples/run-task.json", "--stage", "dev")
    assert (done.returncode, done.stdout) == (4, "")
    assert "Traceback" not in done.stderr


def test_without_a_terminal_nothing_is_promoted_unasked() -> None:
    done = runtask("promote", "dev", "prod")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no terminal to ask at; say --yes" in done.stderr


def test_a_promotion_needs_two_stages_or_a_digest() -> None:
    done = runtask("promote", "dev", "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "say two stages: runtask promote dev prod" in done.stderr


def test_without_the_pulumi_cli_every_stage_says_what_to_install() -> None:
    done = runtask("stages", "--json")
    assert done.returncode == 1
    stages = json.loads(done.stdout)
    assert [stage["stage"] for stage in stages] == ["dev", "prod"]
    assert all("the Pulumi CLI is not on the PATH" in stage["drift"] for stage in stages)
