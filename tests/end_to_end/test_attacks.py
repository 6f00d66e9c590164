"""What a leaked role, another stage or a deployer tries, and what the embedded AWS answers.

The policies are those that the stacks deploy. No evidence about AWS.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from rehearsal.emulator import Credentials
from tests.end_to_end.accounts import DEPLOY_ROLE, DEV, REGION, two_accounts
from tests.end_to_end.ecs_calls import refused, statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.end_to_end.accounts import Accounts

STAGE: Final = "ecs-run-task-dev"
READ_ROLE: Final = f"ecs-run-task-read-{REGION}"
CLUSTER: Final = f"arn:aws:ecs:{REGION}:{DEV}:cluster/batch"


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with two_accounts("dev-bootstrap", "dev") as running:
        yield running


@pytest.fixture(scope="module")
def acting(accounts: Accounts) -> Callable[[str], Callable[[str], Any]]:
    """Return what makes clients of a role of the dev account."""

    def as_role(name: str) -> Callable[[str], Any]:
        keys = accounts.client("sts", DEV).assume_role(
            RoleArn=f"arn:aws:iam::{DEV}:role/{name}", RoleSessionName="attack"
        )["Credentials"]
        credentials = Credentials(
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
            token=keys["SessionToken"],
        )
        return lambda service: accounts.emulator.client(service, DEV, REGION, credentials)

    return as_role


@pytest.fixture(scope="module")
def deployer(acting: Callable[[str], Callable[[str], Any]]) -> Callable[[str], Any]:
    return acting(DEPLOY_ROLE)


@pytest.fixture(scope="module")
def reader(acting: Callable[[str], Callable[[str], Any]]) -> Callable[[str], Any]:
    return acting(READ_ROLE)


@pytest.fixture(scope="module")
def neighbour(
    accounts: Accounts,
    deployer: Callable[[str], Any],
    acting: Callable[[str], Callable[[str], Any]],
) -> Callable[[str], Any]:
    """Return what makes clients of a role that the deploy role made for another stage.

    It has every right that its boundary leaves it, and somebody took its credentials.
    """
    name = "ecs-run-task-prod-role-1"
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{DEV}:root"},
        "Action": "sts:AssumeRole",
    }
    document = {"Version": "2012-10-17", "Statement": [root]}
    deployer("iam").create_role(
        Path="/ecs-run-task/",
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps(document),
        PermissionsBoundary=accounts.engine.outputs("dev-bootstrap")["permissionsBoundaryArn"],
    )
    everything = {"Version": "2012-10-17", "Statement": [statement("*")]}
    deployer("iam").put_role_policy(
        RoleName=name, PolicyName="everything", PolicyDocument=json.dumps(everything)
    )
    return acting(f"ecs-run-task/{name}")


@pytest.mark.parametrize("queue", ["queueUrl", "deadLetterQueueUrl"])
def test_another_stages_function_takes_no_message(
    accounts: Accounts, neighbour: Callable[[str], Any], queue: str
) -> None:
    url = accounts.engine.outputs("dev")[queue]
    sqs = neighbour("sqs")
    with refused("AccessDenied", "explicit deny in a resource-based policy"):
        sqs.receive_message(QueueUrl=url)
    with refused("AccessDenied", "explicit deny in a resource-based policy"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle="handle")


def test_the_stages_own_function_takes_them(accounts: Accounts) -> None:
    outputs = accounts.engine.outputs("dev")
    policy = json.loads(
        accounts.client("sqs", DEV).get_queue_attributes(
            QueueUrl=outputs["queueUrl"], AttributeNames=["Policy"]
        )["Attributes"]["Policy"]
    )
    (deny,) = (one for one in policy["Statement"] if one["Sid"] == "DenyOtherConsumers")
    function = accounts.client("lambda", DEV).get_function(FunctionName=STAGE)
    role = function["Configuration"]["Role"]
    assert deny["Condition"] == {"ArnNotEquals": {"aws:PrincipalArn": role}}


def test_a_role_outside_of_lambda_launches_no_task(neighbour: Callable[[str], Any]) -> None:
    with refused("AccessDenied", "ecs:RunTask"):
        neighbour("ecs").run_task(cluster=CLUSTER, taskDefinition="report")


def test_the_deploy_role_opens_no_role_to_anybody_else(
    accounts: Accounts, deployer: Callable[[str], Any]
) -> None:
    function = accounts.client("lambda", DEV).get_function(FunctionName=STAGE)
    role = function["Configuration"]["Role"].rpartition("/")[2]
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    for name in (role, DEPLOY_ROLE, READ_ROLE):
        with refused("AccessDenied", "iam:UpdateAssumeRolePolicy"):
            deployer("iam").update_assume_role_policy(RoleName=name, PolicyDocument=document)


@pytest.mark.parametrize("folder", ["artifacts", "promotions"])
def test_the_deploy_role_replaces_and_deletes_nothing_that_was_promoted(
    accounts: Accounts, deployer: Callable[[str], Any], folder: str
) -> None:
    outputs = accounts.engine.outputs("dev-bootstrap")
    digest = hashlib.sha256(folder.encode()).hexdigest()
    s3 = deployer("s3")
    request = {
        "Bucket": outputs["artifactBucket"],
        "Key": f"{folder}/{digest}.json",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": outputs["artifactKmsKeyArn"],
    }
    s3.put_object(**request, Body=b"reviewed", IfNoneMatch="*")
    with refused("AccessDenied", "s3:PutObject.*explicit deny in a resource-based policy"):
        s3.put_object(**request, Body=b"mine")
    with refused("PreconditionFailed"):
        s3.put_object(**request, Body=b"mine", IfNoneMatch="*")
    with refused("AccessDenied", "s3:DeleteObject"):
        s3.delete_object(Bucket=request["Bucket"], Key=request["Key"])
    content = s3.get_object(Bucket=request["Bucket"], Key=request["Key"])["Body"].read()
    assert content == b"reviewed"


def test_the_deploy_role_does_not_stop_the_log_of_its_accesses(
    accounts: Accounts, deployer: Callable[[str], Any]
) -> None:
    bucket = accounts.bucket("dev")
    with refused("AccessDenied", "s3:PutBucketLogging"):
        deployer("s3").put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    logging = accounts.client("s3", DEV).get_bucket_logging(Bucket=bucket)["LoggingEnabled"]
    assert logging["TargetBucket"].startswith("ecs-run-task-access-log-")


def test_the_read_role_sees_the_stage_and_none_of_its_content(
    accounts: Accounts, reader: Callable[[str], Any]
) -> None:
    outputs = accounts.engine.outputs("dev")
    bucket = accounts.bucket("dev")
    assert reader("lambda").get_function(FunctionName=STAGE)["Configuration"]["CodeSha256"]
    assert reader("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert reader("kms").describe_key(KeyId=outputs["kmsKeyArn"])["KeyMetadata"]["Enabled"]
    attempts: dict[str, Callable[[], object]] = {
        "sqs:ReceiveMessage": lambda: reader("sqs").receive_message(
            QueueUrl=outputs["deadLetterQueueUrl"]
        ),
        "dynamodb:Scan": lambda: reader("dynamodb").scan(TableName=outputs["ledgerTable"]),
        "logs:FilterLogEvents": lambda: reader("logs").filter_log_events(
            logGroupName=outputs["logGroup"]
        ),
        "sqs:SendMessage": lambda: reader("sqs").send_message(
            QueueUrl=outputs["queueUrl"], MessageBody="{}"
        ),
        "s3:PutObject": lambda: reader("s3").put_object(Bucket=bucket, Key="builds/x", Body=b""),
        "iam:CreateRole": lambda: reader("iam").create_role(
            RoleName="mine", AssumeRolePolicyDocument="{}"
        ),
    }
    for action, attempt in attempts.items():
        with refused("AccessDenied", f"(?i:{action})"):
            attempt()
