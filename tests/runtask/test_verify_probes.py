"""Each probe of `runtask verify`, on a stage in memory: what passes, and what it takes to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runtask.project import load_project
from runtask.verification.finding import Finding, Status
from runtask.verification.probes import conflict, launch, permissions, rejection, replay, stack
from tests.runtask.verify_fakes import DEAD, DIGEST, WORK, World

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runtask.verification.context import Verification

REPORT = "arn:aws:ecs:eu-central-1:111111111111:task-definition/report:1"
ROLES = [
    "arn:aws:iam::111111111111:role/report-task",
    "arn:aws:iam::111111111111:role/report-execution",
]
RECEIVE = ("sqs:ReceiveMessage", "arn:aws:sqs:eu-central-1:111111111111:ecs-run-task-dev")


@pytest.fixture
def world(folder: Path) -> World:
    return World(project=load_project(folder))


def found(finding: Finding) -> tuple[str, str]:
    return finding.status.value, finding.sentence.in_full()


# --- What the account holds


@pytest.mark.parametrize(
    "probe",
    [
        stack.identity,
        stack.outputs,
        stack.artifact,
        stack.alias,
        stack.mapping,
        stack.work_queue,
        stack.dead_letter_queue,
    ],
)
def test_a_stage_as_configured_passes(
    probe: Callable[[Verification], Finding], world: World
) -> None:
    assert probe(world.verification()).status is Status.PASS


def test_another_deploy_role_than_the_bootstrap_stacks_fails(world: World) -> None:
    verification = world.verification()
    verification.deploy_role_arn = "arn:aws:iam::111111111111:role/another"
    status, sentence = found(stack.identity(verification))
    assert status == "fail"
    assert "bootstrap stack is another, expected ecs-run-task-deploy-eu-central-1" in sentence


def test_a_missing_output_fails(world: World) -> None:
    verification = world.verification()
    verification.outputs = {**verification.outputs, "kmsKeyArn": ""}
    assert "exports no kmsKeyArn" in found(stack.outputs(verification))[1]


def test_outputs_of_another_account_fail(world: World) -> None:
    verification = world.verification()
    verification.outputs = {**verification.outputs, "account": "222222222222"}
    assert "account is 222222222222, expected 111111111111" in found(stack.outputs(verification))[1]


def test_drift_fails(world: World) -> None:
    verification = world.verification()
    object.__setattr__(verification.state, "running", "f" * 64)
    status, sentence = found(stack.artifact(verification))
    assert status == "fail"
    assert DIGEST in sentence


def test_an_alias_at_another_version_fails(world: World) -> None:
    world.functions.alias = {
        "FunctionVersion": "2",
        "RoutingConfig": {"AdditionalVersionWeights": {"3": 0.5}},
    }
    _, sentence = found(stack.alias(world.verification()))
    assert sentence == (
        "alias live: version is 2, expected 3; number of other versions is 1, expected 0"
    )


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("State", "Disabled", "state is Disabled, expected Enabled"),
        ("BatchSize", 1, "batch size is 1, expected 10"),
        ("ScalingConfig", {}, "maximum concurrency is nothing, expected 2"),
        ("FunctionResponseTypes", [], "is nothing, expected ReportBatchItemFailures"),
    ],
)
def test_a_mapping_that_differs_fails(
    name: str, value: object, sentence: str, world: World
) -> None:
    world.functions.mappings[0][name] = value
    assert sentence in found(stack.mapping(world.verification()))[1]


def test_a_missing_mapping_fails(world: World) -> None:
    world.functions.mappings = []
    assert found(stack.mapping(world.verification()))[1].startswith("0 event source mappings")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("VisibilityTimeout", "60", "VisibilityTimeout is 60, expected 360"),
        ("MaximumMessageSize", "262144", "MaximumMessageSize is 262144, expected 1048576"),
        ("KmsMasterKeyId", "alias/aws/sqs", "KMS key is alias/aws/sqs, expected arn:aws:kms:"),
        ("RedrivePolicy", "{}", "maxReceiveCount is 0, expected 1000"),
        ("MessageRetentionPeriod", "60", "MessageRetentionPeriod is 60, expected 345600"),
    ],
)
def test_a_work_queue_that_differs_fails(
    name: str, value: str, sentence: str, world: World
) -> None:
    world.sqs.attributes[WORK][name] = value
    assert sentence in found(stack.work_queue(world.verification()))[1]


def test_a_dead_letter_queue_that_does_not_take_every_message_fails(world: World) -> None:
    world.sqs.attributes[DEAD]["MaximumMessageSize"] = "262144"
    assert "expected 1048576" in found(stack.dead_letter_queue(world.verification()))[1]


# --- The canary


def test_the_canary_is_followed_to_its_exit(world: World) -> None:
    verification = world.verification()
    finding = launch.canary(verification)
    assert found(finding) == ("pass", "started after 0.0 s, ended with exit code 0 after 45.0 s")
    assert finding.facts["secondsToRunning"] == 20.0
    assert found(launch.idempotency(verification)) == (
        "pass",
        "2 messages with one key started one task",
    )
    verification.cleanup.close()
    assert world.ecs.stopped == []


def test_another_exit_code_fails(world: World) -> None:
    world.ecs.exit_code = 3
    finding = launch.canary(world.verification())
    assert finding.status is Status.FAIL
    assert "ended with exit codes 3, expected 0" in finding.sentence.in_full()


def test_a_sidecar_without_exit_code_does_not_count(world: World) -> None:
    assert launch.canary(world.verification()).facts["exitCodes"] == [0]


def test_a_canary_that_never_ends_is_stopped(world: World) -> None:
    world.ecs.never_ends = True
    verification = world.verification()
    with verification.cleanup:
        finding = launch.canary(verification)
    assert "is RUNNING after 300.0 s" in finding.sentence.in_full()
    assert world.ecs.stopped == [world.ecs.tasks[0]["taskArn"]]


def test_a_canary_that_nothing_handles_fails_and_may_start_later(world: World) -> None:
    world.handles = False
    verification = world.verification()
    with verification.cleanup:
        finding = launch.canary(verification)
        assert launch.idempotency(verification).status is Status.SKIPPED
    assert "no task was started in 300.0 s" in finding.sentence.in_full()
    assert "may still be in the work queue" in world.said[-1]


def test_a_rejected_canary_fails_with_its_reason_and_leaves_nothing(world: World) -> None:
    world.handles = False
    verification = world.verification()
    assert verification.canary is not None
    world.dead_letter(
        key=verification.canary.message.key, messageId="1", reason="invalid-parameter"
    )
    world.dead_letter(key="somebody-elses", messageId="2", reason="not-json")
    finding = launch.canary(verification)
    assert "the message was rejected: invalid-parameter" in finding.sentence.in_full()
    assert world.clock.now < 1_800_000_000.0 + 60
    (left,) = world.sqs.lists[DEAD]
    assert left["MessageAttributes"]["key"]["StringValue"] == "somebody-elses"
    assert not left["hidden"]


def test_without_a_task_nothing_is_launched(world: World) -> None:
    verification = world.verification(canary=False)
    assert launch.canary(verification).status is Status.SKIPPED
    assert launch.idempotency(verification).status is Status.SKIPPED
    assert world.ecs.tasks == []


def test_a_second_task_for_one_key_fails_and_is_stopped(world: World) -> None:
    world.token = False
    verification = world.verification()
    with verification.cleanup:
        assert launch.canary(verification).status is Status.PASS
        world.ecs.never_ends = True
        world.ecs.tasks[1].update(lastStatus="RUNNING")
        status, sentence = found(launch.idempotency(verification))
    assert status == "fail"
    assert "2 messages with one key started 2 tasks, expected 1" in sentence
    assert world.ecs.stopped == [world.ecs.tasks[1]["taskArn"]]


def test_a_second_copy_that_was_not_handled_fails(world: World) -> None:
    verification = world.verification()
    launch.canary(verification)
    world.logs.lines.pop()
    status, sentence = found(launch.idempotency(verification))
    assert status == "fail"
    assert "second message was not handled in 300.0 s" in sentence


def test_where_the_log_cannot_be_read_a_second_task_has_time_to_appear(world: World) -> None:
    world.logs.denied = True
    verification = world.verification()
    launch.canary(verification)
    before = world.clock.now
    status, sentence = found(launch.idempotency(verification))
    assert status == "pass"
    assert "cannot be read (AccessDeniedException)" in sentence
    assert world.clock.now - before == 30


# --- A rejected message


def test_the_dead_letter_is_taken_out_and_no_other(world: World) -> None:
    for number in range(25):
        world.dead_letter(key=f"other-{number}", messageId=str(number), reason="not-json")
    finding = rejection.rejected_message(world.verification())
    assert found(finding) == (
        "pass",
        "rejected as unknown-parameter after 0.0 s, and taken out of the dead-letter queue again",
    )
    assert len(world.sqs.lists[DEAD]) == 25
    assert not any(one["hidden"] for one in world.sqs.lists[DEAD])


def test_another_reason_fails(world: World) -> None:
    world.dead_letter_reason = "unexpected"
    status, sentence = found(rejection.rejected_message(world.verification()))
    assert status == "fail"
    assert "has reason unexpected, expected unknown-parameter" in sentence
    assert world.sqs.lists[DEAD] == []


def test_a_message_that_is_not_rejected_fails_and_is_named(world: World) -> None:
    world.handles = False
    status, sentence = found(rejection.rejected_message(world.verification()))
    assert status == "fail"
    assert "was not in the dead-letter queue after 300.0 s" in sentence
    assert "delete it there" in world.said[-1]


def test_ctrl_c_takes_the_dead_letter_out_as_well(world: World) -> None:
    world.handles = False

    def interrupt() -> None:
        key = world.sqs.lists[WORK][0]["MessageAttributes"]["key"]["StringValue"]
        world.dead_letter(key=key, messageId="1", reason="unknown-parameter")
        raise KeyboardInterrupt

    world.clock.on_sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        rejection.rejected_message(world.verification())
    assert world.sqs.lists[DEAD] == []
    assert world.said == []


# --- IAM


@pytest.mark.parametrize(
    ("probe", "action", "resources"),
    [
        (permissions.run_task_permission, "ecs:RunTask", [REPORT]),
        (permissions.pass_role_permission, "iam:PassRole", ROLES),
    ],
)
class TestPermissions:
    def test_what_is_configured_is_allowed(
        self, probe: Any, action: str, resources: list[str], world: World
    ) -> None:
        world.iam.allowed = {(action, one) for one in resources}
        status, sentence = found(probe(world.verification()))
        assert status == "pass"
        assert sentence.endswith(f"({len(resources)}), and denied on another")

    def test_a_missing_right_fails(
        self, probe: Any, action: str, resources: list[str], world: World
    ) -> None:
        world.iam.allowed = {(action, one) for one in resources[1:]}
        status, sentence = found(probe(world.verification()))
        assert status == "fail"
        assert f"may not {action} on {resources[0]}" in sentence

    def test_a_right_too_many_fails(
        self, probe: Any, action: str, resources: list[str], world: World
    ) -> None:
        other = resources[0].partition("/")[0] + "/runtask-verify-not-configured"
        other += ":1" if action == "ecs:RunTask" else ""
        world.iam.allowed = {(action, one) for one in [*resources, other]}
        status, sentence = found(probe(world.verification()))
        assert status == "fail"
        assert "that is not configured" in sentence

    def test_an_operator_who_may_not_simulate_skips_it(
        self, probe: Any, action: str, resources: list[str], world: World
    ) -> None:
        del action, resources
        world.iam.denied = True
        status, sentence = found(probe(world.verification()))
        assert status == "skipped"
        assert "may not call iam:SimulatePrincipalPolicy" in sentence

    def test_a_simulator_that_does_not_see_the_role_is_not_relied_on(
        self, probe: Any, action: str, resources: list[str], world: World
    ) -> None:
        del action, resources
        verification = world.verification()
        verification.launched = True
        assert found(probe(verification))[0] == "skipped"
        world.iam.allowed = {RECEIVE}
        assert found(probe(verification))[0] == "fail"


# --- Open questions


@pytest.mark.parametrize("probe", [conflict.conflict_names_tasks, replay.token_replays_failures])
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
