"""Tags need permissions of their own, and take effect late. No evidence about AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from rehearsal.fault_injection import FaultyEmulator
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, refused, statement, trust

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TAGS: Final = {"team": "a"}
PAIRS: Final = [{"Key": "team", "Value": "a"}]
TRUST: Final = json.dumps(trust("lambda"))
QUEUE: Final = f"arn:aws:sqs:{REGION}:{ACCOUNT}:any"
BUCKET: Final = "tagged-objects"


@pytest.fixture(scope="module")
def emulator() -> Iterator[FaultyEmulator]:
    with FaultyEmulator.start(tag_delay_calls=2) as running:
        s3 = running.client("s3", ACCOUNT, REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield running


# The service, the action, the tagging action, and what makes the call without and with tags.
CALLS: Final[list[tuple[str, str, str, Callable[[Any, str], Any]]]] = [
    (
        "sqs",
        "sqs:CreateQueue",
        "sqs:TagQueue",
        lambda c, tags: c.create_queue(QueueName=f"q-{tags}", tags=TAGS if tags else {}),
    ),
    (
        "sns",
        "sns:CreateTopic",
        "sns:TagResource",
        lambda c, tags: c.create_topic(Name=f"t-{tags}", Tags=PAIRS if tags else []),
    ),
    (
        "logs",
        "logs:CreateLogGroup",
        "logs:TagResource",
        lambda c, tags: c.create_log_group(
            logGroupName=f"g-{tags}", **({"tags": TAGS} if tags else {})
        ),
    ),
    (
        "iam",
        "iam:CreateRole",
        "iam:TagRole",
        lambda c, tags: c.create_role(
            RoleName=f"r-{tags}", AssumeRolePolicyDocument=TRUST, Tags=PAIRS if tags else []
        ),
    ),
    (
        "kms",
        "kms:CreateKey",
        "kms:TagResource",
        lambda c, tags: c.create_key(Tags=[{"TagKey": "team", "TagValue": "a"}] if tags else []),
    ),
    (
        "s3",
        "s3:PutObject",
        "s3:PutObjectTagging",
        lambda c, tags: c.put_object(
            Bucket=BUCKET, Key="k", Body=b"", **({"Tagging": "team=a"} if tags else {})
        ),
    ),
    (
        "dynamodb",
        "dynamodb:CreateTable",
        "dynamodb:TagResource",
        lambda c, tags: c.create_table(
            TableName=f"table-{tags}",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=PAIRS if tags else [],
        ),
    ),
]


@pytest.mark.parametrize(("service", "action", "tagging", "call"), CALLS)
def test_creating_with_tags_needs_the_tagging_action(
    as_role: Any, service: str, action: str, tagging: str, call: Callable[[Any, str], Any]
) -> None:
    with refused("AuthorizationError|AccessDenied", tagging):
        call(as_role(service, statement(action)), "tagged")
    call(as_role(service, statement(action)), "")
    call(as_role(service, statement(action), statement(tagging)), "tagged")


def test_a_tagged_function_and_mapping_need_it_too(as_role: Any) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/caller"
    function = {
        "FunctionName": "kit",
        "Role": role,
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Code": {"ZipFile": b"x"},
        "Tags": TAGS,
    }
    mapping = {"FunctionName": "kit", "EventSourceArn": QUEUE, "Tags": TAGS}
    pass_role = statement("iam:PassRole", resource=role)
    create = statement("lambda:CreateFunction", "lambda:CreateEventSourceMapping")

    with refused("AccessDenied", "lambda:TagResource on resource: .*:function:kit"):
        as_role("lambda", create, pass_role).create_function(**function)
    with refused("AccessDenied", "lambda:TagResource on resource: .*event-source-mapping:"):
        as_role("lambda", create).create_event_source_mapping(**mapping)


def test_tags_of_a_new_key_can_be_limited_by_the_request_alone(as_role: Any) -> None:
    create = statement("kms:CreateKey")
    request = {"Tags": [{"TagKey": "team", "TagValue": "a"}]}
    by_resource = statement("kms:TagResource", StringEquals={"aws:ResourceTag/team": "a"})
    by_request = statement("kms:TagResource", StringEquals={"aws:RequestTag/team": "a"})
    by_key: dict[str, Any] = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    other = {"Tags": [{"TagKey": "team", "TagValue": "b"}]}

    with refused("AccessDenied", "kms:TagResource"):
        as_role("kms", create, by_resource).create_key(**request)
    with refused("AccessDenied", "kms:TagResource"):
        as_role("kms", create, by_request).create_key(**other)
    assert as_role("kms", create, by_request).create_key(**request)
    assert as_role("kms", create, statement("kms:TagResource", **by_key)).create_key(**other)


def test_a_condition_on_a_tag_holds_only_after_some_calls(
    emulator: FaultyEmulator, as_role: Any
) -> None:
    key = emulator.client("kms", ACCOUNT, REGION).create_key(
        Tags=[{"TagKey": "team", "TagValue": "a"}]
    )["KeyMetadata"]["KeyId"]
    client = as_role(
        "kms", statement("kms:DescribeKey", StringEquals={"aws:ResourceTag/team": "a"})
    )

    for _ in range(2):
        with refused("AccessDenied", "kms:DescribeKey"):
            client.describe_key(KeyId=key)
    assert client.describe_key(KeyId=key)
