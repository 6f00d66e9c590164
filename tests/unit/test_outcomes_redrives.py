"""What becomes of a key that was rejected, redriven, and launched or rejected again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from function.outcomes.states import State
from tests.unit.fakes import client_error, message
from tests.unit.outcomes_rig import EVENTS, OutcomesRig

if TYPE_CHECKING:
    from collections.abc import Mapping

INACTIVE = client_error("ClientException", "TaskDefinition is inactive")


class RedriveRig(OutcomesRig):
    """The rig, with an operator who redrives the last dead letter."""

    def launch(self, attributes: Mapping[str, str] | None = None, number: int = 0) -> list[str]:
        """Process the message once, and what it reports; return what returns to the queue."""
        self.clock.now += 60
        found = self.run(message(), number=number, attributes=attributes or {"key": "job"})
        self.feed(*(json.dumps(report) for report in self.sqs.reports))
        self.sqs.reports.clear()
        return found

    def letter(self) -> dict[str, str]:
        """Return the attributes of the last dead letter that a redrive sends with it."""
        letters: list[dict[str, Any]] = [
            sent for sent in self.sqs.sent if sent["QueueUrl"] != EVENTS
        ]
        found = letters[-1]["MessageAttributes"]
        return {name: found[name]["StringValue"] for name in ("key", "messageId", "tasks")}


@pytest.fixture
def rig() -> RedriveRig:
    rig = RedriveRig()
    rig.ecs.script = [INACTIVE]
    rig.launch()
    assert rig.history().state is State.REJECTED
    return rig


def ended(rig: RedriveRig) -> dict[str, Any]:
    ((arn,),) = rig.ecs.tasks.values()
    return {**rig.task(1, "STOPPED"), "taskArn": arn}


def test_a_rejected_key_that_is_redriven_and_launched_ends_as_its_task(rig: RedriveRig) -> None:
    rig.launch(rig.letter(), number=1)
    assert rig.history().state is State.LAUNCHING
    assert rig.history().finished_at is None

    rig.feed(ended(rig))

    assert (rig.history().state, rig.history().reason) == (State.SUCCEEDED, "")
    assert rig.ecs.count == 1


def test_a_key_that_is_rejected_again_is_rejected_for_the_last_reason(rig: RedriveRig) -> None:
    first = rig.history().finished_at
    rig.ecs.script = [client_error("InvalidParameterException", "No such subnet")]

    rig.launch(rig.letter(), number=1)

    history = rig.history()
    assert (history.state, history.reason) == (State.REJECTED, "invalid-parameter")
    assert history.finished_at is not None
    assert first is not None
    assert history.finished_at > first


def test_the_task_ends_before_its_launch_is_reported(rig: RedriveRig) -> None:
    rig.clock.now += 60
    rig.run(message(), number=1, attributes=rig.letter())
    rig.feed(ended(rig))
    rig.feed(*(json.dumps(report) for report in rig.sqs.reports))

    assert rig.history().state is State.SUCCEEDED


def test_the_rejection_is_reported_after_the_launch_that_followed_it() -> None:
    rig = RedriveRig()
    rig.ecs.script = [INACTIVE]
    rig.run(message(), attributes={"key": "job"})
    (late,) = rig.sqs.reports
    rig.sqs.reports.clear()
    rig.launch(rig.letter(), number=1)
    rig.feed(ended(rig))

    rig.feed(json.dumps(late))

    assert rig.history().state is State.SUCCEEDED
