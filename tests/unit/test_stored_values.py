"""What is stored for days, and so must stay the same from one version to the next.

A change here lets a message that a former version launched be launched again, or rejects it as
`key-reused`.
"""

from __future__ import annotations

import json

from function.message.builder import read
from function.message.idempotency import Stage, client_token, started_by
from tests.unit.fakes import MESSAGE, Rig, message, settings

DIGEST = "77e0e4ee0b69a2a8ac995e9e83c91a8e6d8ec3635d38b34c208e9d4b5dc649c7"
ATTEMPT = "job-1-bad05783-2"


def digest(body: str) -> str:
    return read(body, settings()).digest()


def test_the_hash_of_a_request_stays_the_same() -> None:
    assert digest(message(count=3, group="g")) == DIGEST


def test_the_hash_of_a_request_does_not_depend_on_the_order_of_names() -> None:
    turned = dict(reversed(MESSAGE.items()))
    assert list(turned) != list(MESSAGE)
    assert digest(json.dumps({"ECS": turned})) == digest(message())


def test_requests_that_differ_have_different_hashes() -> None:
    bodies = (
        message(),
        message(count=2),
        message(group="other"),
        message(service="report"),
        message(service="other"),
    )
    assert len({digest(body) for body in bodies}) == len(bodies)


def test_the_client_token_and_the_marks_of_a_task_stay_the_same() -> None:
    stage = Stage(name="dev", account="111111111111", region="eu-central-1")
    assert client_token("job-1", stage, 2) == ATTEMPT
    assert started_by("dev", "job-1") == "ecs-run-task/dev/job-1"


def test_the_item_of_a_launched_message_keeps_its_names() -> None:
    rig = Rig()
    rig.run(message(), attributes={"key": "job-1"})
    announced = rig.item("job-1") or {}
    rig.clock.now += 400
    rig.run(message(), attributes={"key": "job-1"}, receives=2)
    launched = rig.item("job-1") or {}

    assert announced.keys() == {
        *("key", "request", "count", "attempt", "expires"),
        *("called_at", "caller", "claim", "claimed_at", "open"),
    }
    assert launched.keys() == {
        *("key", "request", "count", "attempt", "expires"),
        *("state", "tasks"),
    }
    assert launched["state"] == "launched"
    assert launched["tasks"] == [
        {"S": arn} for arn in rig.ecs.tasks[rig.ecs.calls[0]["clientToken"]]
    ]
