"""The command line as an operator sees it: help, exit codes, clean streams."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from runtask.cli import main
from runtask.errors import ExitCode
from tests.runtask.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def runtask(
    *arguments: str,
    cwd: Path = ROOT,
    path: Path = ROOT,
    stdin: str = "",
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "",
        "PYTHONPATH": f"{ROOT}:{path}",
        "AWS_EC2_METADATA_DISABLED": "true",
        **(variables or {}),
    }
    return subprocess.run(
        [sys.executable, "-m", "runtask", *arguments],
        cwd=cwd,
        env=environment,
        input=stdin,
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


@pytest.mark.parametrize("digest", ["4f1", "4f1x", "4F1C", "0" * 65])
def test_a_rollback_needs_digits_of_a_digest(digest: str) -> None:
    done = runtask("rollback", "prod", digest, "--yes")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"found '{digest}'; expected a SHA-256 or its first digits, four or more" in done.stderr


def test_the_version_is_that_of_the_checkout() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    done = runtask("--version")
    assert (done.returncode, done.stdout) == (0, f"{project['version']}\n"), done.stderr


def test_no_line_of_the_help_is_cut() -> None:
    done = runtask("--help")
    text = " ".join(done.stdout.split())
    assert (
        "Show what messages may choose, and what those in FILE... or with KEY... ask for." in text
    )
    for code in ExitCode:
        assert code.meaning in text
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_command_completes_in_every_shell(shell: str) -> None:
    done = runtask("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert "_RUNTASK_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("words", "word", "expected"),
    [
        ("runtask pro", "pro", ["promote"]),
        ("runtask send --stage d", "d", ["dev"]),
        ("runtask stages --stage ", "", ["dev", "prod"]),
        ("runtask verify --pro", "--pro", ["--probe-aws", "--profile", "--project"]),
    ],
)
def test_a_completed_line_has_what_begins_so(
    words: str, word: str, expected: list[str], folder: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from runtask.__main__ import run; run()"],
        cwd=folder,
        env={
            "_RUNTASK_COMPLETE": "fish_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": word,
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert found == [f"plain,{name}" for name in expected]


def test_without_a_stage_the_known_ones_are_named() -> None:
    done = runtask("send", "examples/run-task.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--stage is missing, and the stages of the project are dev, prod" in done.stderr
    assert "RUNTASK_STAGE" in done.stderr


@pytest.mark.parametrize("order", [("--project", "-"), ("-", "--project")])
def test_the_only_stage_is_the_default(order: tuple[str, ...], folder: Path) -> None:
    for stack in ("prod", "prod-bootstrap"):
        (folder / f"Pulumi.{stack}.yaml").unlink()
    body = (ROOT / "examples" / "run-task.json").read_text(encoding="utf-8")
    arguments = [one for name in order for one in ([name, str(folder)] if "p" in name else [name])]
    done = runtask("send", *arguments, "--dry-run", stdin=body)
    assert done.returncode == 0, done.stderr


def test_the_environment_names_the_stage() -> None:
    done = runtask("send", "examples/run-task.json", variables={"RUNTASK_STAGE": "dev"})
    assert done.returncode == 4
    assert "no valid credentials for stage dev" in done.stderr


def test_a_bootstrap_stack_is_no_stage() -> None:
    done = runtask("send", "examples/run-task.json", "--stage", "dev-bootstrap")
    assert (done.returncode, done.stdout) == (3, "")
    assert "dev-bootstrap is the bootstrap stack of an account; expected a stage: dev, prod" in (
        done.stderr
    )


@pytest.mark.parametrize("verb", ["history", "verify"])
def test_an_unknown_stage_is_exit_code_3_and_names_the_nearest(verb: str) -> None:
    yes = ["--yes"] if verb == "verify" else []
    done = runtask(verb, "prdo", *yes)
    assert (done.returncode, done.stdout) == (3, "")
    assert "did you mean prod?" in done.stderr


def test_a_rehearsal_that_has_ended_is_named(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    done = runtask("history", "prod", variables={"RUNTASK_REHEARSAL": gone})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"RUNTASK_REHEARSAL names {gone}, a rehearsal that has ended" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["schema", "message"], ["explain"]])
def test_a_reader_that_has_enough_ends_the_command_without_a_traceback(
    arguments: list[str],
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "runtask", *arguments],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["history", "dev"],
        ["new", "--from", "report", "--stage", "dev"],
        ["doctor", "--stage", "dev"],
        ["init", "--add-stage", "qa", "--discover", "--dry-run"],
    ],
)
@pytest.mark.parametrize(
    "credentials",
    [
        {},
        {"AWS_PROFILE": "nosuch"},
        {
            "AWS_ACCESS_KEY_ID": "expired",
            "AWS_SECRET_ACCESS_KEY": "expired",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nobody answers there
            "AWS_MAX_ATTEMPTS": "1",
        },
    ],
    ids=["none", "no such profile", "refused"],
)
def test_credentials_that_are_no_good_are_a_message_and_an_exit_code(
    arguments: list[str], credentials: dict[str, str]
) -> None:
    done = runtask(*arguments, variables=credentials)
    assert done.returncode in {1, 2, 4}
    assert "Traceback" not in done.stderr
    assert done.stdout + done.stderr


@pytest.mark.parametrize("verb", ["new", "explain"])
def test_an_interruption_at_any_moment_is_exit_code_130(verb: str) -> None:
    for seconds in (0.02, 0.2, 0.6):
        with subprocess.Popen(
            [sys.executable, "-m", "runtask", verb, "--stage", "dev"],
            cwd=ROOT,
            env={"PATH": "", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            process.send_signal(signal.SIGINT)
            assert process.stderr
            errors = process.stderr.read()
        # Before the interpreter has begun, a signal ends the process itself.
        assert process.returncode in {0, 130, -signal.SIGINT}
        if process.returncode == ExitCode.INTERRUPTED:
            assert "Traceback" not in errors


def test_nothing_is_coloured_in_a_pipe() -> None:
    done = runtask("stages")
    assert "\x1b" not in done.stdout + done.stderr


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
