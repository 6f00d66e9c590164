"""Who may use and change a KMS key. No evidence about AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from rehearsal.fault_injection import FaultyEmulator
from tests.end_to_end.ecs_calls import ACCOUNT, REGION, function_zip, refused, statement

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLER: Final = f"arn:aws:iam::{ACCOUNT}:role/caller"
ROOT: Final = f"arn:aws:iam::{ACCOUNT}:root"
LOCKED_OUT: Final = "MalformedPolicyDocumentException"


@pytest.fixture(scope="module")
def emulator() -> Iterator[FaultyEmulator]:
    with FaultyEmulator.start() as running:
        yield running


def key_policy(*actions: str, principal: str = CALLER) -> str:
    allow = {**statement(*actions), "Principal": {"AWS": principal}}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


@pytest.fixture
def kms(emulator: FaultyEmulator) -> Any:
    return emulator.client("kms", ACCOUNT, REGION)


def test_a_key_policy_that_names_the_role_is_enough(kms: Any, as_role: Any) -> None:
    client = as_role("kms", statement("kms:CreateKey"))
    key = client.create_key(Policy=key_policy("kms:PutKeyPolicy", "kms:DescribeKey"))
    key_id = key["KeyMetadata"]["KeyId"]

    assert client.describe_key(KeyId=key_id)
    with refused("AccessDenied", "kms:EnableKeyRotation"):
        client.enable_key_rotation(KeyId=key_id)
    # A policy that names the account leaves it to the role's own policies.
    both = {**statement("kms:*"), "Principal": {"AWS": ROOT}}
    kms.put_key_policy(
        KeyId=key_id,
        PolicyName="default",
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [both]}),
    )
    with refused("AccessDenied", "kms:DescribeKey"):
        client.describe_key(KeyId=key_id)


def test_who_creates_a_key_must_be_able_to_change_its_policy(kms: Any, as_role: Any) -> None:
    client = as_role("kms", statement("kms:CreateKey"))
    before = len(kms.list_keys()["Keys"])

    with refused(LOCKED_OUT, "will not allow you to update the key policy"):
        client.create_key(Policy=key_policy("kms:*", principal=ROOT))
    with refused(LOCKED_OUT):
        client.create_key(Policy=key_policy("kms:DescribeKey"))
    assert len(kms.list_keys()["Keys"]) == before
    assert client.create_key(
        Policy=key_policy("kms:*", principal=ROOT), BypassPolicyLockoutSafetyCheck=True
    )
    more = as_role("kms", statement("kms:CreateKey", "kms:PutKeyPolicy"))
    assert more.create_key(Policy=key_policy("kms:*", principal=ROOT))


def test_who_changes_a_key_policy_must_be_able_to_do_it_again(kms: Any, as_role: Any) -> None:
    client = as_role("kms", statement("kms:CreateKey"))
    policy = key_policy("kms:PutKeyPolicy", "kms:GetKeyPolicy")
    key = client.create_key(Policy=policy)["KeyMetadata"]["KeyId"]

    with refused(LOCKED_OUT):
        client.put_key_policy(KeyId=key, PolicyName="default", Policy=key_policy("kms:Encrypt"))
    with refused(LOCKED_OUT):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)
    assert client.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == policy


def test_a_grant_that_the_caller_makes_is_not_for_a_service(kms: Any, as_role: Any) -> None:
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    grant = {"KeyId": key, "GranteePrincipal": CALLER, "Operations": ["Decrypt"]}
    service = statement("kms:CreateGrant", Bool={"kms:GrantIsForAWSResource": "true"})

    with refused("AccessDenied", "kms:CreateGrant"):
        as_role("kms", service).create_grant(**grant)
    assert as_role("kms", statement("kms:CreateGrant")).create_grant(**grant)


@pytest.mark.parametrize("missing", ["kms:CreateGrant", "kms:Encrypt"])
def test_the_key_of_a_function_is_granted_to_lambda(kms: Any, as_role: Any, missing: str) -> None:
    key = kms.create_key()["KeyMetadata"]["Arn"]
    via = {"kms:ViaService": f"lambda.{REGION}.amazonaws.com"}
    statements = {
        "kms:CreateGrant": statement(
            "kms:CreateGrant",
            resource=key,
            Bool={"kms:GrantIsForAWSResource": "true"},
            StringEquals=via,
        ),
        "kms:Encrypt": statement("kms:Encrypt", resource=key, StringEquals=via),
    }
    create = statement("lambda:*", "iam:PassRole")
    fewer = [one for action, one in statements.items() if action != missing]
    request = {
        "FunctionName": f"kit-{missing[-5:]}",
        "Role": CALLER,
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "Code": {"ZipFile": function_zip()},
    }

    with refused("AccessDenied", f"{missing} on resource: {key}"):
        as_role("lambda", create, *fewer).create_function(**request, KMSKeyArn=key)
    client = as_role("lambda", create, *statements.values())
    client.create_function(**request, KMSKeyArn=key)
    # An update that does not name the key is encrypted with it all the same.
    with refused("AccessDenied", missing):
        as_role("lambda", create, *fewer).update_function_configuration(
            FunctionName=request["FunctionName"], Timeout=9
        )
