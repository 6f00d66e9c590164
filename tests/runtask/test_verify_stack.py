"""Whether the account holds what the configuration says: what passes, and what it takes to fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from runtask.verification.finding import Finding, Status
from runtask.verification.probes import permissions, stack
from tests.runtask.verify_services import DEAD, WORK
from tests.runtask.verify_world import DIGEST, World, found

if TYPE_CHECKING:
    from collections.abc import Callable

    from runtask.verification.context import Verification

REPORT: Final = "arn:aws:ecs:eu-central-1:111111111111:task-definition/report:1"
ROLES: Final = [
    "arn:aws:iam::111111111111:role/report-task",
    "arn:aws:iam::111111111111:role/report-execution",
]
RECEIVE: Final = ("sqs:ReceiveMessage", "arn:aws:sqs:eu-central-1:111111111111:ecs-run-task-dev")


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
