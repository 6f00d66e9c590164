"""Which permissions an event source mapping asks for, also once it is gone."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest

from rehearsal.fault_injection import FaultyEmulator
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, function_zip, refused, statement

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTION: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:kit-one"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/caller"
ACTIONS: Final = (
    "lambda:DeleteEventSourceMapping",
    "lambda:GetEventSourceMapping",
    "lambda:UpdateEventSourceMapping",
)
OF_KIT: Final = statement(*ACTIONS, ArnLike={"lambda:FunctionArn": FUNCTION.replace("one", "*")})
OF_OTHERS: Final = statement(
    *ACTIONS, ArnLike={"lambda:FunctionArn": FUNCTION.replace("kit-one", "other-*")}
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[FaultyEmulator]:
    with FaultyEmulator.start() as running:
        yield running


@pytest.fixture
def mapping(emulator: FaultyEmulator, as_role: Any) -> str:
    as_role("sqs", statement("sqs:*"))
    sqs, functions = (emulator.client(name, ACCOUNT, REGION) for name in ("sqs", "lambda"))
    name = f"work-{uuid.uuid4().hex}"
    sqs.create_queue(QueueName=name)
    if not functions.list_functions()["Functions"]:
        functions.create_function(
            FunctionName="kit-one",
            Role=ROLE,
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": function_zip()},
        )
    answer = functions.create_event_source_mapping(
        FunctionName="kit-one", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    )
    return str(answer["UUID"])


def test_get_update_and_delete_are_limited_by_the_function(mapping: str, as_role: Any) -> None:
    other = as_role("lambda", OF_OTHERS)

    with refused("AccessDenied", "lambda:GetEventSourceMapping on resource"):
        other.get_event_source_mapping(UUID=mapping)
    with refused("AccessDenied", "lambda:UpdateEventSourceMapping on resource"):
        other.update_event_source_mapping(UUID=mapping, BatchSize=5)
    with refused("AccessDenied", "lambda:DeleteEventSourceMapping on resource"):
        other.delete_event_source_mapping(UUID=mapping)
    kit = as_role("lambda", OF_KIT)
    assert kit.get_event_source_mapping(UUID=mapping)
    assert kit.update_event_source_mapping(UUID=mapping, BatchSize=5)
    assert kit.delete_event_source_mapping(UUID=mapping)


def test_one_that_is_gone_has_no_function(mapping: str, as_role: Any) -> None:
    client = as_role("lambda", OF_KIT)
    client.delete_event_source_mapping(UUID=mapping)

    with refused("AccessDenied", "lambda:GetEventSourceMapping on resource"):
        client.get_event_source_mapping(UUID=mapping)
    with refused("ResourceNotFoundException", ""):
        as_role("lambda", statement("lambda:GetEventSourceMapping")).get_event_source_mapping(
            UUID=mapping
        )


def test_a_read_of_one_is_no_list_of_all(mapping: str, as_role: Any) -> None:
    with refused("AccessDenied", "lambda:GetEventSourceMapping"):
        as_role("lambda", statement("lambda:ListEventSourceMappings")).get_event_source_mapping(
            UUID=mapping
        )
    with refused("AccessDenied", "lambda:ListEventSourceMappings"):
        as_role("lambda", statement("lambda:GetEventSourceMapping")).list_event_source_mappings()


def test_a_mapping_keeps_its_metrics(mapping: str, as_role: Any) -> None:
    client = as_role("lambda", statement(*ACTIONS))
    metrics = {"Metrics": ["EventCount"]}
    assert (
        client.update_event_source_mapping(UUID=mapping, MetricsConfig=metrics)["MetricsConfig"]
        == metrics
    )
    client.update_event_source_mapping(UUID=mapping, BatchSize=5)
    assert client.get_event_source_mapping(UUID=mapping)["MetricsConfig"] == metrics
