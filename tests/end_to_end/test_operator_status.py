"""What an operator sees of messages and does about them, with the rights that the documents name.

What ECS does is the stand-in's, and no evidence about AWS.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from function.message.idempotency import started_by
from function.outcomes.states import State
from rehearsal.emulator import TaskScript
from runtask.errors import ExitCode
from runtask.stage_view import follow_stage
from tests.end_to_end.operator_access import documented_access, runtask
from tests.end_to_end.outcome_kinds import CANARY, SIDECAR
from tests.end_to_end.outcome_stage import OutcomeStage, deploy_outcomes
from tests.end_to_end.stage import STAGE, task, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.fault_injection import FaultyEmulator
    from runtask.stage_access import StageAccess

# Answers SIGTERM with an exit code for which its message asks a restart.
_STUBBORN: Final = "trap 'exit 75' TERM; echo up; while :; do sleep 0.05; done"

_SEVEN: Final = "echo first; echo last; exit 7"


@pytest.fixture(scope="module")
def outcomes(
    emulator: FaultyEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OutcomeStage]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield deploy_outcomes(emulator, tmp_path_factory.mktemp("function"), monkeypatch)


@pytest.fixture(scope="module")
def access(outcomes: OutcomeStage) -> StageAccess:
    """Return the stage as seen with the policy of docs/operations.md, and nothing else."""
    return documented_access(outcomes.stage, "operator", "An operator needs this policy")


@pytest.fixture(autouse=True)
def _as_operator(access: StageAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtask.stage_access.open_stage", lambda *_: access)


def _status(key: str) -> dict[str, Any]:
    result = runtask("status", key, "--json")
    found = json.loads(result.stdout) if result.stdout else []
    return found[0] if found else {}


def _send(outcomes: OutcomeStage, key: str, command: str, **more: Any) -> None:
    override = {
        "name": "report",
        "command": ["sh", "-c", command],
        "environment": [{"name": "SECRET", "value": CANARY}],
    }
    body = task(overrides={"containerOverrides": [override]}, **more)
    outcomes.stage.send(body, key)


def _becomes(key: str, state: State) -> bool:
    return wait_for(lambda: _status(key).get("state") == state)


@pytest.fixture(scope="module")
def seven(outcomes: OutcomeStage) -> str:
    """Return the key of a task that ends with 7, with a container of AWS's that ends with 137."""
    key = "operator-seven"
    outcomes.stage.emulator.set_script(started_by(STAGE, key), TaskScript(injected=(SIDECAR,)))
    _send(outcomes, key, _SEVEN)
    return key


def test_a_key_that_failed_is_shown_in_words(seven: str) -> None:
    assert _becomes(seven, State.FAILED)

    result = runtask("status", seven)

    assert result.exit_code == 0
    assert "failed (exit-code): the container ended with an error" in result.stdout
    assert "1 task of report on cluster batch overriding report" in result.stdout
    assert _status(seven)["exitCode"] == 7
    codes = {
        container["name"]: container["exitCode"]
        for container in _status(seven)["tasks"][0]["containers"]
    }
    assert codes == {"report": 7, "log-router": 0, SIDECAR: 137}


def test_its_log_is_whole(seven: str) -> None:
    assert _becomes(seven, State.FAILED)

    result = runtask("logs", seven, "--container", "report", "--follow")

    assert result.stdout.splitlines() == ["first", "last"]


def test_its_request_is_explained_without_its_secrets(seven: str) -> None:
    assert _becomes(seven, State.FAILED)

    result = runtask("explain", seven, "--json")

    (found,) = json.loads(result.stdout)
    sources = {one["parameter"]: one["source"] for one in found["request"]}
    assert sources["taskDefinition"]
    assert sources["overrides.containerOverrides[0].environment.SECRET"] == "the message"
    assert CANARY not in result.output


def test_a_stopped_task_is_not_started_again(outcomes: OutcomeStage) -> None:
    key = "operator-stubborn"
    _send(outcomes, key, _STUBBORN, limits={"onExit": {"restart": [75], "times": 3}})
    assert _becomes(key, State.RUNNING)
    assert wait_for(lambda: "report: up" in runtask("logs", key).stdout)

    stopped = runtask("stop", key, "--yes")

    assert stopped.exit_code == 0, stopped.output
    assert _becomes(key, State.STOPPED)
    found = _status(key)
    assert (found["reason"], found["attempts"], found["exitCode"]) == ("user", 1, 75)
    assert found["tasks"][0]["stopReason"].startswith("runtask stop by arn:aws:iam::")
    assert len(outcomes.tasks_of(key)) == 1
    listed = json.loads(runtask("status", "--state", "stopped", "--json").stdout)
    assert key in [one["key"] for one in listed]


def test_a_rejected_message_has_reason_cause_and_cure(outcomes: OutcomeStage) -> None:
    key = "operator-rejected"
    outcomes.stage.send(task(cluster="nobodys"), key)

    assert _becomes(key, State.REJECTED)

    found = _status(key)
    assert found["reason"] == "not-allowed"
    assert "nobodys" in found["error"]
    assert found["cause"]
    assert found["cure"]
    assert "no task of it was started" in str(runtask("logs", key).exception)


def test_succeeded_keys_are_found_too(outcomes: OutcomeStage) -> None:
    _send(outcomes, "operator-zero", "exit 0")

    assert _becomes("operator-zero", State.SUCCEEDED)

    listed = json.loads(runtask("status", "--state", "succeeded", "--json").stdout)
    assert "operator-zero" in [one["key"] for one in listed]


@pytest.mark.parametrize("command", [("status",), ("logs",), ("stop", "--yes"), ("explain",)])
def test_a_key_that_nobody_knows_has_an_exit_code(command: tuple[str, ...]) -> None:
    result = runtask(*command, "operator-unknown")

    assert getattr(result.exception, "exit_code", None) == ExitCode.UNKNOWN_KEY


def test_the_view_shows_the_queues(access: StageAccess, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        follow_stage(access, as_json=True, clock=_OneLook())

    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["queue"].keys() == {"visible", "inFlight", "delayed"}
    assert found["waiting"] is not None


class _OneLook:
    """A clock at which the operator ends the view after one look."""

    def time(self) -> float:
        return 1_800_000_000.0

    def monotonic(self) -> float:
        return 1.0

    def sleep(self, _seconds: float, /) -> None:
        raise KeyboardInterrupt
