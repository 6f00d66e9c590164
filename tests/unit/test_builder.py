from __future__ import annotations

from typing import Any, cast

import pytest

from function.failures.reasons import PermanentFailure, RetryableFailure
from function.message.builder import call, complete, read
from function.message.idempotency import Stage
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


def completed(ecs: FakeEcs, **changes: Any) -> dict[str, Any]:
    request = complete(read(message(**changes), settings()), Lookups(cast("Any", ecs), FakeClock()))
    return dict(request.parameters)


def network(**awsvpc: Any) -> dict[str, Any]:
    return {"awsvpcConfiguration": awsvpc}


@pytest.fixture
def ecs() -> FakeEcs:
    fake = FakeEcs()
    fake.services["report"] = SERVICE
    return fake


def test_a_complete_network_needs_no_look_up(ecs: FakeEcs) -> None:
    completed(ecs, service="report")

    assert ecs.lookups == []


def test_a_missing_network_is_taken_from_the_service(ecs: FakeEcs) -> None:
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


def test_the_messages_public_ip_setting_takes_precedence_over_the_services(ecs: FakeEcs) -> None:
    given = network(securityGroups=["sg-1"], assignPublicIp="DISABLED")

    found = completed(ecs, service="report", networkConfiguration=given)

    assert found["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"


def test_without_service_and_network_the_request_is_unchanged(ecs: FakeEcs) -> None:
    assert "networkConfiguration" not in completed(ecs, networkConfiguration=None)


def test_a_service_without_a_network_supplies_none(ecs: FakeEcs) -> None:
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


def test_an_override_without_a_name_applies_to_the_only_essential_container(ecs: FakeEcs) -> None:
    ecs.containers = [{"name": "sidecar", "essential": False}, {"name": "main"}]

    found = completed(ecs, overrides={"containerOverrides": [{"command": ["run"]}]})

    assert found["overrides"]["containerOverrides"] == [{"name": "main", "command": ["run"]}]


def test_two_essential_containers_are_rejected_with_their_names(ecs: FakeEcs) -> None:
    ecs.containers = [{"name": "a"}, {"name": "b", "essential": True}]

    with pytest.raises(
        PermanentFailure, match="a, b; name the container in the override"
    ) as caught:
        completed(ecs, overrides={"containerOverrides": [{"command": ["run"]}]})

    assert caught.value.reason == "container-ambiguous"


def test_a_container_name_that_was_looked_up_counts_against_the_limit(ecs: FakeEcs) -> None:
    ecs.containers = [{"name": "n" * 200}]

    with pytest.raises(PermanentFailure) as caught:
        completed(ecs, overrides={"containerOverrides": [{"command": ["x" * 8100]}]})

    assert caught.value.reason == "over-limit"


def test_a_throttled_look_up_is_retryable(ecs: FakeEcs) -> None:
    ecs.lookup_error = client_error("ThrottlingException", "Rate exceeded", "DescribeServices")

    with pytest.raises(RetryableFailure) as caught:
        completed(ecs, service="report", networkConfiguration=None)

    assert caught.value.reason == "throttled"


def test_an_unknown_task_definition_is_rejected_by_the_look_up(ecs: FakeEcs) -> None:
    ecs.lookup_error = client_error("ClientException", "Unable to describe task definition.")

    with pytest.raises(PermanentFailure) as caught:
        completed(ecs, overrides={"containerOverrides": [{}]})

    assert caught.value.reason == "task-definition-not-found"


STAGE = Stage(name="dev", account="111111111111", region="eu-central-1")


def test_a_count_is_one_call() -> None:
    found = call(read(message(count=3), settings()), "my-key", STAGE)

    assert found["count"] == 3
    assert found["startedBy"] == "ecs-run-task/dev/my-key"
    assert found["clientToken"] == f"my-key-{STAGE.digest}-0"


def test_a_later_attempt_asks_for_what_is_missing_with_a_token_of_its_own() -> None:
    request = read(message(count=3), settings())

    found = call(request, "my-key", STAGE, attempt=2, count=1)

    assert (found["count"], found["clientToken"]) == (1, f"my-key-{STAGE.digest}-2")


def test_a_call_is_a_pure_function_of_the_message() -> None:
    request = read(message(), settings())

    assert call(request, "k", STAGE) == call(read(message(), settings()), "k", STAGE)


def test_a_senders_started_by_is_replaced_by_ours() -> None:
    assert "startedBy" not in read(message(startedBy="arn:aws:sqs:q"), settings()).parameters
