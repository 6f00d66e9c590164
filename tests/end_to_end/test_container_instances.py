"""Container instances of the ECS stand-in, and placement on them. No evidence about AWS."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.emulator import KEPT, RETRIED
from tests.end_to_end.ecs_calls import refused, run, wait

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator, Reading

UNSATISFIED = "MemberOf placement constraint unsatisfied."


@pytest.fixture(scope="module")
def instance(emulator: Emulator, ecs: Any) -> str:
    """Return the ARN of the one container instance of the cluster."""
    assert emulator
    given = [{"name": "ecs.os-type", "value": "linux"}]
    registered = ecs.register_container_instance(cluster="jobs", attributes=given)
    return str(registered["containerInstance"]["containerInstanceArn"])


def on_ec2(ecs: Any, expression: str = "", kind: str = "memberOf", **more: Any) -> Any:
    constraint = {"type": kind, **({"expression": expression} if expression else {})}
    constraints = [constraint] if expression or kind != "memberOf" else []
    return run(ecs, launchType="EC2", placementConstraints=constraints, **more)


def test_a_cluster_without_instances_refuses_ec2(ecs: Any) -> None:
    ecs.create_cluster(clusterName="empty")

    with refused("InvalidParameterException", "No Container Instances were found in your cluster"):
        on_ec2(ecs, cluster="empty")
    assert run(ecs, cluster="empty")["tasks"]


def test_an_instance_is_listed_and_described(ecs: Any, instance: str) -> None:
    assert ecs.list_container_instances(cluster="jobs")["containerInstanceArns"] == [instance]
    assert not ecs.list_container_instances(cluster="jobs", status="DRAINING")[
        "containerInstanceArns"
    ]
    answer = ecs.describe_container_instances(
        cluster="jobs", containerInstances=[instance.rpartition("/")[2], "nothing"]
    )
    (found,) = answer["containerInstances"]
    assert found["containerInstanceArn"] == instance
    assert {"name": "ecs.os-type", "value": "linux"} in found["attributes"]
    assert answer["failures"] == [{"arn": "nothing", "reason": "MISSING"}]
    (cluster,) = ecs.describe_clusters(clusters=["jobs"])["clusters"]
    assert cluster["registeredContainerInstancesCount"] == 1


def test_a_task_on_ec2_runs_on_the_instance(ecs: Any, instance: str) -> None:
    (task,) = on_ec2(ecs)["tasks"]

    ended = wait(ecs, task["taskArn"])

    assert (ended["launchType"], ended["containerInstanceArn"]) == ("EC2", instance)
    assert [one["exitCode"] for one in ended["containers"]] == [7]


@pytest.mark.parametrize(
    "expression",
    [
        "attribute:ecs.os-type exists",
        "attribute:ecs.os-type == linux",
        "attribute:ecs.os-type != windows",
        "attribute:rack !exists",
        "attribute:rack != a",
    ],
)
def test_a_satisfied_constraint_starts_the_task(ecs: Any, instance: str, expression: str) -> None:
    (task,) = on_ec2(ecs, expression)["tasks"]

    assert task["containerInstanceArn"] == instance


@pytest.mark.parametrize(
    "expression",
    [
        "attribute:ecs.os-type !exists",
        "attribute:ecs.os-type==windows",
        "attribute:ecs.os-type != linux",
        "attribute:rack exists",
        "attribute:rack == a",
    ],
)
def test_an_unsatisfied_constraint_is_a_failure(ecs: Any, instance: str, expression: str) -> None:
    answer = on_ec2(ecs, expression)

    assert answer["tasks"] == []
    assert answer["failures"] == [{"arn": instance, "reason": UNSATISFIED}]


def test_an_attribute_that_is_put_and_deleted_changes_the_choice(ecs: Any, instance: str) -> None:
    attribute = {"name": "zone", "value": "b", "targetId": instance}
    found = []
    for change in (None, ecs.put_attributes, ecs.delete_attributes):
        if change:
            change(cluster="jobs", attributes=[attribute])
        found.append(len(on_ec2(ecs, "attribute:zone == b")["tasks"]))

    assert found == [0, 1, 0]


@pytest.mark.parametrize(("reading", "starts"), [(KEPT, 0), (RETRIED, 1)])
def test_a_token_keeps_such_failures_as_the_reading_says(
    emulator: Emulator, ecs: Any, instance: str, reading: Reading, starts: int
) -> None:
    name = uuid.uuid4().hex
    attribute = {"name": name, "value": "b", "targetId": instance}
    emulator.set_reading("jobs", reading)
    try:
        assert not on_ec2(ecs, f"attribute:{name} == b", clientToken=name)["tasks"]
        ecs.put_attributes(cluster="jobs", attributes=[attribute])
        answer = on_ec2(ecs, f"attribute:{name} == b", clientToken=name)
    finally:
        emulator.set_reading("jobs", KEPT)
    assert (len(answer["tasks"]), len(answer["failures"])) == (starts, 1 - starts)


@pytest.mark.parametrize(
    ("expression", "kind"), [("agentVersion >= 1.0", "memberOf"), ("", "distinctInstance")]
)
def test_an_unknown_constraint_is_refused(
    ecs: Any, instance: str, expression: str, kind: str
) -> None:
    assert instance
    with refused("InvalidParameterException", "does not know the placement constraint"):
        on_ec2(ecs, expression, kind)
