"""All checks of the rehearsal pass, and they fail when something is broken on purpose."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra import artifact_source, lambda_function
from infra.bundle import build_bundle
from infra.policies.function_role import FunctionGrants, function_policy
from rehearsal import observer
from rehearsal.emulator import Emulator
from rehearsal.rehearsal import Rehearsal, RehearsalResult
from runtask.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]

# A check that must fail needs no long wait.
SHORT_WAIT_SECONDS: Final = 8.0


# Stages and bootstrap stacks.
STACKS: Final = ("dev", "prod", "dev-bootstrap", "prod-bootstrap")


def rehearse(*, destroy: bool = False) -> RehearsalResult:
    with Emulator.start() as emulator:
        return Rehearsal(
            project=load_project(ROOT),
            emulator=emulator,
            say=lambda _text: None,
            destroy=destroy,
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
        monkeypatch.setattr(observer, "MAX_WAIT_SECONDS", SHORT_WAIT_SECONDS)

    return replace


def failed(result: RehearsalResult) -> dict[str, str]:
    return {check.text: check.found for check in result.failed}


def test_all_checks_pass() -> None:
    result = rehearse(destroy=True)
    assert failed(result) == {}
    assert {location.account for location in result.locations.values()} == {
        "111111111111",
        "222222222222",
    }
    assert result.digests["dev"] == result.digests["prod"] == build_bundle(ROOT).digest
    assert len(result.observed) == 8
    texts = {check.text for check in result.checks}
    assert {f"{stack}: a second deployment changes nothing" for stack in STACKS} <= texts
    assert "dev: the stage can be taken away, and its artifacts stay" in texts
    assert "prod-bootstrap: the account's resources can be taken away" in texts


def test_without_a_client_token_a_second_delivery_launches_again(
    break_handler: Callable[[str, str, str], None],
) -> None:
    break_handler(
        "message/builder.py", "            _CLIENT_TOKEN: client_token(key, number),\n", ""
    )
    found = failed(rehearse())
    check = "dev: flat.json, delivered twice is started already"
    assert found == {check: "launched again"}


def test_without_the_dead_letter_a_rejected_message_is_missed(
    break_handler: Callable[[str, str, str], None],
) -> None:
    break_handler("sqs/dead_letter.py", "    sqs.send_message(**arguments)\n", "    del sqs\n")
    found = failed(rehearse())
    assert found["dev: invalid.json is rejected (wrong-type)"] == "missing"
    assert found["dev: not-allowed.json is rejected (not-allowed)"] == "missing"


@pytest.mark.parametrize(
    ("sid", "check", "error"),
    [
        ("LaunchTasks", "dev: run-task.json is launched", "AccessDeniedException"),
        ("PassTaskRoles", "dev: flat.json is launched", "AccessDeniedException"),
    ],
)
def test_without_a_permission_the_launch_is_missed(
    monkeypatch: pytest.MonkeyPatch, sid: str, check: str, error: str
) -> None:
    def without(grants: FunctionGrants) -> dict[str, Any]:
        policy = function_policy(grants)
        policy["Statement"] = [entry for entry in policy["Statement"] if entry["Sid"] != sid]
        return policy

    monkeypatch.setattr(lambda_function, "function_policy", without)
    monkeypatch.setattr(observer, "MAX_WAIT_SECONDS", SHORT_WAIT_SECONDS)
    found = failed(rehearse())
    assert found[check].startswith(f"missing; RunTask answered {error}")
