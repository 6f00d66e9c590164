"""Results and payloads: who writes them, who reads them, and with what key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.policies.outcome_policies import payload_bucket_policy, results_queue_policy
from tests.infra.grants import Need, Statement, denied, missing
from tests.infra.test_function_boundary import RESULTS_QUEUE
from tests.infra.test_function_stack import statement
from tests.infra.test_needed_actions import BUS, HERE, PAYLOAD, PAYLOAD_BUCKET, ROLE, STAGE_KEY

if TYPE_CHECKING:
    from tests.infra.conftest import Stack
    from tools.recorder import Recorder

READER: Final = "arn:aws:iam::333333333333:role/orders"
TASK_ROLE: Final = HERE.iam_arn("role/report-task")
ADMINISTRATOR: Final = HERE.iam_arn("role/administrator")
TLS: Final = {"aws:SecureTransport": "true"}
KEY: Final = "arn:aws:kms:eu-central-1:111111111111:ecs-run-task-dev-key-0123456"


def key_statement(recorder: Recorder, sid: str) -> dict[str, Any]:
    return statement(recorder.only("kms/key:Key").document("policy"), sid)


def by(caller: str, action: str, resource: str, **context: str) -> Need:
    return Need(
        why="a call",
        action=action,
        resource=resource,
        context={**TLS, "aws:PrincipalArn": caller, **context},
    )


@pytest.mark.parametrize(
    ("results", "queues", "buses"), [("none", 0, 0), ("queue", 1, 0), ("bus", 0, 1)]
)
def test_results_go_one_way_or_none(stack: Stack, results: str, queues: int, buses: int) -> None:
    recorder = stack("dev", results=results)
    found = [one for one in recorder.all("sqs/queue:Queue") if one.name.endswith("-results")]
    assert len(found) == queues
    assert len(recorder.all("cloudwatch/eventBus:EventBus")) == buses


def test_the_results_queue_keeps_what_nobody_has_read(stack: Stack) -> None:
    recorder = stack("dev", results="queue")
    queue = recorder.named("sqs/queue:Queue", "ecs-run-task-dev-results")
    assert queue.inputs["name"] == "ecs-run-task-dev-results"
    assert queue.inputs["kmsMasterKeyId"] == KEY
    assert queue.inputs["messageRetentionSeconds"] == 4 * 86_400
    assert queue.protect


def test_the_bus_is_encrypted_with_the_stages_key(stack: Stack) -> None:
    recorder = stack("dev", results="bus")
    bus = recorder.only("cloudwatch/eventBus:EventBus").inputs
    assert bus["name"] == "ecs-run-task-dev-results"
    assert bus["kmsKeyIdentifier"] == KEY
    use = key_statement(recorder, "ResultsBus")
    assert use["Principal"] == {"Service": "events.amazonaws.com"}
    assert use["Condition"] == {
        "StringEquals": {"kms:EncryptionContext:aws:events:event-bus:arn": BUS}
    }
    describe = key_statement(recorder, "ResultsBusKey")
    assert describe["Action"] == ["kms:DescribeKey"]
    assert describe["Condition"] == {"StringEquals": {"aws:SourceAccount": HERE.account}}


def test_a_reader_of_results_receives_and_decrypts_and_does_no_more(stack: Stack) -> None:
    recorder = stack("dev", results="queue", resultReaders=json.dumps([READER]))
    policy = recorder.named("sqs/queuePolicy:QueuePolicy", "ecs-run-task-dev-results-policy")
    readers = statement(policy.document("policy"), "Readers")
    assert readers["Principal"] == {"AWS": [READER]}
    assert readers["Action"] == [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
    ]
    key = key_statement(recorder, "ResultReaders")
    assert (key["Principal"], key["Action"]) == ({"AWS": [READER]}, ["kms:Decrypt"])
    assert key["Condition"]["StringEquals"] == {
        "kms:EncryptionContext:aws:sqs:arn": RESULTS_QUEUE,
        "kms:ViaService": ["sqs.eu-central-1.amazonaws.com"],
    }


RESULTS: Final[list[Statement]] = results_queue_policy(HERE, RESULTS_QUEUE, ROLE, [])["Statement"]


def test_only_the_function_sends_results_and_it_does_not_receive_them() -> None:
    assert not denied(RESULTS, by(ROLE, "sqs:SendMessage", RESULTS_QUEUE))
    forged = by(ADMINISTRATOR, "sqs:SendMessage", RESULTS_QUEUE)
    assert denied(RESULTS, forged) == ["DenyOtherSenders"]
    taken = by(ROLE, "sqs:ReceiveMessage", RESULTS_QUEUE)
    assert denied(RESULTS, taken) == ["DenyFunctions"]
    assert not denied(RESULTS, by(ADMINISTRATOR, "sqs:ReceiveMessage", RESULTS_QUEUE))


# --- Payloads


def test_there_is_a_payload_bucket_only_where_there_are_payloads(stack: Stack) -> None:
    assert not [one for one in stack("dev").resources if one.type == "s3/bucket:Bucket"]
    recorder = stack("dev", payloads="true", payloadRetentionDays="3")
    bucket = recorder.only("s3/bucket:Bucket")
    assert bucket.name == "ecs-run-task-dev-payloads"
    assert bucket.protect
    assert "ecs-run-task-dev-key" in bucket.depends_on


def test_payloads_do_without_the_rest(stack: Stack) -> None:
    recorder = stack("dev", payloads="true", outcomes="false")
    assert recorder.all("s3/bucket:Bucket")
    sids = [
        entry["Sid"]
        for entry in recorder.only("iam/rolePolicy:RolePolicy").document("policy")["Statement"]
    ]
    assert "StorePayloads" in sids
    assert "FollowTasks" not in sids


def test_a_payload_expires_and_leaves_no_version(stack: Stack) -> None:
    recorder = stack("dev", payloads="true", payloadRetentionDays="3")
    lifecycle = recorder.only("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
    (rule,) = lifecycle.inputs["rules"]
    assert rule["expiration"] == {"days": 3}
    assert rule["status"] == "Enabled"
    assert "noncurrentVersionExpiration" not in rule
    assert not recorder.all("s3/bucketVersioning:BucketVersioning")


def test_payloads_are_private_and_encrypted_with_the_stages_key(stack: Stack) -> None:
    recorder = stack("dev", payloads="true")
    block = recorder.only("s3/bucketPublicAccessBlock:BucketPublicAccessBlock").inputs
    assert all(
        block[name]
        for name in (
            *("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls"),
            "restrictPublicBuckets",
        )
    )
    (rule,) = recorder.only(
        "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    ).inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {
        "sseAlgorithm": "aws:kms",
        "kmsMasterKeyId": KEY,
    }


PAYLOADS: Final[list[Statement]] = payload_bucket_policy(
    PAYLOAD_BUCKET, STAGE_KEY, ROLE, [TASK_ROLE]
)["Statement"]


def test_only_the_function_writes_payloads_and_only_task_roles_read_them() -> None:
    assert not denied(PAYLOADS, by(ROLE, "s3:PutObject", PAYLOAD))
    assert not denied(PAYLOADS, by(TASK_ROLE, "s3:GetObject", PAYLOAD))
    assert not missing(PAYLOADS, [by(TASK_ROLE, "s3:GetObject", PAYLOAD)])
    for caller in (TASK_ROLE, ADMINISTRATOR, HERE.deploy_role_arn):
        assert denied(PAYLOADS, by(caller, "s3:PutObject", PAYLOAD)) == ["DenyOtherWriters"]
    for caller in (ROLE, ADMINISTRATOR, HERE.deploy_role_arn):
        assert denied(PAYLOADS, by(caller, "s3:GetObject", PAYLOAD)) == ["DenyOtherReaders"]


def test_a_payload_is_written_over_tls_and_with_the_stages_key_alone() -> None:
    key_header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    for context, sid in (
        ({"aws:SecureTransport": "false"}, "DenyWithoutTls"),
        ({key_header: HERE.arn("kms", "key/other")}, "DenyOtherKeys"),
        ({"s3:x-amz-server-side-encryption": "AES256"}, "DenyOtherEncryption"),
    ):
        assert denied(PAYLOADS, by(ROLE, "s3:PutObject", PAYLOAD, **context)) == [sid]
    named = {key_header: STAGE_KEY, "s3:x-amz-server-side-encryption": "aws:kms"}
    assert not denied(PAYLOADS, by(ROLE, "s3:PutObject", PAYLOAD, **named))


def test_a_task_role_needs_no_policy_of_its_own_to_read_a_payload(stack: Stack) -> None:
    recorder = stack("dev", payloads="true", taskRoles=json.dumps([TASK_ROLE]))
    policy = recorder.only("s3/bucketPolicy:BucketPolicy").document("policy")
    for document in (policy, recorder.only("kms/key:Key").document("policy")):
        assert statement(document, "ReadPayloads")["Principal"] == {"AWS": [TASK_ROLE]}
    key = key_statement(recorder, "ReadPayloads")
    assert key["Action"] == ["kms:Decrypt"]
    assert key["Condition"] == {
        "StringEquals": {"kms:ViaService": ["s3.eu-central-1.amazonaws.com"]},
        "StringLike": {
            "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::ecs-run-task-dev-payloads-*"
        },
    }


def test_roles_by_pattern_read_payloads_by_their_own_policies(stack: Stack) -> None:
    pattern = HERE.iam_arn("role/report-*")
    recorder = stack("dev", payloads="true", taskRoles=json.dumps([pattern]))
    policy = recorder.only("s3/bucketPolicy:BucketPolicy").document("policy")
    # No principal of IAM is a pattern.
    found = statement(policy, "ReadPayloadsByPattern")
    assert found["Principal"] == {"AWS": [HERE.account]}
    assert found["Condition"] == {"ArnLike": {"aws:PrincipalArn": [pattern]}}
    assert statement(policy, "DenyOtherReaders")["Condition"] == {
        "ArnNotLike": {"aws:PrincipalArn": [pattern]}
    }
