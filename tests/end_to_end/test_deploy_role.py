"""The deploy role can do what a deployment needs, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.exceptions import ClientError

from infra.names import Location
from infra.policies.deploy_role import DeployGrants, deploy_policy
from rehearsal.emulator import Credentials
from runtask.errors import RuntaskError
from runtask.promotion.promote import Outcome
from tests.end_to_end.accounts import DEPLOY_ROLE, DEV, PROD, REGION, Accounts, two_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What a promotion does not need: a stage that builds its artifact writes it, and one that is taken
# away empties its payload bucket.
OF_OTHERS: Final = ("WriteBuilds", "EmptyPayloadBuckets")

# Every other statement that prod's deploy role has.
SIDS: Final = [
    statement["Sid"]
    for statement in deploy_policy(
        DeployGrants(
            location=Location(account=PROD, region=REGION),
            boundary_arn="boundary",
            artifact_bucket_arn="bucket",
            artifact_kms_key_arn="key",
            artifact_sources=(Location(account=DEV, region=REGION),),
        )
    )["Statement"]
    if statement["Sid"] not in OF_OTHERS
]


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with two_accounts("dev-bootstrap", "prod-bootstrap", "dev") as running:
        yield running


@pytest.fixture
def as_deployer(accounts: Accounts) -> Any:
    """Return what makes clients of prod's deploy role."""
    keys = accounts.client("sts", PROD).assume_role(
        RoleArn=f"arn:aws:iam::{PROD}:role/{DEPLOY_ROLE}", RoleSessionName="test"
    )["Credentials"]
    credentials = Credentials(
        access_key=keys["AccessKeyId"],
        secret_key=keys["SecretAccessKey"],
        token=keys["SessionToken"],
    )

    def client(service: str) -> Any:
        return accounts.emulator.client(service, PROD, REGION, credentials)

    return client


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def whole_stage(accounts: Accounts, name: str) -> str:
    """Add a stage with every kind of resource that a stage can have."""
    stage = accounts.new_stage(name)
    accounts.configure(stage, "ecs-run-task:payloads: true")
    accounts.configure(stage, "ecs-run-task:results: bus")
    return stage


def test_a_payload_bucket_is_emptied_with_its_stage_and_no_other_way(
    accounts: Accounts, as_deployer: Any
) -> None:
    stage = whole_stage(accounts, "emptied")
    accounts.promote(stage)
    bucket = accounts.engine.outputs(stage)["payloadBucket"]
    accounts.client("s3", PROD).put_object(Bucket=bucket, Key="payloads/k", Body=b"{}")
    with pytest.raises(ClientError) as error:
        as_deployer("s3").get_object(Bucket=bucket, Key="payloads/k")
    assert code(error) == "AccessDenied"
    accounts.configure(stage, "ecs-run-task:protect: false")
    accounts.engine.up(stage)
    name, document = accounts.deploy_policy(PROD)
    fewer = [one for one in document["Statement"] if one["Sid"] != "EmptyPayloadBuckets"]
    iam = accounts.client("iam", PROD)
    put = {"RoleName": DEPLOY_ROLE, "PolicyName": name}
    iam.put_role_policy(**put, PolicyDocument=json.dumps({**document, "Statement": fewer}))
    try:
        with pytest.raises(RuntaskError, match="not authorized"):
            accounts.engine.destroy(stage)
    finally:
        iam.put_role_policy(**put, PolicyDocument=json.dumps(document))
    accounts.engine.destroy(stage)
    buckets = accounts.client("s3", PROD).list_buckets()["Buckets"]
    assert bucket not in {one["Name"] for one in buckets}


def test_with_all_statements_a_stage_is_promoted_and_deployed(accounts: Accounts) -> None:
    accounts.empty_bucket("prod", PROD)
    assert accounts.promote(whole_stage(accounts, "whole")) is Outcome.DEPLOYED


