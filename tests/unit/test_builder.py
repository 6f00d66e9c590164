from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from function.failures.reasons import PermanentFailure, RetryableFailure
from function.message.builder import calls, complete, read
from function.message.idempotency import started_by, valid_key
from function.message.lookups import Lookups
from tests.unit.fakes import FakeClock, FakeEcs, client_error, message, settings

SERVICE = {
    "status": "ACTIVE",
    "networkConfiguration": {
        "awsvpcConfiguration": {
            "subnets": ["subnet-s"],
            "securityGroups": ["sg-s"],
            "assignPublicIp": "ENABLED",
        }
    },
}


def lookups(ecs: FakeEcs, clock: FakeClock | None = None) -> Lookups:
    return Lookups(cast("Any", ecs), clock or FakeClock())


def completed(ecs: FakeEcs, **changes: Any) -> dict[str, Any]:
    request = complete(read(message(**changes), settings()), lookups(ecs))
    return dict(request.parameters)


def network(**awsvpc: Any) -> dict[str, Any]:
    return {"awsvpcConfiguration": awsvpc}


@pytest.fixture
def ecs() -> FakeEcs:
    fake = FakeEcs()
    fake.services["report"] = SERVICE
    return fake


def test_a_whole_network_asks_nobody(ecs: FakeEcs) -> None:
    completed(ecs, service="report")

    assert ecs.lookups == []


def test_a_missing_network_is_the_services(ecs: FakeEcs) -> None:
    found = completed(ecs, service="report", networkConfiguration=None)

    assert found["networkConfiguration"] == SERVICE["networkConfiguration"]
    assert "service" not in found


def test_missing_subnets_leave_the_security_groups(ecs: FakeEcs) -> None:
    found = completed(ecs, service="report", networkConfiguration=network(securityGroups=["sg-1"]))

    assert found["networkConfiguration"] == network(
        subnets=["subnet-s"], securityGroups=["sg-1"], assignPublicIp="ENABLED"
    )


def test_missing_security_groups_leave_the_subnets(ecs: FakeEcs) -> None:
    found = completed(ecs, service="report", networkConfiguration=network(subnets=["subnet-1"]))

    assert found["networkConfiguration"] == network(subnets=["subnet-1"], securityGroups=["sg-s"])


