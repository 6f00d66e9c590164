"""A stage with everything that comes after a launch, whose waits take seconds, not minutes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from function.message.idempotency import started_by
from function.outcomes import serialization
from function.outcomes.states import FINAL
from rehearsal.emulator import Conditions, scripts
from rehearsal.fault_injection import InjectedFault
from tests.end_to_end.message_history import SentMessage
from tests.end_to_end.outcome_kinds import START_ATTEMPTS, TEMPLATE, Fate, fate_of
from tests.end_to_end.patched_function import patch_artifact
from tests.end_to_end.stage import STAGE, Stage, deploy, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from function.outcomes.history import History
    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.outcome_kinds import Kind

# Constants of `function.limits` that are waits, and what they are here, in seconds.
_QUICK: Final = {
    "RESTART_BASE_SECONDS": 1,
    "SLOW_RESTART_BASE_SECONDS": 1,
    "MAX_RESTART_SECONDS": 1,
    "MIN_RUNTIME_SECONDS": 1,
    "MIN_SWEEP_INTERVAL_SECONDS": 0.0,
    "MIN_PLACE_WAIT_SECONDS": 5.0,
    "EFFECTS_RETRY_SECONDS": 2.0,
}

# The end of waiting for what does not happen, which is a bug.
MAX_WAIT_SECONDS: Final = 120.0

_OPTIONS: Final = {
    "capacityProviders": json.dumps(["FARGATE", "FARGATE_SPOT"]),
    "payloads": "true",
    "results": "queue",
    "startAttempts": json.dumps(START_ATTEMPTS),
    "templates": json.dumps({"s3": TEMPLATE}),
    "announce": json.dumps(
        ["rejected", "expired", "never-started", "timed-out", "stopped", "failed"]
    ),
}

# Rules of a stage that pass on what ECS tells.
RULES: Final = ("running", "stopped", "never-started")


@dataclass(frozen=True, kw_only=True)
class OutcomeStage:
    """A stage, and what it keeps of its keys."""

    stage: Stage

    @property
    def table(self) -> str:
        return str(self.stage.outputs["ledgerTable"])

    def send(self, some: Sequence[Kind]) -> list[SentMessage]:
        """Send the messages of kinds, after ECS has been told what to do with their tasks."""
        sent: list[SentMessage] = []
        for kind in some:
            for key, body in kind.bodies().items():
                if kind.script:
                    self.stage.emulator.set_script(started_by(STAGE, key), kind.script)
                sent += [
                    self.stage.send(body, key if kind.keyed else "", group=f"tenant-{kind.name}")
                    for _ in range(kind.copies)
                ]
        return sent

    def items(self) -> list[dict[str, Any]]:
        """Return all items of the table."""
        pages = self.stage.client("dynamodb").get_paginator("scan")
        return [item for page in pages.paginate(TableName=self.table) for item in page["Items"]]

    def histories(self) -> dict[str, History]:
        """Return the histories of all keys."""
        return {
            item["key"]["S"]: serialization.from_text(
                item["history"]["S"],
                key=item["key"]["S"],
                revision=int(item["revision"]["N"]),
            )
            for item in self.items()
            if "history" in item
        }

    def fates(self) -> dict[str, Fate]:
        """Return what became of each key."""
        return {key: fate_of(history) for key, history in self.histories().items()}

    def settled(self, expected: Mapping[str, Fate]) -> dict[str, Fate]:
        """Return what became of each key, once nothing more can."""

        def holds() -> bool:
            found = self.histories()
            return all(
                key in found and found[key].state in FINAL and not found[key].todo
                for key in expected
            )

        wait_for(holds, MAX_WAIT_SECONDS)
        return self.fates()

    def heal(self) -> None:
        """Let the sweep look at every key that has not ended, as if the time for it had come."""
        client = self.stage.client("dynamodb")
        for item in self.items():
            if item.get("listed", {}).get("S") != "active":
                continue
            content = json.loads(item["history"]["S"])
            overdue = json.dumps({**content, "due_at": 0.0})
            client.update_item(
                TableName=self.table,
                Key={"key": item["key"]},
                UpdateExpression="SET history = :history, listed_at = :then",
                ConditionExpression="revision = :revision",
                ExpressionAttributeValues={
                    ":history": {"S": overdue},
                    ":then": {"N": "0"},
                    ":revision": item["revision"],
                },
            )

    def tasks_of(self, key: str) -> set[str]:
        """Return the ARNs of the tasks that ECS has started for a key."""
        mine = started_by(STAGE, key)
        calls = self.stage.emulator.calls("RunTask")
        return {arn for call in calls if call.started_by == mine for arn in call.tasks}


def deploy_outcomes(
    emulator: FaultyEmulator, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: str
) -> OutcomeStage:
    """Deploy a stage with outcomes."""
    patch_artifact(monkeypatch, folder, {"limits.py": _quick})
    emulator.set_conditions(QUICK)
    emulator.inject(
        InjectedFault(match="/capacity-", also="FARGATE_SPOT", reason=scripts.NO_CAPACITY.reason)
    )
    return OutcomeStage(stage=deploy(emulator, **{**_OPTIONS, **options}))


# A sweep each second.
QUICK: Final = Conditions(minute_seconds=1.0)


def _quick(code: str) -> str:
    for name, seconds in _QUICK.items():
        code, found = re.subn(rf"(?m)^{name}: Final = .*$", f"{name}: Final = {seconds}", code)
        assert found == 1, f"limits.py no longer has {name}"
    return code
