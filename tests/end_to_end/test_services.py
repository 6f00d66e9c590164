"""What the parts after the launch use of DynamoDB, SQS, S3 and Lambda, at the embedded AWS."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.end_to_end.ecs_calls import (
    ACCOUNT,
    CLUSTER,
    REGION,
    function_zip,
    refused,
    started,
    statement,
    trust,
    wait,
)

if TYPE_CHECKING:
    from rehearsal.fault_injection import FaultyEmulator

TABLE: Final = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table"
INDEX: Final[dict[str, Any]] = {
    "IndexName": "listed",
    "KeySchema": [
        {"AttributeName": "listed", "KeyType": "HASH"},
        {"AttributeName": "listed_at", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}
ATTRIBUTES: Final = [
    {"AttributeName": "key", "AttributeType": "S"},
    {"AttributeName": "listed", "AttributeType": "S"},
    {"AttributeName": "listed_at", "AttributeType": "N"},
]
DUE: Final[dict[str, Any]] = {
    "IndexName": "listed",
    "KeyConditionExpression": "listed = :state AND listed_at <= :now",
    "ExpressionAttributeValues": {":state": {"S": "active"}, ":now": {"N": "20"}},
}


@pytest.fixture
def dynamodb(emulator: FaultyEmulator) -> Any:
    return emulator.client("dynamodb", ACCOUNT, REGION)


@pytest.fixture
def sqs(emulator: FaultyEmulator) -> Any:
    return emulator.client("sqs", ACCOUNT, REGION)


def create_table(dynamodb: Any, **more: Any) -> str:
    name = uuid.uuid4().hex
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **{"AttributeDefinitions": ATTRIBUTES[:1], **more},
    )
    return name


def put(dynamodb: Any, table: str, key: str, **more: Any) -> None:
    dynamodb.put_item(TableName=table, Item={"key": {"S": key}, **more})


class TestIndex:
    def test_is_sparse_and_sorted_and_holds_keys_only(self, dynamodb: Any) -> None:
        table = create_table(
            dynamodb, AttributeDefinitions=ATTRIBUTES, GlobalSecondaryIndexes=[INDEX]
        )
        for key, at in (("late", "30"), ("second", "20"), ("first", "10")):
            listed = {"listed": {"S": "active"}, "listed_at": {"N": at}, "history": {"S": "x"}}
            put(dynamodb, table, key, **listed)
        put(dynamodb, table, "unlisted")
        put(dynamodb, table, "other", listed={"S": "problem"}, listed_at={"N": "1"})

        items = dynamodb.query(TableName=table, **DUE)["Items"]

        assert [item["key"]["S"] for item in items] == ["first", "second"]
        assert items[0].keys() == {"key", "listed", "listed_at"}

    def test_item_leaves_it_with_its_attribute(self, dynamodb: Any) -> None:
        table = create_table(
            dynamodb, AttributeDefinitions=ATTRIBUTES, GlobalSecondaryIndexes=[INDEX]
        )
        put(dynamodb, table, "k", listed={"S": "active"}, listed_at={"N": "1"})

        dynamodb.update_item(
            TableName=table, Key={"key": {"S": "k"}}, UpdateExpression="REMOVE listed, listed_at"
        )

        assert dynamodb.query(TableName=table, **DUE)["Items"] == []

    def test_is_added_to_a_table_that_has_items(self, dynamodb: Any) -> None:
        table = create_table(dynamodb)
        put(dynamodb, table, "k", listed={"S": "active"}, listed_at={"N": "1"})

        dynamodb.update_table(
            TableName=table,
            AttributeDefinitions=ATTRIBUTES,
            GlobalSecondaryIndexUpdates=[{"Create": INDEX}],
        )

        assert len(dynamodb.query(TableName=table, **DUE)["Items"]) == 1

    def test_query_asks_for_the_index_and_not_for_the_table(
        self, dynamodb: Any, as_role: Any
    ) -> None:
        table = create_table(
            dynamodb, AttributeDefinitions=ATTRIBUTES, GlobalSecondaryIndexes=[INDEX]
        )
        arn = f"{TABLE}/{table}"

        right = statement("dynamodb:Query", resource=f"{arn}/index/listed")
        assert as_role("dynamodb", right).query(TableName=table, **DUE)["Items"] == []

        with refused("AccessDeniedException", "index/listed"):
            as_role("dynamodb", statement("dynamodb:Query", resource=arn)).query(
                TableName=table, **DUE
            )

    def test_query_asks_for_the_key_of_the_table(
        self, emulator: FaultyEmulator, dynamodb: Any, as_role: Any
    ) -> None:
        key = emulator.client("kms", ACCOUNT, REGION).create_key()["KeyMetadata"]["Arn"]
        table = create_table(
            dynamodb,
            AttributeDefinitions=ATTRIBUTES,
            GlobalSecondaryIndexes=[INDEX],
            SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
        )
        right = statement("dynamodb:Query")

        with refused("AccessDeniedException", "kms:Decrypt"):
            as_role("dynamodb", right).query(TableName=table, **DUE)
        both = as_role("dynamodb", right, statement("kms:Decrypt", resource=key))
        assert both.query(TableName=table, **DUE)["Items"] == []


class TestQueue:
    def test_group_of_a_standard_queue_is_kept(self, sqs: Any) -> None:
        url = sqs.create_queue(QueueName="tenants")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="a", MessageGroupId="tenant-1")

        (message,) = sqs.receive_message(
            QueueUrl=url, MessageSystemAttributeNames=["MessageGroupId"]
        )["Messages"]

        assert message["Attributes"] == {"MessageGroupId": "tenant-1"}

    def test_handle_of_an_earlier_receipt_makes_a_hidden_message_visible(self, sqs: Any) -> None:
        url = sqs.create_queue(QueueName="waiters")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="a")
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        handle = message["ReceiptHandle"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=600)
        assert "Messages" not in sqs.receive_message(QueueUrl=url)

        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        with refused("MessageNotInflight"):
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)

        (again,) = sqs.receive_message(QueueUrl=url)["Messages"]
        assert again["MessageId"] == message["MessageId"]
        with refused("ReceiptHandleIsInvalid"):
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)


class TestTaskCalls:
    @pytest.mark.parametrize("action", ["StopTask", "DescribeTasks"])
    def test_asks_for_the_task(self, ecs: Any, as_role: Any, action: str) -> None:
        arn = started(ecs)
        wait(ecs, arn)
        tasks = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task"

        def call(resource: str) -> Any:
            granted = statement(
                f"ecs:{action}", resource=resource, ArnEquals={"ecs:cluster": CLUSTER}
            )
            client = as_role("ecs", granted)
            if action == "StopTask":
                return client.stop_task(cluster="jobs", task=arn)
            return client.describe_tasks(cluster="jobs", tasks=[arn])

        assert call(f"{tasks}/jobs/*")
        with refused("AccessDeniedException", f"ecs:{action}"):
            call(f"{tasks}/other/*")


def test_role_of_a_task_reads_a_payload_and_no_other_role_does(
    emulator: FaultyEmulator, as_role: Any
) -> None:
    s3 = emulator.client("s3", ACCOUNT, REGION)
    kms = emulator.client("kms", ACCOUNT, REGION)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="payloads", CreateBucketConfiguration={"LocationConstraint": REGION})
    rule = {
        "ID": "expire",
        "Status": "Enabled",
        "Filter": {"Prefix": "payloads/"},
        "Expiration": {"Days": 7},
    }
    s3.put_bucket_lifecycle_configuration(
        Bucket="payloads", LifecycleConfiguration={"Rules": [rule]}
    )
    (kept,) = s3.get_bucket_lifecycle_configuration(Bucket="payloads")["Rules"]
    assert kept["Expiration"] == {"Days": 7}
    s3.put_object(
        Bucket="payloads",
        Key="payloads/k/abc",
        Body=b"x" * 500_000,
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    reader = f"arn:aws:iam::{ACCOUNT}:role/caller"
    entry = statement("s3:GetObject", resource="arn:aws:s3:::payloads/payloads/*")
    entry["Principal"] = {"AWS": "*"}
    entry["Condition"] = {"ArnEquals": {"aws:PrincipalArn": reader}}
    policy = {"Version": "2012-10-17", "Statement": [entry]}
    decrypt = statement("kms:Decrypt", resource=key)

    with refused("AccessDenied"):
        as_role("s3", decrypt).get_object(Bucket="payloads", Key="payloads/k/abc")
    s3.put_bucket_policy(Bucket="payloads", Policy=json.dumps(policy))
    answer = as_role("s3", decrypt).get_object(Bucket="payloads", Key="payloads/k/abc")

    assert len(answer["Body"].read()) == 500_000


def test_function_has_two_mappings(emulator: FaultyEmulator, sqs: Any) -> None:
    iam = emulator.client("iam", ACCOUNT, REGION)
    functions = emulator.client("lambda", ACCOUNT, REGION)
    iam.create_role(RoleName="two", AssumeRolePolicyDocument=json.dumps(trust("lambda")))
    allowed = statement("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="two", PolicyName="p", PolicyDocument=document)
    functions.create_function(
        FunctionName="two",
        Role=f"arn:aws:iam::{ACCOUNT}:role/two",
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": function_zip()},
    )
    for queue in ("work", "reports"):
        sqs.create_queue(QueueName=queue)
        functions.create_event_source_mapping(
            FunctionName="two", EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"
        )

    mappings = functions.list_event_source_mappings(FunctionName="two")["EventSourceMappings"]

    assert sorted(m["EventSourceArn"].rpartition(":")[2] for m in mappings) == ["reports", "work"]
