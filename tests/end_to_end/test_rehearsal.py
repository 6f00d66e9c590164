"""The rehearsal shows what it should, and falls when something is broken on purpose."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infra import artifact_source, lambda_function
from infra.bundle import build_bundle
from infra.policies.function_role import FunctionGrants, function_policy
from rehearsal import observer
from rehearsal.emulator import Emulator
from rehearsal.rehearsal import Rehearsal, Result
from runtask.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]

# What is broken on purpose never comes right; there is no need to wait long for it.
SHORT_PATIENCE_SECONDS = 4.0


def rehearse() -> Result:
    with Emulator.start() as emulator:
        return Rehearsal(
            project=load_project(ROOT), emulator=emulator, say=lambda _text: None
        ).run()


@pytest.fixture
def break_handler(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str, str, str], None]:
    """Return a function that replaces a piece of the handler's code in the artifact."""

    def replace(file: str, old: str, new: str) -> None:
        shutil.copytree(ROOT / "function", tmp_path / "function")
        path = tmp_path / "function" / file
        code = path.read_text(encoding="utf-8")
        assert code.count(old) == 1, f"{file} no longer holds {old!r} once"
        path.write_text(code.replace(old, new), encoding="utf-8")
        broken = functools.partial(build_bundle, tmp_path)
        monkeypatch.setattr(artifact_source, "build_bundle", broken)
        monkeypatch.setattr(observer, "PATIENCE_SECONDS", SHORT_PATIENCE_SECONDS)

    return replace


def fallen(result: Result) -> dict[str, str]:
    return {expectation.text: expectation.found for expectation in result.fallen}


def test_everything_holds() -> None:
    result = rehearse()
    assert fallen(result) == {}
    assert {location.account for location in result.locations.values()} == {
        "111111111111",
        "222222222222",
    }
    assert result.digests["dev"] == result.digests["prod"] == build_bundle(ROOT).digest
    verdicts = [(stage, one.sent.sample.name, one.verdict) for stage, one in result.observed]
    assert len(verdicts) == 8


def test_without_a_client_token_a_second_delivery_launches_again(
    break_handler: Callable[[str, str, str], None],
) -> None:
    break_handler(
        "message/builder.py", "            _CLIENT_TOKEN: client_token(key, number),\n", ""
    )
    found = fallen(rehearse())
    expectation = "dev: flat.json, delivered twice is started already"
    assert found == {expectation: "launched again"}


def test_without_the_dead_letter_a_rejected_message_is_missed(
    break_handler: Callable[[str, str, str], None],
) -> None:
    break_handler("sqs/dead_letter.py", "    sqs.send_message(**arguments)\n", "    del sqs\n")
    found = fallen(rehearse())
    assert found["dev: invalid.json is rejected (wrong-type)"] == "missing"
    assert found["dev: not-allowed.json is rejected (not-allowed)"] == "missing"


@pytest.mark.parametrize(
    ("sid", "expectation", "refusal"),
    [
        ("LaunchTasks", "dev: run-task.json is launched", "AccessDeniedException"),
        ("PassTaskRoles", "dev: flat.json is launched", "AccessDeniedException"),
    ],
)
def test_without_a_permission_the_launch_is_missed(
    monkeypatch: pytest.MonkeyPatch, sid: str, expectation: str, refusal: str
) -> None:
    def without(grants: FunctionGrants) -> dict[str, Any]:
        policy = function_policy(grants)
        policy["Statement"] = [entry for entry in policy["Statement"] if entry["Sid"] != sid]
        return policy

    monkeypatch.setattr(lambda_function, "function_policy", without)
    monkeypatch.setattr(observer, "PATIENCE_SECONDS", SHORT_PATIENCE_SECONDS)
    found = fallen(rehearse())
    assert found[expectation].startswith(f"missing; RunTask answered {refusal}")
