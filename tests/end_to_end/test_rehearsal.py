"""All checks of the rehearsal pass, and they fail when something is broken on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra import lambda_function
from infra.bundle import build_bundle
from infra.policies.function_role import FunctionGrants, function_policy
from rehearsal.checks import Check, stage_checks
from rehearsal.deployment import deploy_stage
from rehearsal.emulator import Emulator
from rehearsal.observer import StageObserver
from rehearsal.rehearsal import Rehearsal, RehearsalResult
from rehearsal.sample_account import SAMPLE_OPTIONS
from rehearsal.samples import DEV_SAMPLES
from runtask.project import load_project

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]


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


def observe_dev() -> list[Check]:
    """Return the checks of the messages to dev, without the rest of the rehearsal."""
    with Emulator.start() as emulator:
        deployed = deploy_stage(emulator, load_project(ROOT), "dev", SAMPLE_OPTIONS)
        outputs = deployed.outputs
        observer = StageObserver(
            emulator=emulator,
            location=deployed.location,
            outputs=outputs,
            inbox_url=deployed.sample_account.subscribe_inbox(outputs["failureTopicArn"]),
        )
        observer.send(DEV_SAMPLES)
        return list(stage_checks(observer, observer.wait()))


def failed(checks: list[Check]) -> dict[str, str]:
    return {check.text: check.found for check in checks if not check.passed}


def test_all_checks_pass() -> None:
    result = rehearse(destroy=True)
    assert failed(result.checks) == {}
    assert {location.account for location in result.locations.values()} == {
        "111111111111",
        "222222222222",
    }
    assert result.digests["dev"] == result.digests["prod"] == build_bundle(ROOT).digest
    assert len(result.observed) == 12
    texts = {check.text for check in result.checks}
    assert {f"{stack}: a second deployment changes nothing" for stack in STACKS} <= texts
    assert "dev: the stage can be taken away, and its artifacts stay" in texts
    assert "prod-bootstrap: the account's resources can be taken away" in texts


def test_without_a_client_token_a_second_delivery_launches_again(
    break_handler: Callable[[str, str, str], None],
) -> None:
    break_handler(
        "message/builder.py", "        _CLIENT_TOKEN: client_token(key, stage, attempt),\n", ""
    )
    found = failed(rehearse().checks)
    verification = found.pop("dev: no probe of runtask verify fails")
    assert verification.startswith("idempotency: 2 messages with one key started 2 tasks")
    assert found == {
        "dev: flat.json is launched": "launched again",
        "dev: flat.json, delivered twice is started already": "launched again",
    }


def test_without_the_dead_letter_a_rejected_message_is_missed(
    break_handler: Callable[[str, str, str], None],
) -> None:
    break_handler(
        "sqs/dead_letter.py",
        "        sqs.send_message(**arguments, **whole)\n",
        "        del whole\n",
    )
    found = failed(observe_dev())
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
    found = failed(observe_dev())
    assert found[check].startswith(f"missing; RunTask answered {error}")
