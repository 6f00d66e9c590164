"""The open questions about AWS, with both answers to each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from runtask.verification.finding import Status
from runtask.verification.probes import conflict, replay, tags
from tests.runtask.verify_services import REGION, FakeSession, error
from tests.runtask.verify_world import World, found

if TYPE_CHECKING:
    from runtask.verification.context import Verification


@pytest.mark.parametrize(
    "probe", [conflict.conflict_names_tasks, replay.token_replays_failures, tags.tag_delay]
)
def test_nothing_is_asked_unless_the_operator_says_so(probe: Any, world: World) -> None:
    status, sentence = found(probe(world.verification(probe_aws=False)))
    assert (status, sentence) == ("skipped", "not asked; pass --probe-aws")


def launched(world: World) -> Verification:
    """Return a verification whose canary was started by the very call that was planned."""
    verification = world.verification()
    assert verification.canary is not None
    world.ecs.run_task(**verification.canary.call)
    verification.launched = True
    return verification


def test_a_conflict_names_the_canarys_task(world: World) -> None:
    verification = launched(world)
    finding = conflict.conflict_names_tasks(verification)
    assert finding.status is Status.ANSWERED
    assert finding.facts["namesTheCanary"] is True
    assert len(world.ecs.tasks) == 1


def test_a_token_that_does_not_conflict_is_an_answer_and_its_task_is_stopped(world: World) -> None:
    verification = launched(world)
    world.ecs.tokens.clear()
    world.ecs.never_ends = True
    with verification.cleanup:
        finding = conflict.conflict_names_tasks(verification)
    assert finding.facts["conflict"] is False
    assert world.ecs.stopped == [world.ecs.tasks[1]["taskArn"]]


def test_an_operator_who_may_not_run_tasks_skips_the_question(world: World) -> None:
    verification = launched(world)
    world.ecs.denied = True
    assert conflict.conflict_names_tasks(verification).status is Status.SKIPPED


@pytest.mark.parametrize("replays", [True, False])
def test_whether_a_token_replays_its_failures_is_told_apart(
    replays: bool,  # noqa: FBT001 - a parameter of the test
    world: World,
) -> None:
    world.ecs.instances = ["arn:aws:ecs:eu-central-1:111111111111:container-instance/1"]
    world.ecs.replays_failures = replays
    world.ecs.never_ends = True
    verification = world.verification()
    with verification.cleanup:
        finding = replay.token_replays_failures(verification)
    assert finding.status is Status.ANSWERED
    assert finding.facts["replaysFailures"] is replays
    assert world.ecs.instance_attributes == []
    assert len(world.ecs.stopped) == len(world.ecs.tasks) == (1 if replays else 2)


def test_without_an_instance_there_are_no_failures_to_replay(world: World) -> None:
    status, sentence = found(replay.token_replays_failures(world.verification()))
    assert status == "skipped"
    assert "no container instance" in sentence


@dataclass
class TaggedQueue:
    """SQS as the deploy role and as its session that may read only with a tag.

    A tag counts `delay` seconds after it was set or removed.
    """

    world: World
    delay: float
    policy: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, tuple[str, float]] = field(default_factory=dict)
    removed: dict[str, float] = field(default_factory=dict)
    is_limited: bool = True

    def assume_role(self, **request: Any) -> dict[str, Any]:
        self.policy = json.loads(request["Policy"])
        return {"Credentials": {"AccessKeyId": "", "SecretAccessKey": "", "SessionToken": ""}}

    def tag_queue(self, **parameters: Any) -> None:
        for name, value in parameters["Tags"].items():
            self.tags[name] = (value, self.world.clock.now)

    def untag_queue(self, **parameters: Any) -> None:
        for name in parameters["TagKeys"]:
            del self.tags[name]
            self.removed[name] = self.world.clock.now

    def get_queue_attributes(self, **_parameters: Any) -> dict[str, Any]:
        (statement,) = self.policy["Statement"]
        ((condition, _),) = statement["Condition"]["StringEquals"].items()
        name = condition.removeprefix("aws:ResourceTag/")
        now = self.world.clock.now
        _, since = self.tags.get(name, ("", float("inf")))
        counts = now - since >= self.delay
        lingers = now - self.removed.get(name, float("-inf")) < self.delay
        if self.is_limited and not counts and not lingers:
            raise error("AccessDenied", "GetQueueAttributes")
        return {"Attributes": {}}

    def own(self, _stage: str, _location: object) -> FakeSession:
        return FakeSession({"sts": self})

    def assumed(self, _location: object, _keys: object) -> FakeSession:
        return FakeSession({"sqs": self})


POLL_SECONDS: Final = 2.0


def tagged(world: World, delay: float) -> tuple[Verification, TaggedQueue]:
    verification = world.verification()
    queue = TaggedQueue(world, delay)
    object.__setattr__(verification.context, "sessions", queue)
    session = cast("Any", FakeSession({"sqs": queue}, REGION))
    object.__setattr__(verification.state.role, "session", session)
    return verification, queue


@pytest.mark.parametrize("delay", [0.0, 6.0])
def test_the_delay_of_a_tag_is_measured_and_the_tag_is_removed(delay: float, world: World) -> None:
    verification, queue = tagged(world, delay)
    finding = tags.tag_delay(verification)
    assert finding.status is Status.ANSWERED
    assert finding.facts["secondsToGrant"] == finding.facts["secondsToDeny"] == delay
    assert finding.facts["pollSeconds"] == POLL_SECONDS
    assert queue.tags == {}
    (statement,) = queue.policy["Statement"]
    assert statement["Action"] == "sqs:GetQueueAttributes"
    assert statement["Resource"].endswith(":ecs-run-task-dev")


def test_a_tag_that_does_not_count_in_time_is_an_answer_and_is_removed(world: World) -> None:
    verification, queue = tagged(world, 1e6)
    assert "did not count in 300.0 s" in found(tags.tag_delay(verification))[1]
    assert queue.tags == {}


def test_ctrl_c_removes_the_tag(world: World) -> None:
    verification, queue = tagged(world, 1e6)

    def interrupt() -> None:
        raise KeyboardInterrupt

    world.clock.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        tags.tag_delay(verification)
    assert queue.tags == {}


def test_where_session_policies_do_not_count_nothing_is_tagged(world: World) -> None:
    verification, queue = tagged(world, 0)
    queue.is_limited = False
    status, sentence = found(tags.tag_delay(verification))
    assert (status, queue.removed) == ("skipped", {})
    assert "session policies do not count" in sentence


def test_without_a_deploy_role_there_is_no_session_to_limit(world: World) -> None:
    path = world.project.stack_file("dev")
    text = path.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(text) if "assumeRoles" in line)
    path.write_text("\n".join(text[:start] + text[start + 2 :]), encoding="utf-8")
    verification, _ = tagged(world, 0)
    assert "no deploy role" in found(tags.tag_delay(verification))[1]
