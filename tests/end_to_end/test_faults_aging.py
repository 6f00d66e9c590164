"""What a person has to mend, and what lasts too long: kept up to an age, then in the DLQ.

The ages are minutes and days; here the function is told of seconds.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import pytest

from rehearsal.sample_account import ROLES
from tests.end_to_end.fates import End, launched, rejected
from tests.end_to_end.stage import Stage, deploy, task, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rehearsal.emulator import Emulator
    from tests.end_to_end.fates import Fate, SentMessage

THROTTLED = {"error": "ThrottlingException", "message": "Rate exceeded"}

# No backoff is longer than half of what is left of the retention.
LONG_RETENTION_SECONDS = "8"
# A message expires half of such a retention before the queue would drop it.
SHORT_RETENTION_SECONDS = "6"


@pytest.fixture(scope="module")
def stage(emulator: Emulator) -> Stage:
    stage = deploy(emulator)
    role = "keeper-of-secrets"
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
    """Do what an operator does about a denial: extend the role of the function."""
    name = stage.outputs["functionName"]
    function = stage.client("lambda").get_function_configuration(FunctionName=name)
    mended = {"RoleName": function["Role"].rpartition("/")[2], "PolicyName": "mended"}
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    stage.client("iam").put_role_policy(**mended, PolicyDocument=policy(statement))
    yield
    stage.client("iam").delete_role_policy(**mended)


@pytest.fixture(scope="module")
def mended(stage: Stage) -> tuple[Mapping[str, Fate], Mapping[str, Fate]]:
    """Send two messages that the account is not ready for, and mend it after a delivery."""
    stage.reconfigure(QUEUE_RETENTION_SECONDS=LONG_RETENTION_SECONDS)
    with stage.one_batch():
        sent = (
            stage.send(task(cluster="capacity_pool-later"), "early"),
            stage.send(task(taskDefinition="report-secret"), "denied"),
        )
    wait_for(lambda: all(stage.answered(one.key, times=1)() for one in sent))
    meanwhile = stage.fates(*sent)
    stage.add_cluster("capacity_pool-later")
    with allowed_to_pass_any_role(stage):
        return meanwhile, stage.settle(*sent)


@pytest.fixture(scope="module")
def aged(stage: Stage, mended: object) -> Mapping[str, Fate]:
    """Send messages whose fault outlasts the time that the function is told of."""
    del mended  # but after it: the function is one
    stage.reconfigure(
        QUEUE_RETENTION_SECONDS=SHORT_RETENTION_SECONDS, ENVIRONMENT_MAX_AGE_SECONDS="1"
    )
    stage.fail("throttled-to-the-end", **THROTTLED)
    stage.fail("no-room-to-the-end", reason="RESOURCE:MEMORY")
    stage.add_cluster("capacity_pool-full")
    with stage.one_batch():  # by a function that is warm: the messages must not age meanwhile
        sent = (
            stage.send(task(cluster="capacity_pool-never"), "no-cluster"),
            stage.send(task(taskDefinition="report-secret"), "denied-for-good"),
            stage.send(task(), "throttled-to-the-end"),
            stage.send(task(cluster="capacity_pool-full"), "no-room-to-the-end"),
        )
    return stage.settle(*sent)


def test_unknown_cluster_is_kept_and_launched_once_it_exists(
    mended: tuple[Mapping[str, Fate], Mapping[str, Fate]],
) -> None:
    meanwhile, fates = (part["early"] for part in mended)
    assert meanwhile.end == End(tasks=0, left=1)
    assert fates.end == launched()
    assert fates.answers == ["ClusterNotFoundException", ""]
    assert fates.kept == ("cluster-not-found",)
    assert [(n["state"], n["reason"]) for n in fates.notices] == [("waiting", "cluster-not-found")]


def test_access_denied_on_pass_role_is_kept_and_launched_once_it_is_allowed(
    mended: tuple[Mapping[str, Fate], Mapping[str, Fate]],
) -> None:
    meanwhile, fates = (part["denied"] for part in mended)
    assert meanwhile.end == End(tasks=0, left=1)
    assert fates.end == launched()
    assert fates.answers == ["AccessDeniedException", ""]
    assert fates.kept == ("access-denied",)
    (notice,) = fates.notices
    assert (notice["state"], notice["reason"], notice["redrivable"]) == (
        "waiting",
        "access-denied",
        True,
    )
    assert "iam:PassRole" in notice["error"]
    assert "keeper-of-secrets" in notice["error"]


def past_its_age(fate: Fate, reason: str) -> None:
    (letter,) = fate.end.letters
    assert letter.attempts == len(fate.calls) >= 2
    assert fate.end == rejected(fate.sent, reason, redrivable=True, attempts=letter.attempts)
    assert [notice["state"] for notice in fate.notices][-1] == "rejected"


def test_unknown_cluster_goes_to_the_dlq_past_its_age(aged: Mapping[str, Fate]) -> None:
    past_its_age(aged["no-cluster"], "cluster-not-found")
    assert aged["no-cluster"].error.endswith("ClusterNotFoundException: Cluster not found.")


def test_access_denied_on_pass_role_goes_to_the_dlq_past_its_age(aged: Mapping[str, Fate]) -> None:
    past_its_age(aged["denied-for-good"], "access-denied")
    assert "iam:PassRole" in aged["denied-for-good"].error
    assert all(role not in aged["denied-for-good"].error for role in ROLES)


@pytest.mark.parametrize(
    ("key", "last"),
    [("throttled-to-the-end", "throttled"), ("no-room-to-the-end", "resource")],
)
def test_clock_at_the_end_of_retention_moves_the_message_before_it_is_dropped(
    aged: Mapping[str, Fate], key: str, last: str
) -> None:
    past_its_age(aged[key], "expired")
    assert aged[key].error.startswith(
        f"the message's retention ends soon; last failure: {last}: RunTask "
    )
    assert set(aged[key].kept) <= {last, "circuit-open"}


@pytest.fixture
def redriven(stage: Stage, aged: Mapping[str, Fate]) -> SentMessage:
    """Send a dead letter back to the work queue, with its key, now that nothing is wrong."""
    (letter,) = aged["throttled-to-the-end"].end.letters
    return stage.send(letter.body, letter.key)


def test_expired_message_that_is_redriven_is_launched_once(
    stage: Stage, redriven: SentMessage
) -> None:
    fate = stage.settle(redriven)[redriven.key]
    assert fate.end == launched()
    assert fate.answers[-1] == ""
