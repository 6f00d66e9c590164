"""Dead letters are redriven: what had not started is launched, and what had is not started twice.

What ECS does is the stand-in's, and no evidence about AWS.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from function.outcomes.states import State
from rehearsal.sample_account import SECURITY_GROUP, SUBNETS
from tests.end_to_end.operator_access import documented_access, runtask
from tests.end_to_end.outcome_stage import OutcomeStage, deploy_outcomes
from tests.end_to_end.stage import NETWORK, task, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.fault_injection import FaultyEmulator

_LATER: Final = "monthly"

_ZERO: Final = {"containerOverrides": [{"name": "report", "command": ["sh", "-c", "exit 0"]}]}


@pytest.fixture(scope="module")
def outcomes(
    emulator: FaultyEmulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OutcomeStage]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = deploy_outcomes(emulator, tmp_path_factory.mktemp("function"), monkeypatch)
        access = documented_access(
            found.stage, "redriver", "An operator needs this policy", "To redrive, an operator"
        )
        # The stage is deployed with more than its file says.
        config = replace(access.config, subnets=SUBNETS, security_groups=(SECURITY_GROUP,))
        opened = replace(access, config=config)
        monkeypatch.setattr("runtask.redrive.command.open_stage", lambda *_: opened)
        yield found


def _becomes(outcomes: OutcomeStage, key: str, state: State) -> bool:
    def holds() -> bool:
        history = outcomes.histories().get(key)
        return history is not None and history.state == state

    return wait_for(holds)


def _letters(outcomes: OutcomeStage) -> list[str]:
    """Return the keys of the dead letters."""
    url = outcomes.stage.outputs["deadLetterQueueUrl"]
    return [one.attributes.get("key", "") for one in outcomes.stage.queued(url)]


def _put_letter(outcomes: OutcomeStage, key: str) -> None:
    """Put a letter of a key into the dead-letter queue, as the handler would have."""
    values = {
        "reason": "expired",
        "error": "the message's retention ends soon",
        "attempts": "9",
        "messageId": "00000000-0000-0000-0000-000000000000",
        "redrivable": "true",
        "tasks": "unknown",
        "key": key,
    }
    outcomes.stage.client("sqs").send_message(
        QueueUrl=outcomes.stage.outputs["deadLetterQueueUrl"],
        MessageBody=task(),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": text} for name, text in values.items()
        },
    )


def _redrive(*arguments: str) -> dict[str, Any]:
    """Redrive one letter, and return what became of it."""
    result = runtask("redrive", *arguments, "--yes", "--json")
    assert result.exit_code == 0, result.output + str(result.exception)
    (row,) = json.loads(result.stdout)
    return dict(row)


def test_a_message_whose_cause_is_fixed_is_launched_with_its_key(outcomes: OutcomeStage) -> None:
    key = "redrive-fixed"
    outcomes.stage.send(task("networkConfiguration", service=_LATER, overrides=_ZERO), key)
    assert _becomes(outcomes, key, State.REJECTED)
    (group,) = json.loads(runtask("redrive", "--json").stdout)
    assert (group["reason"], group["letters"]) == ("service-not-found", 1)
    outcomes.stage.client("ecs").create_service(
        cluster="batch",
        serviceName=_LATER,
        taskDefinition="report",
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )

    row = _redrive("--reason", "service-not-found")

    assert (row["key"], row["result"]) == (key, "redriven")
    assert _becomes(outcomes, key, State.SUCCEEDED)
    assert len(outcomes.tasks_of(key)) == 1
    assert _letters(outcomes) == []


def test_a_message_that_is_rejected_again_is_rejected(outcomes: OutcomeStage) -> None:
    key = "redrive-too-early"
    outcomes.stage.send(task("networkConfiguration", service="never"), key)
    assert _becomes(outcomes, key, State.REJECTED)
    first = outcomes.histories()[key].rejection

    row = _redrive("--key", key)

    assert row["result"] == "redriven"
    assert wait_for(lambda: outcomes.histories()[key].rejection != first)
    assert outcomes.histories()[key].state is State.REJECTED
    assert wait_for(lambda: _letters(outcomes) == [key])
    outcomes.stage.client("sqs").purge_queue(QueueUrl=outcomes.stage.outputs["deadLetterQueueUrl"])


def test_what_had_started_is_started_again_only_by_a_relaunch(outcomes: OutcomeStage) -> None:
    key = "redrive-started"
    outcomes.stage.send(task(), key)
    assert wait_for(lambda: len(outcomes.tasks_of(key)) == 1)
    _put_letter(outcomes, key)

    _redrive("--key", key)
    wait_for(lambda: not outcomes.stage.queued(outcomes.stage.outputs["queueUrl"]))

    assert (len(outcomes.tasks_of(key)), _letters(outcomes)) == (1, [])

    _put_letter(outcomes, key)
    new = _redrive("--key", key, "--relaunch")["new_key"]

    assert wait_for(lambda: len(outcomes.tasks_of(new)) == 1)
    assert (len(outcomes.tasks_of(key)), _letters(outcomes)) == (1, [])
