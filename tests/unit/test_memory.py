"""What a sender names does not fill the memory of the execution environment."""

from __future__ import annotations

import gc
import sys
import types
from typing import TYPE_CHECKING, Any, cast

import pytest

from function.launch.circuit_breaker import CircuitBreaker
from function.limits import MAX_LOOKUPS, MAX_OPEN_CIRCUITS
from function.message.builder import read
from function.message.lookups import Lookups
from tests.unit.fakes import FakeClock, FakeEcs, Rig, client_error, message, rejection, settings

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1_000_000

# What an execution environment may keep of the messages that it has handled.
MAX_KEPT_BYTES = 2_000_000

_NOT_OURS = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)

OPEN = settings(CLUSTERS='["*"]', TASK_DEFINITIONS='["*"]')


def kept_bytes(rig: Rig) -> int:
    """Return the size of everything that the application refers to, without the fakes."""
    processor = rig.application._processor
    fakes = (rig.ecs, rig.sqs, rig.sns, rig.table, rig.wire, rig.clock)
    # A logger knows all others, those of other tests included.
    known = {id(fake) for fake in (*fakes, processor.log)}
    stack: list[Any] = [processor]
    size = 0
    while stack:
        found = stack.pop()
        if id(found) in known or isinstance(found, _NOT_OURS):
            continue
        known.add(id(found))
        size += sys.getsizeof(found)
        stack += gc.get_referents(found)
    return size


def named(number: int) -> dict[str, Any]:
    """Return parameters that name what no other message names."""
    name = f"{number:05}".ljust(255, "x")
    return {
        "cluster": f"arn:aws:ecs:eu-central-1:111111111111:cluster/{name}",
        "service": f"arn:aws:ecs:eu-central-1:111111111111:service/{name}/{name}",
        "taskDefinition": f"arn:aws:ecs:eu-central-1:111111111111:task-definition/{name}",
        "launchType": "EC2",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [], "securityGroups": []}},
        "overrides": {"cpu": str(number), "containerOverrides": [{"command": ["x"]}]},
    }


def test_a_thousand_names_and_a_megabyte_in_each_message_are_not_kept() -> None:
    rig = Rig(settings=OPEN)
    rig.ecs.lookup_error = client_error("ThrottlingException", "Rate exceeded " + "y" * MEGABYTE)

    for number in range(60):
        body = message(**named(number), group=f"{number:06}" + "z" * MEGABYTE)
        rig.run(body)
        rig.log_text.truncate(0)

    assert kept_bytes(rig) < MAX_KEPT_BYTES


def test_a_failed_look_up_keeps_nothing_of_the_messages_that_met_it() -> None:
    rig = Rig(settings=OPEN)
    rig.ecs.lookup_error = client_error("ThrottlingException", "Rate exceeded")

    for number in range(30):
        rig.run(message(**named(7), group=f"{number:06}" + "z" * MEGABYTE))

    assert kept_bytes(rig) < MAX_KEPT_BYTES


@pytest.mark.parametrize("failure", [None, "RESOURCE:CPU", "Capacity is unavailable at this time"])
def test_thousands_of_names_are_not_kept(failure: str | None) -> None:
    rig = Rig(settings=OPEN)
    rig.ecs.always = failure
    found: dict[str, Any] = {
        "status": "ACTIVE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "events": [{"message": "e" * 10_000}],
    }
    rig.ecs.services = cast("Any", _Everywhere(found))

    for number in range(2 * MAX_LOOKUPS):
        rig.run(message(**named(number)))
        rig.clock.now += 60
        rig.log_text.truncate(0)

    assert kept_bytes(rig) < MAX_KEPT_BYTES


class _Everywhere(dict[str, Any]):
    """Has the same value for every name."""

    def __init__(self, value: dict[str, Any]) -> None:
        super().__init__()
        self._value = value

    def get(self, _key: str, _default: object = None) -> Any:
        return self._value


def test_of_the_answers_those_used_last_are_kept() -> None:
    ecs = FakeEcs()
    lookups = Lookups(cast("Any", ecs), FakeClock())

    for number in range(3 * MAX_LOOKUPS):
        lookups.container("often")
        lookups.container(f"once-{number}")

    assert ecs.lookups.count("often") == 1
    lookups.container("once-0")
    assert ecs.lookups.count("once-0") == 2


def test_of_the_open_circuits_the_latest_are_kept() -> None:
    clock = FakeClock()
    breaker = CircuitBreaker(clock)

    for number in range(3 * MAX_OPEN_CIRCUITS):
        breaker.record_exhausted(f"{number}-" + "x" * 1000)

    def is_open(number: int) -> bool:
        return breaker.acquire(f"{number}-" + "x" * 1000, clock.now) is None

    assert sum(is_open(number) for number in range(3 * MAX_OPEN_CIRCUITS)) == MAX_OPEN_CIRCUITS
    assert is_open(3 * MAX_OPEN_CIRCUITS - 1)


LONG_ARNS: dict[str, Callable[[str], str]] = {
    "cluster": lambda text: f"arn:aws:ecs:{text}:111111111111:cluster/batch",
    "taskDefinition": lambda text: f"arn:aws:ecs:{text}:111111111111:task-definition/report",
    "service": lambda text: f"arn:{text}:ecs:eu-central-1:111111111111:service/report",
}


@pytest.mark.parametrize("parameter", sorted(LONG_ARNS))
def test_no_part_of_a_name_can_be_long(parameter: str) -> None:
    found = rejection(message(**{parameter: LONG_ARNS[parameter]("a" * 1000)}), OPEN)

    assert found is not None
    assert found.reason == "bad-value"
    assert "aaaa" not in found.error


@pytest.mark.parametrize("parameter", ["cluster", "taskDefinition", "service", "referenceId"])
def test_a_long_name_is_rejected(parameter: str) -> None:
    found = rejection(message(**{parameter: "a" * 2000}), OPEN)

    assert found is not None
    assert found.reason in {"bad-value", "over-limit"}
    assert "aaaa" not in found.error


def test_names_of_the_greatest_length_are_read() -> None:
    parameters = {**named(1), "referenceId": "r" * 1024}

    assert read(message(**parameters), OPEN).service == parameters["service"]
