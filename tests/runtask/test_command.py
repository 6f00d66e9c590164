"""The command line as an operator sees it: help, exit codes, clean streams."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runtask.cli import main
from tests.runtask.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def runtask(
    *arguments: str, cwd: Path = ROOT, path: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runtask", *arguments],
        cwd=cwd,
        env={"PATH": "", "PYTHONPATH": f"{ROOT}:{path}", "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


def install(folder: Path, command: str) -> None:
    """Install a distribution that declares `command` as the verb `local`."""
    metadata = folder / "installed-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: installed\nVersion: 1\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text(
        f"[runtask.commands]\nlocal = {command}\n", encoding="utf-8"
    )


@pytest.mark.parametrize("command", ["send", "promote", "rollback", "stages"])
def test_every_command_has_help_with_examples(command: str) -> None:
    done = runtask(command, "--help")
    assert done.returncode == 0
    assert f"    runtask {command}" in done.stdout.partition("Examples:\n")[2]


@pytest.mark.parametrize("arguments", [["--help"], ["promote", "--help"], ["send", "--help"]])
def test_help_imports_neither_pulumi_nor_boto3(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from runtask.cli import cli\n"
        f"cli.main({arguments}, standalone_mode=False)\n"
        "print(*{'boto3', 'botocore', 'pulumi', 'rehearsal'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == ""


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
    assert f"no Pulumi.yaml in {tmp_path}" in done.stderr
    assert "--project FOLDER" in done.stderr


def test_missing_credentials_are_exit_code_4() -> None:
    done = runtask("send", "examples/run-task.json", "--stage", "dev")
    assert (done.returncode, done.stdout) == (4, "")
    assert "Traceback" not in done.stderr
    assert "no valid credentials for stage dev in account 111111111111" in done.stderr
    assert "--profile dev=PROFILE" in done.stderr


@pytest.mark.parametrize("arguments", [["promote", "dev", "prod"], ["rollback", "prod", "0" * 64]])
def test_without_a_terminal_nothing_is_deployed_unasked(arguments: list[str]) -> None:
    done = runtask(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no terminal to ask for confirmation; pass --yes" in done.stderr


def test_a_promotion_needs_two_stages() -> None:
    done = runtask("promote", "dev", "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Missing argument 'TO'" in done.stderr


def test_a_rollback_needs_the_whole_digest() -> None:
    done = runtask("rollback", "prod", "4f1c", "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert "found '4f1c'; expected a SHA-256 in 64 hexadecimal digits" in done.stderr


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("dev=", "found 'dev='; expected PROFILE or STAGE=PROFILE"),
        ("=acme", "found '=acme'; expected PROFILE or STAGE=PROFILE"),
    ],
)
def test_a_profile_that_cannot_be_read_is_exit_code_2(value: str, expected: str) -> None:
    done = runtask("stages", "--profile", value)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--help"], ["--engine", "pulumi"]])
def test_where_the_rehearsal_is_not_installed_the_verb_says_how_to_get_it(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("runtask.commands.local.entry_points", lambda **_selection: ())
    monkeypatch.setattr(sys, "argv", ["runtask", "local", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert "./dev -s local" in line
    assert "pip install -e . -e ./rehearsal" in line


def test_where_the_rehearsal_is_installed_the_verb_runs_it(tmp_path: Path) -> None:
    (tmp_path / "installed.py").write_text(
        "import click\n"
        "@click.command()\n"
        "@click.option('--keep', is_flag=True)\n"
        "def local(keep): click.echo(f'keep {keep}')\n",
        encoding="utf-8",
    )
    install(tmp_path, "installed:local")
    done = runtask("local", "--keep", path=tmp_path)
    assert (done.returncode, done.stdout) == (0, "keep True\n"), done.stderr
    assert "Usage: runtask local" in runtask("local", "--help", path=tmp_path).stdout
    assert runtask("local", "--no-such-option", path=tmp_path).returncode == 2


def test_a_rehearsal_without_its_requirements_says_what_is_missing(tmp_path: Path) -> None:
    install(tmp_path, "no_such_module:local")
    done = runtask("local", path=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No module named 'no_such_module'; run ./dev -s local" in done.stderr


def test_only_the_named_stages_are_shown() -> None:
    done = runtask("stages", "--stage", "prod", "--json")
    assert [stage["stage"] for stage in json.loads(done.stdout)] == ["prod"]


def test_without_the_pulumi_cli_every_stage_says_what_to_install() -> None:
    done = runtask("stages", "--json")
    assert done.returncode == 1
    stages = json.loads(done.stdout)
    assert [stage["stage"] for stage in stages] == ["dev", "prod"]
    assert all("the Pulumi CLI is not on the PATH" in stage["drift"] for stage in stages)
