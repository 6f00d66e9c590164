"""Failures that pass: the message is returned, never in the DLQ, and launched once in the end.

Each in both readings of what ECS remembers under a client token.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

import pytest

from rehearsal.emulator import Credentials
from tests.end_to_end.message_history import EndState, launched
from tests.end_to_end.stage import READINGS, Stage, deploy, task, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.fault_injection import FaultyEmulator
    from tests.end_to_end.message_history import MessageHistory

# The texts of AWS; the apostrophe is a typographic one in some.
TASKS_LIMIT: Final = "You've reached the limit on the number of tasks you can run concurrently"
VCPU_LIMIT: Final = "You\u2019ve reached the limit on the number of vCPUs you can run concurrently"
CAPACITY: Final = (
    "Capacity is unavailable at this time. Please try again later or in a different "
    "availability zone"
)
EC2_THROTTLES = "Unable to create the network interface: Request limit exceeded."
PROVISIONING: Final = "The cluster has reached the limit of tasks in the PROVISIONING state."

THROTTLED: Final = {"error": "ThrottlingException", "message": "Rate exceeded"}

# Two of its five tasks find no memory at first.
PARTLY: Final = "count-of-five"

# Its task starts although RunTask answers a failure.
UNREPORTED: Final = "unreported"

FAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    "throttled-thrice": {**THROTTLED, "times": 3},
    "server-error": {"error": "ServerException", "message": "Oops", "status": 500, "times": 2},
    "resource-cpu": {"reason": "RESOURCE:CPU", "times": 1},
    "agent": {"reason": "AGENT", "times": 1},
    "capacity-error": {"error": "ClientException", "message": CAPACITY, "times": 1},
    "capacity-failure": {"reason": CAPACITY, "times": 1},
    "tasks-limit": {"error": "ClientException", "message": TASKS_LIMIT, "times": 1},
    "vcpu-limit": {"error": "ClientException", "message": VCPU_LIMIT, "times": 1},
    "provisioning": {"error": "ClientException", "message": PROVISIONING, "times": 1},
    "ec2-throttles": {"error": "InvalidParameterException", "message": EC2_THROTTLES, "times": 1},
    PARTLY: {"reason": "RESOURCE:MEMORY", "tasks": 3, "times": 1},
    UNREPORTED: {"reason": "RESOURCE:ENI", "unreported": 1, "times": 1},
}

# Shorter than the handler waits for an answer.
SLOW_CALL_SECONDS: Final = 2.0

# What the queue itself waits before it delivers again; minutes would take too long here.
VISIBILITY_SECONDS: Final = 2


@pytest.fixture(scope="module")
def stage(emulator: FaultyEmulator) -> Stage:
    return deploy(emulator)


@pytest.fixture(scope="module")
def meanwhile() -> dict[str, EndState]:
    """Where a message was before its fault was cleared."""
    return {}


@pytest.fixture(scope="module")
def histories(stage: Stage, meanwhile: dict[str, EndState]) -> Mapping[str, MessageHistory]:
    """Send all messages, each with a fault of its own and a cluster of its own."""
    # Nothing is asserted here: one wrong message must not fail the tests of the others.
    stage.fail("throttled-long", **THROTTLED)
    sent = {}
    for name, how in FAULTS.items():
        for reading in READINGS:
            key = f"{name}-{reading}"
            stage.fail(key, **how)
            if name == PARTLY:  # the next delivery is not over before the test has looked
                stage.fail(key, delay_seconds=SLOW_CALL_SECONDS, times=1)
            cluster = stage.add_cluster(f"pool-{key}", READINGS[reading])
            count = 5 if name == PARTLY else 1
            sent[key] = stage.send(task(cluster=cluster, count=count), key)
            if name == PARTLY:
                wait_for(stage.answered(key, times=1))
                meanwhile[key] = stage.histories(sent[key])[key].end
    wait_for(lambda: all(stage.answered(key, times=1)() for key in sent))
    stage.hide_for(VISIBILITY_SECONDS)
    long = stage.send(task(), "throttled-long")
    wait_for(stage.answered(long.key, times=1))
    cleared_at = time.time() + 3 * VISIBILITY_SECONDS
    wait_for(lambda: time.time() > cleared_at)
    wait_for(stage.answered(long.key, times=3))
    meanwhile[long.key] = stage.histories(long)[long.key].end
    # Clearing removes every fault, even one that a slow message has not met yet.
    for name, how in FAULTS.items():
        for reading in READINGS:
            wait_for(stage.answered(f"{name}-{reading}", times=int(str(how["times"]))))
    stage.emulator.clear_faults()
    return stage.settle(long, *sent.values())


def test_throttled_three_times_is_launched_at_the_fourth(
    histories: Mapping[str, MessageHistory],
    reading: str,
) -> None:
    history = histories[f"throttled-thrice-{reading}"]
    assert history.end == launched()
    assert history.answers == ["ThrottlingException"] * 3 + [""]
    assert set(history.returned) == {"throttled"}


def test_throttled_for_longer_than_three_visibility_periods_stays_until_it_is_launched(
    histories: Mapping[str, MessageHistory], meanwhile: Mapping[str, EndState]
) -> None:
    history = histories["throttled-long"]
    assert meanwhile["throttled-long"] == EndState(tasks=0, left=1)
    assert history.end == launched()
    assert history.answers == ["ThrottlingException"] * (len(history.answers) - 1) + [""]
    assert len(history.answers) > 3
    assert history.calls[-1].time - history.calls[0].time > 3 * VISIBILITY_SECONDS


def test_answer_500_twice_is_launched_at_the_third(
    histories: Mapping[str, MessageHistory], reading: str
) -> None:
    history = histories[f"server-error-{reading}"]
    assert history.end == launched()
    assert history.answers == ["ServerException", "ServerException", ""]
    assert history.returned == ("server-error",) * 2


def test_failure_resource_cpu_is_launched_once_there_is_room(
    histories: Mapping[str, MessageHistory],
    reading: str,
) -> None:
    history = histories[f"resource-cpu-{reading}"]
    assert history.end == launched()
    assert [len(call.tasks) for call in history.calls] == [0, 1]
    assert history.returned == ("resource",)


def test_failure_agent_is_launched_later(
    histories: Mapping[str, MessageHistory], reading: str
) -> None:
    assert histories[f"agent-{reading}"].end == launched()
    assert histories[f"agent-{reading}"].returned == ("agent",)


@pytest.mark.parametrize("key", ["capacity-error", "capacity-failure"])
def test_capacity_is_unavailable_is_launched_later(
    histories: Mapping[str, MessageHistory], key: str, reading: str
) -> None:
    assert histories[f"{key}-{reading}"].end == launched()
    assert histories[f"{key}-{reading}"].returned == ("capacity",)


def test_limit_on_the_number_of_tasks_is_launched_later(
    histories: Mapping[str, MessageHistory],
    reading: str,
) -> None:
    assert histories[f"tasks-limit-{reading}"].end == launched()
    assert histories[f"tasks-limit-{reading}"].answers == ["ClientException", ""]
    assert histories[f"tasks-limit-{reading}"].returned == ("quota",)


def test_limit_on_the_number_of_vcpus_is_launched_later(
    histories: Mapping[str, MessageHistory],
    reading: str,
) -> None:
    assert histories[f"vcpu-limit-{reading}"].end == launched()
    assert histories[f"vcpu-limit-{reading}"].answers == ["ClientException", ""]
    assert histories[f"vcpu-limit-{reading}"].returned == ("quota",)


def test_provisioning_limit_is_launched_later(
    histories: Mapping[str, MessageHistory], reading: str
) -> None:
    assert histories[f"provisioning-{reading}"].end == launched()
    assert histories[f"provisioning-{reading}"].returned == ("provisioning",)


def test_ec2_throttling_inside_an_invalid_parameter_is_launched_later(
    histories: Mapping[str, MessageHistory],
    reading: str,
) -> None:
    assert histories[f"ec2-throttles-{reading}"].end == launched()
    assert histories[f"ec2-throttles-{reading}"].answers == ["InvalidParameterException", ""]
    assert histories[f"ec2-throttles-{reading}"].returned == ("throttled",)


def test_partial_failure_of_a_count_of_five_repeats_only_what_is_missing(
    histories: Mapping[str, MessageHistory], meanwhile: Mapping[str, EndState], reading: str
) -> None:
    history = histories[f"{PARTLY}-{reading}"]
    assert meanwhile[f"{PARTLY}-{reading}"] == EndState(tasks=3, left=1)
    assert history.end == launched(5)
    # A delivery more repeats a call, and gets the same tasks.
    assert {call.client_token[-2:]: len(call.tasks) for call in history.calls} == {"-0": 3, "-1": 2}
    assert history.returned[0] == "resource"


def test_task_that_started_in_spite_of_a_failure_is_found_before_another_is_asked_for(
    histories: Mapping[str, MessageHistory], reading: str
) -> None:
    history = histories[f"{UNREPORTED}-{reading}"]
    assert history.end == launched()
    assert [call.tasks for call in history.calls] == [()]
    assert history.returned == ("resource",)


def test_nothing_good_is_announced(histories: Mapping[str, MessageHistory]) -> None:
    assert {history.notifications for history in histories.values()} == {()}


def test_permission_to_change_visibility_holds_for_a_batch(stage: Stage) -> None:
    """SQS authorises its batch actions by the names of the single ones.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
    Without it every returned message would come back after the queue's own timeout.
    """
    iam = stage.client("iam")
    iam.create_user(UserName="changer")
    statement = {"Effect": "Allow", "Action": "sqs:ChangeMessageVisibility", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="changer", PolicyName="change", PolicyDocument=document)
    key = iam.create_access_key(UserName="changer")["AccessKey"]
    credentials = Credentials(access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    location = stage.location
    sqs = stage.emulator.client("sqs", location.account, location.region, credentials)
    # Not the work queue, from which the function's role alone may take messages.
    queue = stage.client("sqs").create_queue(QueueName="changed")
    answer = sqs.change_message_visibility_batch(
        QueueUrl=queue["QueueUrl"],
        Entries=[{"Id": "0", "ReceiptHandle": "of-nothing", "VisibilityTimeout": 1}],
    )
    assert [entry["Code"] for entry in answer["Failed"]] == ["ReceiptHandleIsInvalid"]
