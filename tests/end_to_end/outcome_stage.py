"""A stage with everything that comes after a launch, whose waits take seconds, not minutes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from function.message.idempotency import started_by
from function.outcomes import serialization
from function.outcomes.states import FINAL
from infra.names import rule_name
from rehearsal.emulator import Conditions, Credentials, scripts
from rehearsal.fault_injection import InjectedFault
from tests.end_to_end.outcome_kinds import START_ATTEMPTS, TEMPLATE, Fate, fate_of
from tests.end_to_end.patched_function import patch_artifact
from tests.end_to_end.stage import RETURNED, STAGE, Stage, deploy, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pytest

    from function.outcomes.history import History
    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.message_history import SentMessage
    from tests.end_to_end.outcome_kinds import Kind

# Constants of `function.limits` that are waits, and what they are here, in seconds.
_QUICK: Final = {
    "RESTART_BASE_SECONDS": 1,
    "SLOW_RESTART_BASE_SECONDS": 1,
    "MAX_RESTART_SECONDS": 1,
    "MIN_ATTEMPT_INTERVAL_SECONDS": 1,
    "MIN_CONTENDED_INTERVAL_SECONDS": 1,
    "MIN_RUNTIME_SECONDS": 1,
    "MIN_SWEEP_INTERVAL_SECONDS": 0.0,
    "EFFECTS_RETRY_SECONDS": 2.0,
}

# The end of waiting for what does not happen, which is a bug.
MAX_WAIT_SECONDS: Final = 120.0

# All histories are read each time.
_POLL_SECONDS: Final = 0.5

_OPTIONS: Final = {
    "capacityProviders": json.dumps(["FARGATE", "FARGATE_SPOT"]),
    "outcomes": "true",
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

    def settled(self, expected: Mapping[str, Fate], *, heal: bool = False) -> dict[str, Fate]:
        """Return what became of each key, once nothing more can.

        Args:
            expected: The keys.
            heal: Whether the sweep looks at all of them, again and again.
        """

        def holds() -> bool:
            if heal:
                self.heal()
            found = self.histories()
            return all(
                key in found and found[key].state in FINAL and not found[key].todo
                for key in expected
            )

        wait_for(holds, MAX_WAIT_SECONDS, _POLL_SECONDS)
        return self.fates()

    def heal(self) -> None:
        """Let the sweep look at every key that has not ended, as if the time for it had come."""
        client = self.stage.client("dynamodb")
        conflict = client.exceptions.ConditionalCheckFailedException
        for item in self.items():
            if item.get("listed", {}).get("S") != "active":
                continue
            content = json.loads(item["history"]["S"])
            overdue = json.dumps({**content, "due_at": 0.0})
            # What has changed meanwhile is looked at in the next round.
            with contextlib.suppress(conflict):
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

    def spy(self) -> str:
        """Return the URL of a new queue that gets what the stage's rules send to its own."""
        events, sqs = self.stage.client("events"), self.stage.client("sqs")
        location, name = self.stage.location, "spy"
        queue = location.arn("sqs", name)
        rules = [rule_name(STAGE, what) for what in RULES]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue,
            "Condition": {
                "ArnEquals": {
                    "aws:SourceArn": [location.arn("events", f"rule/{rule}") for rule in rules]
                }
            },
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url: str = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
        for rule in rules:
            (target,) = events.list_targets_by_rule(Rule=rule)["Targets"]
            events.put_targets(Rule=rule, Targets=[{**target, "Id": name, "Arn": queue}])
        return url

    def notices(self) -> list[dict[str, Any]]:
        """Return what the failure topic has told."""
        return [json.loads(one.body) for one in self.stage.queued(self.stage.inbox_url)]

    def log(self) -> list[str]:
        """Return all lines of the function's log, its metrics among them."""
        pages = self.stage.client("logs").get_paginator("filter_log_events")
        name = self.stage.outputs["logGroup"]
        return [
            event["message"]
            for page in pages.paginate(logGroupName=name)
            for event in page["events"]
        ]

    def waiting(self, reason: str) -> set[str]:
        """Return the keys of messages that have been returned to the queue for a reason."""
        lines = self.stage.log_lines(RETURNED)
        return {line["key"] for line in lines if line["reason"] == reason}

    def payloads(self) -> list[str]:
        """Return the names of the objects in the payload bucket."""
        pages = self.stage.client("s3").get_paginator("list_objects_v2")
        bucket = self.stage.outputs["payloadBucket"]
        return [
            one["Key"] for page in pages.paginate(Bucket=bucket) for one in page.get("Contents", ())
        ]

    def read_as_task(self, uri: str) -> str:
        """Return the SHA-256 of an object, read with the role of the tasks."""
        location, role = self.stage.location, "report-task"
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": location.iam_arn("root")},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.stage.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=document)
        keys = self.stage.client("sts").assume_role(
            RoleArn=location.iam_arn(f"role/{role}"), RoleSessionName="task"
        )["Credentials"]
        credentials = Credentials(
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
            token=keys["SessionToken"],
        )
        s3 = self.stage.emulator.client("s3", location.account, location.region, credentials)
        bucket, _, name = uri.removeprefix("s3://").partition("/")
        content = s3.get_object(Bucket=bucket, Key=name)["Body"].read()
        return hashlib.sha256(content).hexdigest()

    def described(self, keys: str) -> list[dict[str, Any]]:
        """Return the tasks of the keys with a beginning, as ECS describes them."""
        mine = started_by(STAGE, keys)
        return [task for task in self.stage.tasks() if task["startedBy"].startswith(mine)]

    def tasks_of(self, key: str) -> set[str]:
        """Return the ARNs of the tasks that ECS has started for a key."""
        mine = started_by(STAGE, key)
        calls = self.stage.emulator.calls("RunTask")
        return {arn for call in calls if call.started_by == mine for arn in call.tasks}


def deploy_outcomes(
    emulator: FaultyEmulator, folder: Path, monkeypatch: pytest.MonkeyPatch, **options: str
) -> OutcomeStage:
    """Deploy a stage with outcomes."""
    patch_artifact(monkeypatch, folder, {"limits.py": _quick, "launch/progress.py": _without_doubt})
    emulator.set_conditions(QUICK)
    emulator.inject(
        InjectedFault(match="/capacity-", also="FARGATE_SPOT", reason=scripts.NO_CAPACITY.reason)
    )
    return OutcomeStage(stage=deploy(emulator, **{**_OPTIONS, **options}))


# A sweep each second.
QUICK: Final = Conditions(minute_seconds=1.0)


def _without_doubt(code: str) -> str:
    """Let a call whose answer was not recorded be waited for a second, not a delivery's time."""
    wait = "item.doubt_at + self.timeout_seconds"
    assert code.count(wait) == 1
    return code.replace(wait, "item.doubt_at + 1")


def _quick(code: str) -> str:
    for name, seconds in _QUICK.items():
        code, found = re.subn(rf"(?m)^{name}: Final = .*$", f"{name}: Final = {seconds}", code)
        assert found == 1, f"limits.py no longer has {name}"
    return code
