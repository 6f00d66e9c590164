"""Which permissions an event source mapping asks for, also once it is gone."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest

from rehearsal.fault_injection import FaultyEmulator
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, function_zip, refused, statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FUNCTION: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:kit-one"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/caller"
MAX_WAIT_SECONDS: Final = 10.0
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


def only_for(queue: str, role: str) -> str:
    """Return the policy of a queue whose messages one role alone may take, over TLS."""
    denied = [
        {"ArnNotEquals": {"aws:PrincipalArn": role}},
        {"Bool": {"aws:SecureTransport": "false"}},
    ]
    statements = [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:ReceiveMessage",
            "Resource": queue,
            "Condition": condition,
        }
        for condition in denied
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def test_another_function_cannot_take_the_messages(
    emulator: FaultyEmulator, mapping: str, as_role: Any
) -> None:
    as_role("sqs", statement("sqs:*"))
    sqs, functions = (emulator.client(name, ACCOUNT, REGION) for name in ("sqs", "lambda"))
    mine = functions.get_event_source_mapping(UUID=mapping)["EventSourceArn"].rpartition(":")[2]
    other = f"other-{uuid.uuid4().hex}"
    sqs.create_queue(QueueName=other)

    def reserve(name: str, role: str) -> str:
        url = str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
        policy = only_for(f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", role)
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url

    reserve(other, f"{ROLE}-2")
    with refused("InvalidParameterValueException", "permissions to call ReceiveMessage on SQS"):
        functions.create_event_source_mapping(
            FunctionName="kit-one", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{other}"
        )
    # A mapping that exists takes nothing more either.
    url = reserve(mine, f"{ROLE}-2")
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    # One that another function takes shows that the poller has been here meanwhile.
    reserve(other, ROLE)
    functions.create_event_source_mapping(
        FunctionName="kit-one", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{other}"
    )
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=other)["QueueUrl"], MessageBody="hello")
    assert eventually(lambda: count(sqs, other) == 0)
    assert count(sqs, mine) == 1
    reserve(mine, ROLE)
    assert eventually(lambda: count(sqs, mine) == 0)


def count(sqs: Any, name: str) -> int:
    """Return how many messages a queue holds, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[one]) for one in names)


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_an_update_needs_the_permission_for_the_new_function_too(
    emulator: FaultyEmulator, mapping: str, as_role: Any
) -> None:
    functions = emulator.client("lambda", ACCOUNT, REGION)
    functions.create_function(
        FunctionName="other-one",
        Role=ROLE,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": function_zip()},
    )
    with refused("AccessDenied", "lambda:UpdateEventSourceMapping on resource"):
        as_role("lambda", OF_KIT).update_event_source_mapping(
            UUID=mapping, FunctionName="other-one"
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
