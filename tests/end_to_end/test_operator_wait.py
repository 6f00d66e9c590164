"""`runtask send --wait` against a stage: the exit code of the task is that of the command."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from click.testing import CliRunner

from function.message.idempotency import started_by
from rehearsal.emulator import TaskScript
from runtask.cli import cli
from runtask.errors import ExitCode
from runtask.surroundings import Surroundings, surroundings
from tests.end_to_end.outcome_kinds import SIDECAR
from tests.end_to_end.outcome_stage import deploy_outcomes
from tests.end_to_end.stage import STAGE, task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.outcome_stage import OutcomeStage

ROOT: Final = Path(__file__).resolve().parents[2]

# What the stack file of the stage lacks of the options with which it is deployed here.
_OPTIONS: Final = """\
  ecs-run-task:subnets: [subnet-0a1b2c3d4e5f60718, subnet-0f1e2d3c4b5a69788]
  ecs-run-task:securityGroups: [sg-0123456789abcdef0]
"""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Somebody who sends to the stage."""

    emulator: FaultyEmulator
    folder: Path

    def send(self, key: str, command: str, *arguments: str, **more: Any) -> Result:
        override = {"name": "report", "command": ["sh", "-c", command]}
        body = task(overrides={"containerOverrides": [override]}, **more)
        return self.send_body(key, body, *arguments)

    def send_body(self, key: str, body: str, *arguments: str, name: str = "job.json") -> Result:
        file = self.folder / name
        file.write_text(body, encoding="utf-8")
        given = ("send", str(file), "--stage", STAGE, "--key", key, *arguments)
        return CliRunner().invoke(cli, [*given, "--project", str(self.folder)])


@pytest.fixture(scope="module")
def outcomes(
    emulator: FaultyEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OutcomeStage]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield deploy_outcomes(emulator, tmp_path_factory.mktemp("function"), monkeypatch)


@pytest.fixture
def operator(outcomes: OutcomeStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    for path in ROOT.glob("Pulumi*.yaml"):
        shutil.copy(path, tmp_path)
    with (tmp_path / f"Pulumi.{STAGE}.yaml").open("a", encoding="utf-8") as file:
        file.write(_OPTIONS)
    emulator, location = outcomes.stage.emulator, outcomes.stage.location
    for name, value in emulator.variables(location.account, location.region).items():
        monkeypatch.setenv(name, value)

    def with_output(*arguments: Any) -> Surroundings:
        found = surroundings(*arguments)
        return Surroundings(engine=found.engine, sessions=found.sessions, output=emulator.output)

    monkeypatch.setattr("runtask.stage_access.surroundings", with_output)
    return Operator(emulator=emulator, folder=tmp_path)


def code_of(result: Result) -> int:
    return int(getattr(result.exception, "exit_code", result.exit_code))


def test_the_exit_code_is_that_of_the_container_and_not_of_an_injected_one(
    operator: Operator,
) -> None:
    script = TaskScript(injected=(SIDECAR,))
    operator.emulator.set_script(started_by(STAGE, "seven"), script)

    result = operator.send("seven", "echo working; exit 7", "--wait", "--logs")

    assert code_of(result) == 7, result.output
    assert "report: working" in result.stdout.splitlines()
    assert "sent seven\n" in result.stderr
    assert "seven failed (exit-code)" in str(result.exception)


def test_an_invalid_file_is_named_with_its_line(operator: Operator) -> None:
    body = "ECS:\n  cluster: batch\n  overrides:\n    cpu: 1024\n"

    result = operator.send_body("invalid", body, "--wait", name="job.yaml")

    assert code_of(result) == ExitCode.USAGE
    assert "job.yaml:4: ECS.overrides.cpu: expected a string" in str(result.exception)


def test_a_message_that_the_handler_rejects_has_reason_cause_and_cure(operator: Operator) -> None:
    # What only AWS knows: the task definition does not have such a container.
    override = {"name": "nosuch", "command": ["true"]}
    body = task(overrides={"containerOverrides": [override]})

    result = operator.send_body("rejected", body, "--wait", "--timeout", "60")

    assert code_of(result) == ExitCode.REJECTED, result.output
    text = str(result.exception)
    assert "rejected rejected (" in text
    for name in ("error", "cause", "cure"):
        assert f"\n  {name}: " in text


def test_a_timeout_has_its_own_code_and_the_logs_so_far(operator: Operator) -> None:
    arguments = ("--wait", "--logs", "--timeout", "1", "--json")
    operator.send("slow", "echo first; sleep 60", "--wait-until", "running", "--timeout", "60")

    result = operator.send("slow", "echo first; sleep 60", *arguments)

    assert code_of(result) == ExitCode.WAIT_TIMEOUT, result.output
    objects = [json.loads(line) for line in result.stdout.splitlines()]
    logs = [one for one in objects if one["event"] == "log"]
    assert [one["text"] for one in logs if one["container"] == "report"] == ["first"]
    assert "runtask status slow --stage dev --follow" in str(result.exception)
    assert "runtask logs slow --stage dev" in str(result.exception)
