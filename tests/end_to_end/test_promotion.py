"""A promotion copies the very same bytes, refuses what is wrong, and can be resumed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from infra.bundle import artifact_object_key, build_bundle
from infra.manifest import Manifest, manifest_object_key
from rehearsal.engine import EmulatorSessions
from rehearsal.fault_injection import InjectedFault
from runtask.errors import AccountError, RuntaskError, UsageError
from runtask.promotion.promote import (
    DriftError,
    PromotionError,
    plan_promotion,
    plan_rollback,
    preview,
    promote,
)
from runtask.promotion.state import overview
from runtask.promotion.store import StoreError
from tests.end_to_end.accounts import DEV, PROD, REGION, Accounts, two_accounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    import boto3

    from infra.names import Location


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with two_accounts("dev-bootstrap", "prod-bootstrap", "dev") as running:
        yield running


def digest() -> str:
    return build_bundle().digest


def test_the_same_bytes_run_in_both_accounts(accounts: Accounts) -> None:
    assert accounts.promote() is True
    prod = accounts.stage_state("prod")
    assert (
        prod.running
        == prod.deployed
        == prod.pinned
        == accounts.stage_state("dev").running
        == digest()
    )
    assert prod.store.artifact(digest()) == build_bundle().content
    last = prod.last_promotion()
    assert last is not None
    assert (last.digest, last.source, last.previous) == (digest(), "dev", "")
    assert f"assumed-role/ecs-run-task-deploy-{REGION}" in last.by


def test_the_question_names_account_region_and_stack(accounts: Accounts) -> None:
    accounts.promote()
    (question,) = accounts.questions
    assert f"stack prod in account {PROD}, region {REGION}" in question
    assert digest()[:12] in question


def test_a_no_leaves_the_stage_as_it_was(accounts: Accounts) -> None:
    before = accounts.file("prod")
    accounts.answer = False
    assert accounts.promote() is False
    assert accounts.file("prod") == before
    assert accounts.stage_state("prod").running == ""


def test_the_pin_is_all_that_changes_in_the_file(accounts: Accounts) -> None:
    before = accounts.file("prod").splitlines()
    accounts.promote()
    after = accounts.file("prod").splitlines()
    assert [line for line in after if line not in before] == [
        f"  ecs-run-task:artifact: {digest()}"
    ]
    assert [line for line in after if line in before] == before


def test_a_dry_run_changes_nothing(accounts: Accounts) -> None:
    before = accounts.file("prod")
    context = accounts.context()
    preview(plan_promotion("dev", "prod", context, allow_dirty=True), context)
    assert accounts.file("prod") == before
    assert accounts.keys("prod", PROD) == set()
    assert any("nothing -> " in line for line in accounts.said)


def test_a_second_promotion_of_the_same_has_nothing_to_ask(accounts: Accounts) -> None:
    accounts.promote()
    accounts.questions.clear()
    assert accounts.promote() is True
    assert accounts.questions == []


def test_a_flipped_byte_is_found_before_anything_is_pinned(accounts: Accounts) -> None:
    key = artifact_object_key(digest())
    s3 = accounts.client("s3", DEV)
    content = bytearray(s3.get_object(Bucket=accounts.bucket("dev"), Key=key)["Body"].read())
    content[1000] ^= 1
    s3.put_object(
        Bucket=accounts.bucket("dev"),
        Key=key,
        Body=bytes(content),
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=accounts.engine.outputs("dev-bootstrap")["artifactKmsKeyArn"],
    )
    before = accounts.file("prod")
    with pytest.raises(StoreError, match=f"artifact {digest()} in bucket .* is damaged"):
        accounts.promote()
    assert accounts.file("prod") == before
    assert accounts.keys("prod", PROD) == set()


def test_a_function_changed_by_hand_is_not_promoted(accounts: Accounts) -> None:
    functions = accounts.client("lambda", DEV)
    by_hand = functions.update_function_code(
        FunctionName="ecs-run-task-dev", ZipFile=b"PK\x05\x06" + bytes(18), Publish=True
    )
    functions.update_alias(
        FunctionName="ecs-run-task-dev", Name="live", FunctionVersion=by_hand["Version"]
    )
    with pytest.raises(DriftError, match=r"stage dev has drifted.*pulumi up --refresh -s dev"):
        accounts.promote()
    one = overview(accounts.project, "dev", accounts.engine, accounts.context().sessions)
    assert one.drift.startswith("its function runs")


def test_an_account_without_bootstrap_is_told_what_to_run() -> None:
    with (
        two_accounts("dev-bootstrap", "dev") as accounts,
        pytest.raises(
            RuntaskError,
            match=rf"no bootstrap stack prod-bootstrap.*account {PROD}.*pulumi up -s prod-boot",
        ),
    ):
        accounts.promote()


class WrongSessions(EmulatorSessions):
    """Credentials of the dev account, whichever is asked for, and no role to assume."""

    def own(self, stage: str, location: Location) -> boto3.Session:
        del stage
        return self.emulator.session(DEV, location.region)


def test_wrong_credentials_touch_nothing_and_name_both_accounts(accounts: Accounts) -> None:
    file = accounts.project.stack_file("prod")
    text = accounts.file("prod")
    roles = text.index("  aws:assumeRoles:")
    file.write_text(text[:roles] + text[text.index("  aws:defaultTags:") :], encoding="utf-8")
    with pytest.raises(AccountError) as error:
        plan_promotion(
            "dev",
            "prod",
            accounts.context(WrongSessions(emulator=accounts.emulator)),
            allow_dirty=True,
        )
    assert f"in account {PROD}, and the credentials are of account {DEV}" in str(error.value)
    assert accounts.keys("prod", PROD) == set()


def test_a_role_that_cannot_be_assumed_is_told_with_its_stack(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match=rf"stage prod in account {PROD}.*pulumi up -s prod-boo"):
        plan_promotion(
            "dev",
            "prod",
            accounts.context(WrongSessions(emulator=accounts.emulator)),
            allow_dirty=True,
        )


def test_an_interrupted_copy_is_finished_by_the_next_run(accounts: Accounts) -> None:
    before = accounts.file("prod")
    accounts.emulator.inject(
        InjectedFault(service="s3", action="PutObject", account=PROD, drop=True)
    )
    with pytest.raises(StoreError, match="cannot write artifacts/"):
        accounts.promote()
    assert accounts.file("prod") == before
    accounts.emulator.clear_faults()
    assert accounts.promote() is True
    assert accounts.stage_state("prod").running == digest()


def test_an_interrupted_deployment_is_finished_by_the_next_run(accounts: Accounts) -> None:
    accounts.emulator.inject(
        InjectedFault(
            service="lambda",
            action="CreateFunction",
            account=PROD,
            error="ServiceException",
            message="interrupted",
            status=500,
        )
    )
    with pytest.raises(RuntaskError, match="interrupted"):
        accounts.promote()
    assert f"ecs-run-task:artifact: {digest()}" in accounts.file("prod")
    assert accounts.stage_state("prod").running == ""
    accounts.emulator.clear_faults()
    assert accounts.promote() is True
    assert accounts.stage_state("prod").running == digest()


def test_what_was_built_from_no_commit_needs_a_word(accounts: Accounts) -> None:
    manifest = accounts.stage_state("dev").manifest()
    assert manifest is not None
    dirty = Manifest.from_json(json.dumps(json.loads(manifest.as_json()) | {"dirty": True}))
    accounts.stage_state("dev").store.put_manifest(dirty)
    with pytest.raises(PromotionError, match=r"uncommitted changes.*--allow-dirty"):
        accounts.promote(allow_dirty=False)
    assert accounts.promote(allow_dirty=True) is True


def test_an_artifact_without_a_manifest_is_not_promoted(accounts: Accounts) -> None:
    accounts.client("s3", DEV).delete_object(
        Bucket=accounts.bucket("dev"), Key=manifest_object_key(digest())
    )
    with pytest.raises(PromotionError, match="has no manifest"):
        accounts.promote()


def test_a_stage_goes_back_to_an_earlier_artifact(accounts: Accounts) -> None:
    accounts.promote()
    prod = accounts.stage_state("prod")
    manifest = prod.manifest()
    assert manifest is not None
    # An artifact that prod ran before: any other bytes that are a zip.
    earlier = b"PK\x05\x06" + bytes(18)
    name = hashlib.sha256(earlier).hexdigest()
    prod.store.put_artifact(name, earlier)
    prod.store.put_manifest(
        Manifest.from_json(
            json.dumps(json.loads(manifest.as_json()) | {"digest": name, "dirty": False})
        )
    )
    context = accounts.context()
    assert promote(plan_rollback(name, "prod", context, allow_dirty=False), context) is True
    back = accounts.stage_state("prod")
    assert back.running == back.pinned == name
    last = back.last_promotion()
    assert last is not None
    assert last.previous == digest()


def test_an_unknown_artifact_cannot_be_gone_back_to(accounts: Accounts) -> None:
    with pytest.raises(PromotionError, match=f"account {PROD} has no artifact {'0' * 64}"):
        plan_rollback("0" * 64, "prod", accounts.context(), allow_dirty=False)


def test_a_stage_is_not_promoted_to_itself(accounts: Accounts) -> None:
    with pytest.raises(UsageError, match="cannot be promoted to itself"):
        plan_promotion("dev", "dev", accounts.context(), allow_dirty=False)


def test_a_stage_that_runs_nothing_is_told_what_to_run(accounts: Accounts) -> None:
    with pytest.raises(PromotionError, match=r"stage prod runs nothing yet.*pulumi up -s prod"):
        plan_promotion("prod", "dev", accounts.context(), allow_dirty=False)


def test_all_stages_are_seen_though_one_cannot_be_looked_at(accounts: Accounts) -> None:
    accounts.project.stack_file("prod").write_text(
        accounts.file("prod").replace("role/ecs-run-task-deploy", "role/nobody"), encoding="utf-8"
    )
    dev, prod = (
        overview(accounts.project, stage, accounts.engine, accounts.context().sessions)
        for stage in ("dev", "prod")
    )
    assert (dev.running, dev.pinned, dev.drift) == (digest(), "build", "")
    assert prod.drift.startswith("unknown: cannot assume the deploy role of stage prod")