@pytest.mark.parametrize("sid", SIDS)
def test_without_a_statement_the_promotion_fails(accounts: Accounts, sid: str) -> None:
    iam = accounts.client("iam", PROD)
    name, document = accounts.deploy_policy(PROD)
    fewer = [statement for statement in document["Statement"] if statement["Sid"] != sid]
    assert len(fewer) == len(document["Statement"]) - 1
    # What is there already would not have to be copied.
    accounts.empty_bucket("prod", PROD)
    iam.put_role_policy(
        RoleName=DEPLOY_ROLE,
        PolicyName=name,
        PolicyDocument=json.dumps({**document, "Statement": fewer}),
    )
    try:
        with pytest.raises(RuntaskError, match=r"not authorized|will not allow you to update"):
            accounts.promote(whole_stage(accounts, f"no-{sid.lower()[:16]}-one"))
    finally:
        iam.put_role_policy(
            RoleName=DEPLOY_ROLE, PolicyName=name, PolicyDocument=json.dumps(document)
        )


def test_a_role_without_the_boundary_cannot_be_made(as_deployer: Any) -> None:
    with pytest.raises(ClientError) as error:
        as_deployer("iam").create_role(
            Path="/ecs-run-task/",
            RoleName="ecs-run-task-mine",
            AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}',
        )
    assert code(error) == "AccessDenied"


def test_a_role_with_another_boundary_cannot_be_made(as_deployer: Any) -> None:
    with pytest.raises(ClientError) as error:
        as_deployer("iam").create_role(
            Path="/ecs-run-task/",
            RoleName="ecs-run-task-mine",
            AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}',
            PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess",
        )
    assert code(error) == "AccessDenied"


def test_the_deploy_role_cannot_give_itself_more(as_deployer: Any) -> None:
    with pytest.raises(ClientError) as error:
        as_deployer("iam").put_role_policy(
            RoleName=DEPLOY_ROLE, PolicyName="more", PolicyDocument="{}"
        )
    assert code(error) == "AccessDenied"


def test_a_bucket_without_the_prefix_is_out_of_reach(accounts: Accounts, as_deployer: Any) -> None:
    accounts.client("s3", PROD).create_bucket(
        Bucket="payroll", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    s3 = as_deployer("s3")
    calls: tuple[Callable[[], object], ...] = (
        lambda: s3.list_objects_v2(Bucket="payroll"),
        lambda: s3.put_object(Bucket="payroll", Key="k", Body=b""),
    )
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "AccessDenied"


def test_the_artifact_key_cannot_be_changed(accounts: Accounts, as_deployer: Any) -> None:
    key = accounts.engine.outputs("prod-bootstrap")["artifactKmsKeyArn"]
    kms = as_deployer("kms")
    calls: tuple[Callable[[], object], ...] = (
        lambda: kms.schedule_key_deletion(KeyId=key),
        lambda: kms.put_key_policy(KeyId=key, PolicyName="default", Policy="{}"),
    )
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "AccessDeniedException"


def test_a_queue_without_the_prefix_is_out_of_reach(as_deployer: Any) -> None:
    with pytest.raises(ClientError) as error:
        as_deployer("sqs").create_queue(QueueName="payroll")
    assert code(error) == "AccessDenied"


def test_the_other_accounts_function_is_out_of_reach(as_deployer: Any) -> None:
    with pytest.raises(ClientError) as error:
        as_deployer("lambda").get_function(
            FunctionName=f"arn:aws:lambda:{REGION}:{DEV}:function:ecs-run-task-dev"
        )
    assert code(error) == "AccessDeniedException"


def test_of_the_other_account_only_artifacts_are_read(accounts: Accounts, as_deployer: Any) -> None:
    dev = accounts.stage_state("dev")
    s3 = as_deployer("s3")
    bucket = accounts.bucket("dev")
    assert s3.get_object(Bucket=bucket, Key=f"builds/{dev.running}.zip")["Body"].read()
    accounts.client("s3", DEV).put_object(
        Bucket=bucket,
        Key="promotions/dev.json",
        Body=b"{}",
        IfNoneMatch="*",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=accounts.engine.outputs("dev-bootstrap")["artifactKmsKeyArn"],
    )
    calls: tuple[Callable[[], object], ...] = (
        lambda: s3.get_object(Bucket=bucket, Key="promotions/dev.json"),
        lambda: s3.list_objects_v2(Bucket=bucket),
        lambda: s3.put_object(Bucket=bucket, Key="artifacts/mine.zip", Body=b""),
        lambda: s3.put_object(Bucket=bucket, Key="builds/mine.zip", Body=b""),
    )
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "AccessDenied"