def test_the_messages_public_address_goes_before_the_services(ecs: FakeEcs) -> None:
    given = network(securityGroups=["sg-1"], assignPublicIp="DISABLED")

    found = completed(ecs, service="report", networkConfiguration=given)

    assert found["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"


def test_without_service_and_network_the_request_stays_as_it_is(ecs: FakeEcs) -> None:
    assert "networkConfiguration" not in completed(ecs, networkConfiguration=None)


def test_a_service_without_a_network_brings_none(ecs: FakeEcs) -> None:
    ecs.services["report"] = {"status": "ACTIVE"}

    found = completed(ecs, service="report", networkConfiguration=None)

    assert "networkConfiguration" not in found


def test_security_groups_without_subnets_are_rejected_after_the_look_up_too(ecs: FakeEcs) -> None:
    ecs.services["report"] = {"status": "ACTIVE"}

    with pytest.raises(PermanentFailure) as caught:
        completed(
            ecs,
            service="report",
            networkConfiguration=network(securityGroups=["sg-1"]),
            overrides={"containerOverrides": [{}]},
        )

    assert caught.value.reason == "missing-parameter"


@pytest.mark.parametrize("service", [None, {"status": "INACTIVE"}])
def test_a_service_that_does_not_exist_is_rejected(
    ecs: FakeEcs, service: dict[str, Any] | None
) -> None:
    ecs.services = {"report": service} if service else {}

    with pytest.raises(PermanentFailure) as caught:
        completed(ecs, service="report", networkConfiguration=None)

    assert caught.value.reason == "service-not-found"
    assert caught.value.redrivable


def test_a_nameless_override_is_for_the_only_essential_container(ecs: FakeEcs) -> None:
    ecs.containers = [{"name": "sidecar", "essential": False}, {"name": "main"}]

    found = completed(ecs, overrides={"containerOverrides": [{"command": ["run"]}]})

    assert found["overrides"]["containerOverrides"] == [{"name": "main", "command": ["run"]}]


def test_two_essential_containers_are_rejected_by_name(ecs: FakeEcs) -> None:
    ecs.containers = [{"name": "a"}, {"name": "b", "essential": True}]

    with pytest.raises(PermanentFailure, match="a, b; name the one that is meant") as caught:
        completed(ecs, overrides={"containerOverrides": [{"command": ["run"]}]})

    assert caught.value.reason == "container-ambiguous"


def test_a_completed_name_counts_against_the_limit(ecs: FakeEcs) -> None:
    ecs.containers = [{"name": "n" * 200}]

    with pytest.raises(PermanentFailure) as caught:
        completed(ecs, overrides={"containerOverrides": [{"command": ["x" * 8100]}]})

    assert caught.value.reason == "over-limit"


def test_a_throttled_look_up_keeps_the_message(ecs: FakeEcs) -> None:
    ecs.lookup_error = client_error("ThrottlingException", "Rate exceeded", "DescribeServices")

    with pytest.raises(RetryableFailure) as caught:
        completed(ecs, service="report", networkConfiguration=None)

    assert caught.value.reason == "throttled"


def test_an_unknown_task_definition_is_rejected_by_the_look_up(ecs: FakeEcs) -> None:
    ecs.lookup_error = client_error("ClientException", "Unable to describe task definition.")

    with pytest.raises(PermanentFailure) as caught:
        completed(ecs, overrides={"containerOverrides": [{}]})

    assert caught.value.reason == "task-definition-not-found"


def test_an_answer_is_remembered_for_five_minutes(ecs: FakeEcs) -> None:
    clock = FakeClock()
    cached = lookups(ecs, clock)

    cached.network("batch", "report")
    clock.now += 299
    cached.network("batch", "report")
    assert len(ecs.lookups) == 1

    clock.now += 2
    cached.network("batch", "report")
    assert len(ecs.lookups) == 2


def test_threads_that_miss_the_same_answer_ask_once(ecs: FakeEcs) -> None:
    cached = lookups(ecs)
    asked, go_on = threading.Event(), threading.Event()
    describe = ecs.describe_services

    def slowly(**arguments: Any) -> dict[str, Any]:
        asked.set()
        go_on.wait(5)
        return describe(**arguments)

    ecs.describe_services = slowly  # type: ignore[method-assign]
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(cached.network, "batch", "report") for _ in range(4)]
        asked.wait(5)
        go_on.set()

    assert len({str(answer.result()) for answer in answers}) == 1
    assert len(ecs.lookups) == 1


def test_a_failed_look_up_is_not_remembered(ecs: FakeEcs) -> None:
    cached = lookups(ecs)
    with pytest.raises(PermanentFailure):
        cached.network("batch", "new")

    ecs.services["new"] = SERVICE

    assert cached.network("batch", "new")["subnets"] == ["subnet-s"]


def test_a_count_becomes_single_launches() -> None:
    request = read(message(count=3), settings())

    found = calls(request, "my-key", "dev", attempt=2)

    assert [call["clientToken"] for call in found] == ["my-key-0-2", "my-key-1-2", "my-key-2-2"]
    assert {call["count"] for call in found} == {1}
    assert {call["startedBy"] for call in found} == {"ecs-run-task/dev/my-key"}


def test_calls_are_a_pure_function_of_the_message() -> None:
    request = read(message(), settings())

    assert calls(request, "k", "dev") == calls(read(message(), settings()), "k", "dev")


def test_the_longest_key_and_stage_stay_within_the_limits_of_ecs() -> None:
    key, stage = "k" * 48, "s" * 64
    call = calls(read(message(count=10), settings()), key, stage, attempt=999)[-1]

    assert len(call["clientToken"]) <= 64
    assert re.fullmatch(r"[A-Za-z0-9_/-]{1,128}", started_by(stage, key))


@pytest.mark.parametrize("key", ["", "k" * 49, "a:b", "a/b", "é", "a\n", "a b"])
def test_a_key_is_letters_digits_dash_and_underscore(key: str) -> None:
    assert not valid_key(key)


def test_a_lane_is_what_shares_capacity() -> None:
    def capacity_pool(**changes: Any) -> str:
        return read(message(**changes), settings()).capacity_pool

    spot = [{"capacityProvider": "FARGATE_SPOT"}]
    arn = "arn:aws:ecs:eu-central-1:111111111111:cluster/batch"
    assert capacity_pool() == capacity_pool(cluster=arn) == "batch/FARGATE"
    assert capacity_pool(launchType=None) == "batch/"
    assert capacity_pool(launchType=None, capacityProviderStrategy=spot) == "batch/FARGATE_SPOT"
