"""The condition keys that the kit's policies rely on. No evidence about AWS."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.end_to_end.ecs_calls import ACCOUNT, REGION, refused, statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.fault_injection import FaultyEmulator

ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/caller"
FUNCTION: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:asker"
CODE: Final = """
import boto3


def handler(event, context):
    try:
        boto3.client("sns").list_topics()
    except Exception as error:
        return str(error)
    return "allowed"
"""
DENIED: Final = "AccessDenied"


@pytest.fixture
def function(emulator: FaultyEmulator, as_role: Any) -> Iterator[Any]:
    """Return what invokes a function that lists topics with a role's statements."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", CODE)
    functions = emulator.client("lambda", ACCOUNT, REGION)
    as_role("sns", statement("sns:Subscribe"))
    functions.create_function(
        FunctionName="asker",
        Role=ROLE,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": code.getvalue()},
    )
    functions.publish_version(FunctionName="asker")

    def invoke(*statements: Any) -> str:
        as_role("sns", *statements)
        answer = functions.invoke(FunctionName="asker", Qualifier="1")
        return str(json.loads(answer["Payload"].read()))

    yield invoke
    functions.delete_function(FunctionName="asker")


def test_a_call_of_the_functions_code_carries_the_functions_arn(
    function: Any, as_role: Any
) -> None:
    listing = statement("sns:ListTopics", ArnLike={"lambda:SourceFunctionArn": FUNCTION})

    assert function(listing) == "allowed"
    present = statement("sns:ListTopics", Null={"lambda:SourceFunctionArn": "false"})
    assert function(present) == "allowed"
    # The same role, but assumed by somebody else.
    with refused("AuthorizationError", "sns:ListTopics"):
        as_role("sns", listing).list_topics()


def test_another_functions_arn_does_not_hold(function: Any) -> None:
    other = statement("sns:ListTopics", ArnLike={"lambda:SourceFunctionArn": f"{FUNCTION}-2"})

    assert "not authorized to perform: sns:ListTopics" in function(other)


@pytest.fixture
def bucket(emulator: FaultyEmulator) -> Iterator[str]:
    s3, name = emulator.client("s3", ACCOUNT, REGION), f"kept-{uuid.uuid4().hex}"
    location = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=location)
    once = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"Null": {"s3:if-none-match": "true"}},
    }
    policy = {"Version": "2012-10-17", "Statement": [once]}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    yield name
    for entry in s3.list_objects_v2(Bucket=name).get("Contents", []):
        s3.delete_object(Bucket=name, Key=entry["Key"])
    s3.delete_bucket(Bucket=name)


def test_an_object_that_is_written_once_stays(bucket: str, as_role: Any) -> None:
    s3 = as_role("s3", statement("s3:*"))

    with refused(DENIED, "s3:PutObject"):
        s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    s3.put_object(Bucket=bucket, Key="a", Body=b"1", IfNoneMatch="*")
    with refused("PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="a", Body=b"2", IfNoneMatch="*")
    with refused(DENIED, "s3:PutObject"):
        s3.copy_object(Bucket=bucket, Key="a", CopySource=f"{bucket}/b")
    with refused("NotImplemented"):
        s3.copy_object(Bucket=bucket, Key="a", CopySource=f"{bucket}/a", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"1"


@pytest.fixture
def queue(emulator: FaultyEmulator) -> Iterator[tuple[str, str, str]]:
    """Return URL and ARN of an encrypted queue, and the ARN of its key."""
    key = emulator.client("kms", ACCOUNT, REGION).create_key()["KeyMetadata"]["Arn"]
    sqs, name = emulator.client("sqs", ACCOUNT, REGION), f"work-{uuid.uuid4().hex}"
    url = sqs.create_queue(QueueName=name, Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    yield url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", key
    sqs.delete_queue(QueueUrl=url)


@pytest.mark.parametrize("call", ["send_message", "receive_message"])
def test_the_use_of_a_queues_key_names_service_and_queue(
    queue: tuple[str, str, str], as_role: Any, call: str
) -> None:
    url, arn, key = queue
    more = {"MessageBody": "hello"} if call == "send_message" else {}

    def use(context: dict[str, str]) -> Any:
        keys = statement("kms:GenerateDataKey", "kms:Decrypt", resource=key, StringEquals=context)
        return getattr(as_role("sqs", statement("sqs:*"), keys), call)(QueueUrl=url, **more)

    via = {"kms:ViaService": f"sqs.{REGION}.amazonaws.com"}
    assert use({**via, "kms:EncryptionContext:aws:sqs:arn": arn})
    with refused(DENIED, "kms:"):
        use({**via, "kms:EncryptionContext:aws:sqs:arn": f"{arn}-2"})
    with refused(DENIED, "kms:"):
        use({"kms:ViaService": f"s3.{REGION}.amazonaws.com"})
