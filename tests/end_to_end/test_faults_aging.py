"""Failures that an operator must fix, or that last too long: in the DLQ past an age.

The ages are minutes and days; here the function is configured with seconds.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Final

import pytest

from rehearsal.sample_account import ROLES
from tests.end_to_end.message_history import EndState, launched, rejected
from tests.end_to_end.stage import Stage, deploy, task, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.message_history import MessageHistory, SentMessage

THROTTLED: Final = {"error": "ThrottlingException", "message": "Rate exceeded"}

# No backoff is longer than half of what is left of the retention.
LONG_RETENTION_SECONDS: Final = "16"
# A message expires half of such a retention before the queue would drop it.
SHORT_RETENTION_SECONDS: Final = "12"
# Longer than it takes to the first attempt, on a busy machine, too; shorter than to the last one.
MAX_AGE_SECONDS: Final = "3"


@pytest.fixture(scope="module")
def stage(emulator: FaultyEmulator) -> Stage:
    stage = deploy(emulator)
    role = "report-secret-reader"  # within the boundary
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    stage.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=policy(trust))
    stage.client("ecs").register_task_definition(
        family="report-secret",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        taskRoleArn=stage.location.iam_arn(f"role/{role}"),
        containerDefinitions=[{"name": "report", "image": "report"}],
    )
    return stage


def policy(statement: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@contextlib.contextmanager
def allowed_to_pass_any_role(stage: Stage) -> Iterator[None]:
    """Extend the role of the function, as an operator does after a denial."""
    name = stage.outputs["functionName"]
    function = stage.client("lambda").get_function_configuration(FunctionName=name)
    fixed = {"RoleName": function["Role"].rpartition("/")[2], "PolicyName": "fixed"}
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    stage.client("iam").put_role_policy(**fixed, PolicyDocument=policy(statement))
    yield
    stage.client("iam").delete_role_policy(**fixed)


@pytest.fixture(scope="module")
def fixed(stage: Stage) -> tuple[Mapping[str, MessageHistory], Mapping[str, MessageHistory]]:
    """Send two messages that the account is not ready for, and fix that after one delivery."""
    stage.reconfigure(QUEUE_RETENTION_SECONDS=LONG_RETENTION_SECONDS)
    with stage.one_batch():
        sent = (
            stage.send(task(cluster="pool-later"), "early"),
            stage.send(task(taskDefinition="report-secret"), "denied"),
        )
    wait_for(lambda: all(stage.answered(one.key, times=1)() for one in sent))
    meanwhile = stage.histories(*sent)
    stage.add_cluster("pool-later")
    with allowed_to_pass_any_role(stage):
        return meanwhile, stage.settle(*sent)


@pytest.fixture(scope="module")
def aged(stage: Stage, fixed: object) -> Mapping[str, MessageHistory]:
    """Send messages whose fault outlasts the ages that the function is configured with."""
    del fixed  # there is one function: the two fixtures cannot run at once
    stage.reconfigure(
        QUEUE_RETENTION_SECONDS=SHORT_RETENTION_SECONDS, ENVIRONMENT_MAX_AGE_SECONDS=MAX_AGE_SECONDS
    )
    stage.fail("throttled-to-the-end", **THROTTLED)
    stage.fail("no-room-to-the-end", reason="RESOURCE:MEMORY")
    stage.add_cluster("pool-full")
    with stage.one_batch():  # the function is warm: the messages must not age meanwhile
        sent = (
            stage.send(task(cluster="pool-never"), "no-cluster"),
            stage.send(task(taskDefinition="report-secret"), "denied-for-good"),
            stage.send(task(), "throttled-to-the-end"),
            stage.send(task(cluster="pool-full"), "no-room-to-the-end"),
        )
    return stage.settle(*sent)


def test_unknown_cluster_is_returned_and_launched_once_it_exists(
    fixed: tuple[Mapping[str, MessageHistory], Mapping[str, MessageHistory]],
) -> None:
    meanwhile, histories = (part["early"] for part in fixed)
    assert meanwhile.end == EndState(tasks=0, left=1)
    assert histories.end == launched()
    assert histories.answers[-1] == ""
    assert set(histories.answers[:-1]) == {"ClusterNotFoundException"}
    assert set(histories.returned) == {"cluster-not-found"}
    assert [(n["state"], n["reason"]) for n in histories.notifications] == [
        ("waiting", "cluster-not-found")
    ]


def test_access_denied_on_pass_role_is_returned_and_launched_once_it_is_allowed(
    fixed: tuple[Mapping[str, MessageHistory], Mapping[str, MessageHistory]],
) -> None:
    meanwhile, histories = (part["denied"] for part in fixed)
    assert meanwhile.end == EndState(tasks=0, left=1)
    assert histories.end == launched()
    assert histories.answers[-1] == ""
    assert set(histories.answers[:-1]) == {"AccessDeniedException"}
    assert set(histories.returned) == {"access-denied"}
    (notification,) = histories.notifications
    assert (notification["state"], notification["reason"], notification["redrivable"]) == (
        "waiting",
        "access-denied",
        True,
    )
    assert "iam:PassRole" in notification["error"]
    assert "report-secret-reader" in notification["error"]


def past_its_age(history: MessageHistory, reason: str) -> None:
    (dead_letter,) = history.end.dead_letters
    assert dead_letter.attempts == len(history.calls) >= 2
    assert history.end == rejected(
        history.sent, reason, redrivable=True, attempts=dead_letter.attempts
    )
    assert [notification["state"] for notification in history.notifications][-1] == "rejected"


def test_unknown_cluster_goes_to_the_dlq_past_its_age(aged: Mapping[str, MessageHistory]) -> None:
    past_its_age(aged["no-cluster"], "cluster-not-found")
    assert aged["no-cluster"].error.endswith("ClusterNotFoundException: Cluster not found.")


def test_access_denied_on_pass_role_goes_to_the_dlq_past_its_age(
    aged: Mapping[str, MessageHistory],
) -> None:
    past_its_age(aged["denied-for-good"], "access-denied")
    assert "iam:PassRole" in aged["denied-for-good"].error
    assert all(role not in aged["denied-for-good"].error for role in ROLES)


@pytest.mark.parametrize(
    ("key", "last"),
    [("throttled-to-the-end", "throttled"), ("no-room-to-the-end", "resource")],
)
def test_clock_at_the_end_of_retention_moves_the_message_before_it_is_dropped(
    aged: Mapping[str, MessageHistory], key: str, last: str
) -> None:
    past_its_age(aged[key], "expired")
    assert aged[key].error.startswith(
        f"the message's retention ends soon; last failure: {last}: RunTask "
    )
    assert set(aged[key].returned) <= {last, "circuit-open"}


@pytest.fixture
def redriven(stage: Stage, aged: Mapping[str, MessageHistory]) -> SentMessage:
    """Send a dead letter to the work queue again, with its key, after the fault is gone."""
    (dead_letter,) = aged["throttled-to-the-end"].end.dead_letters
    return stage.send(dead_letter.body, dead_letter.key)


def test_expired_message_that_is_redriven_is_launched_once(
    stage: Stage, redriven: SentMessage
) -> None:
    history = stage.settle(redriven)[redriven.key]
    assert history.end == launched()
    assert history.answers[-1] == ""
