"""A promotion copies the very same bytes, refuses what is wrong, and can be resumed."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from infra import artifact_source
from infra.artifact_keys import (
    ARTIFACTS,
    BUILDS,
    artifact_object_key,
    manifest_object_key,
)
from infra.bundle import build_bundle
from infra.manifest import describe
from rehearsal.engine import EmulatorSessions
from rehearsal.fault_injection import InjectedFault
from runtask.errors import AccountError, RuntaskError, UsageError
from runtask.promotion.promote import (
    DriftError,
    Outcome,
    PromotionError,
    plan_promotion,
    plan_rollback,
    preview,
    promote,
)
from runtask.promotion.rebuild import Checkout
from runtask.promotion.state import StageState, load_stage_state, overview
from runtask.promotion.store import StoreError
from tests.checkouts import change, commit, make_checkout
from tests.end_to_end.accounts import DEV, PROD, REGION, Accounts, two_accounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import boto3

    from infra.names import Location
    from runtask.engine import Engine


@pytest.fixture(scope="module")
def shared() -> Iterator[Accounts]:
    with two_accounts("dev-bootstrap", "prod-bootstrap", "dev") as running:
        yield running


@pytest.fixture
def promotes_nothing(shared: Accounts) -> Iterator[None]:
    """Let a test use the accounts that others use, too; it fails if anything was copied."""
    folder = shared.project.folder
    files = {path: path.read_text(encoding="utf-8") for path in folder.glob("Pulumi*.yaml")}
    artifacts = shared.keys("dev", DEV)
    shared.said.clear()
    yield
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    assert (shared.keys("dev", DEV), shared.keys("prod", PROD)) == (artifacts, set())
    assert shared.engine.outputs("prod") == {}


@pytest.fixture
def accounts(request: pytest.FixtureRequest) -> Iterator[Accounts]:
    if "promotes_nothing" in request.fixturenames:  # a deployment takes seconds
        yield request.getfixturevalue("shared")
        return
    with two_accounts("dev-bootstrap", "prod-bootstrap", "dev") as running:
        yield running


def digest() -> str:
    return build_bundle().digest


def test_the_same_bytes_run_in_both_accounts(accounts: Accounts) -> None:
    assert accounts.promote() is Outcome.DEPLOYED
    prod = accounts.stage_state("prod")
    assert (
        prod.running
        == prod.deployed
        == prod.pinned
        == accounts.stage_state("dev").running
        == digest()
    )
    assert prod.store.artifact(ARTIFACTS, digest()) == build_bundle().content
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
    assert accounts.promote() is Outcome.DECLINED
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


@pytest.mark.usefixtures("promotes_nothing")
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
    assert accounts.promote() is Outcome.UNCHANGED
    assert accounts.questions == []


def function_variables(accounts: Accounts) -> dict[str, str]:
    """Return the environment of the code that prod's alias points to."""
    functions = accounts.client("lambda", PROD)
    answer = functions.get_function_configuration(
        FunctionName="ecs-run-task-prod", Qualifier="live"
    )
    return dict(answer["Environment"]["Variables"])


def test_a_changed_configuration_reaches_prod_with_the_same_artifact(accounts: Accounts) -> None:
    accounts.promote()
    accounts.questions.clear()
    accounts.configure("prod", "ecs-run-task:runTaskRate: 7")
    assert function_variables(accounts)["RUN_TASK_RATE"] != "7"
    assert accounts.promote() is Outcome.DEPLOYED
    assert function_variables(accounts)["RUN_TASK_RATE"] == "7"
    (question,) = accounts.questions
    assert f"{digest()[:12]} stays, only its configuration changes" in question
    prod = accounts.stage_state("prod")
    last = prod.last_promotion()
    assert last is not None
    assert (last.change, last.digest, last.previous) == ("configuration", digest(), "")
    assert prod.drift == ""
    one = overview(accounts.project, "prod", accounts.engine, accounts.context().sessions)
    assert one.promoted.endswith(" from dev, configuration only")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Build artifacts from a git checkout of their sources, and return its folder."""
    folder = make_checkout(tmp_path / "checkout")
    for build in (build_bundle, describe):
        built = functools.partial(build, root=folder)
        monkeypatch.setattr(artifact_source, build.__name__, built)
    return folder


def test_an_artifact_that_is_committed_after_its_deployment_is_promoted(checkout: Path) -> None:
    change(checkout)
    with two_accounts("dev-bootstrap", "prod-bootstrap", "dev") as accounts:
        accounts.rebuilder = Checkout(folder=checkout)
        running = accounts.stage_state("dev").running
        assert running == build_bundle(checkout).digest != digest()
        with pytest.raises(PromotionError, match=r"uncommitted changes.*pulumi up -s dev"):
            accounts.promote(allow_dirty=False)
        commit(checkout, "changed")
        accounts.engine.up("dev")
        assert accounts.promote(allow_dirty=False) is Outcome.DEPLOYED
        assert (
            accounts.stage_state("prod").running == accounts.stage_state("dev").running == running
        )
        manifest = accounts.stage_state("prod").manifest()
        assert manifest is not None
        assert manifest.dirty is False
        # An unrelated commit leaves the manifest as it is.
        (checkout / "README.md").write_text("unrelated", encoding="utf-8")
        commit(checkout, "unrelated")
        accounts.engine.up("dev")
        assert accounts.stage_state("dev").manifest() == manifest
        assert accounts.promote(allow_dirty=False) is Outcome.UNCHANGED


def test_what_was_promoted_unverified_is_verified_once_it_is_committed(checkout: Path) -> None:
    change(checkout)
    with two_accounts("dev-bootstrap", "prod-bootstrap", "dev") as accounts:
        accounts.rebuilder = Checkout(folder=checkout)
        assert accounts.promote(allow_dirty=True) is Outcome.DEPLOYED
        running = accounts.stage_state("dev").running
        (question,) = accounts.questions
        assert "NOT VERIFIED: built from uncommitted changes" in question
        assert any(line.startswith(f"artifact {running} is NOT VERIFIED") for line in accounts.said)
        last = accounts.stage_state("prod").last_promotion()
        assert last is not None
        assert (last.verification, last.verified) == ("none", False)
        one = overview(accounts.project, "prod", accounts.engine, accounts.context().sessions)
        assert one.promoted.endswith(" from dev, not verified")
        merged = commit(checkout, "changed")
        accounts.engine.up("dev")
        assert accounts.promote(allow_dirty=False) is Outcome.UNCHANGED
        last = accounts.stage_state("prod").last_promotion()
        assert last is not None
        assert (last.verification, last.change, last.previous) == ("rebuilt", "artifact", "")
        one = overview(accounts.project, "prod", accounts.engine, accounts.context().sessions)
        assert (one.running, one.commit) == (running, merged)
        assert any("stays as it was first written" in line for line in accounts.said)


def test_a_flipped_byte_is_found_before_anything_is_pinned(accounts: Accounts) -> None:
    content = bytearray(build_bundle().content)
    content[1000] ^= 1
    accounts.write("dev", DEV, artifact_object_key(BUILDS, digest()), bytes(content))
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


@pytest.mark.usefixtures("promotes_nothing")
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


@pytest.mark.usefixtures("promotes_nothing")
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
    assert accounts.promote() is Outcome.DEPLOYED
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
    assert accounts.promote() is Outcome.DEPLOYED
    assert accounts.stage_state("prod").running == digest()


def test_what_was_built_from_no_commit_needs_a_word(accounts: Accounts) -> None:
    manifest = accounts.stage_state("dev").manifest()
    assert manifest is not None
    dirty = replace(manifest, dirty=True).as_json().encode()
    accounts.write("dev", DEV, manifest_object_key(BUILDS, digest()), dirty)
    with pytest.raises(PromotionError, match=r"uncommitted changes.*--allow-dirty"):
        accounts.promote(allow_dirty=False)
    assert accounts.promote(allow_dirty=True) is Outcome.DEPLOYED


def test_an_artifact_without_a_manifest_is_not_promoted(accounts: Accounts) -> None:
    accounts.client("s3", DEV).delete_object(
        Bucket=accounts.bucket("dev"), Key=manifest_object_key(BUILDS, digest())
    )
    with pytest.raises(PromotionError, match="has no manifest"):
        accounts.promote()


def earlier_artifact(prod: StageState) -> str:
    """Write an artifact that prod could have run before: any other bytes that are a zip."""
    manifest = prod.manifest()
    assert manifest is not None
    earlier = b"PK\x05\x06" + bytes(18)
    name = hashlib.sha256(earlier).hexdigest()
    prod.store.put_artifact(name, earlier)
    prod.store.put_manifest(replace(manifest, digest=name, dirty=False, commit="c" * 40))
    return name


def roll_back(accounts: Accounts, name: str, stage: str = "prod") -> Outcome:
    context = accounts.context()
    return promote(plan_rollback(name, stage, context, allow_dirty=False), context)


def test_a_stage_goes_back_to_an_earlier_artifact(accounts: Accounts) -> None:
    accounts.promote()
    prod = accounts.stage_state("prod")
    name = earlier_artifact(prod)
    last = prod.last_promotion()
    assert last is not None
    for ran, time in ((name, 1), (digest(), 2)):
        record = replace(last, digest=ran, commit="a" * 40, verification="rebuilt")
        prod.store.record_promotion("prod", record, datetime.fromtimestamp(time, UTC))
    assert roll_back(accounts, name) is Outcome.DEPLOYED
    back = accounts.stage_state("prod")
    assert back.running == back.pinned == name
    last = back.last_promotion()
    assert last is not None
    assert (last.previous, last.verification, last.commit) == (digest(), "recorded", "a" * 40)
    assert any("was verified when stage prod ran it" in line for line in accounts.said)


def test_an_artifact_without_a_record_is_rebuilt_before_a_stage_goes_back_to_it(
    accounts: Accounts,
) -> None:
    accounts.promote()
    name = earlier_artifact(accounts.stage_state("prod"))
    with pytest.raises(
        PromotionError, match=f"{name} of stage prod is not what its manifest says: .* {digest()};"
    ):
        roll_back(accounts, name)
    assert accounts.stage_state("prod").running == digest()


def test_a_record_of_what_was_not_verified_does_not_verify_it(accounts: Accounts) -> None:
    accounts.promote()
    prod = accounts.stage_state("prod")
    name = earlier_artifact(prod)
    last = prod.last_promotion()
    assert last is not None
    record = replace(last, digest=name, verification="none")
    prod.store.record_promotion("prod", record, datetime.fromtimestamp(1, UTC))
    with pytest.raises(PromotionError, match=f"{name} of stage prod is not what its manifest says"):
        roll_back(accounts, name)


@dataclass
class WithoutDeployment:
    """An engine that deploys nothing, where the stage runs already what it is to run."""

    engine: Engine

    def outputs(self, stack: str) -> Mapping[str, Any]:
        return self.engine.outputs(stack)

    def preview(self, stack: str) -> bool:
        return bool(stack)

    def up(self, stack: str) -> None:
        pass


def test_what_a_stage_built_is_deployed_again_from_where_promotions_are(
    accounts: Accounts,
) -> None:
    manifest = accounts.stage_state("dev").manifest()
    assert manifest is not None
    clean = replace(manifest, dirty=False, commit="c" * 40).as_json().encode()
    accounts.write("dev", DEV, manifest_object_key(BUILDS, digest()), clean)
    # The in-process engine cannot take the version of the built object away from the function.
    context = replace(accounts.context(), engine=WithoutDeployment(accounts.engine))
    plan = plan_rollback(digest(), "dev", context, allow_dirty=False)
    assert promote(plan, context) is Outcome.DEPLOYED
    assert accounts.stage_state("dev").pinned == digest()
    assert artifact_object_key(ARTIFACTS, digest()) in accounts.keys("dev", DEV)


@pytest.mark.usefixtures("promotes_nothing")
def test_an_unknown_artifact_cannot_be_gone_back_to(accounts: Accounts) -> None:
    with pytest.raises(PromotionError, match=f"account {PROD} has no artifact {'0' * 64}"):
        plan_rollback("0" * 64, "prod", accounts.context(), allow_dirty=False)


@pytest.mark.usefixtures("promotes_nothing")
def test_a_stage_is_not_promoted_to_itself(accounts: Accounts) -> None:
    with pytest.raises(UsageError, match="cannot be promoted to itself"):
        plan_promotion("dev", "dev", accounts.context(), allow_dirty=False)


@pytest.mark.usefixtures("promotes_nothing")
def test_a_stage_that_runs_nothing_is_told_what_to_run(accounts: Accounts) -> None:
    with pytest.raises(PromotionError, match=r"stage prod runs nothing yet.*pulumi up -s prod"):
        plan_promotion("prod", "dev", accounts.context(), allow_dirty=False)


@pytest.mark.usefixtures("promotes_nothing")
def test_all_stages_are_seen_though_one_cannot_be_looked_at(accounts: Accounts) -> None:
    accounts.project.stack_file("prod").write_text(
        accounts.file("prod").replace("- roleArn: arn", "- externalId: x\n      roleArn: arn"),
        encoding="utf-8",
    )
    dev, prod = (
        overview(accounts.project, stage, accounts.engine, accounts.context().sessions)
        for stage in ("dev", "prod")
    )
    assert (dev.running, dev.pinned) == (digest(), "build")
    # The engine of these tests adds the sample account to what the files say.
    assert (
        "was deployed with other options than Pulumi.dev.yaml has (PYTHON_LITERALS, " in dev.drift
    )
    assert dev.drift.endswith("to deploy them, run: pulumi up -s dev")
    assert prod.drift.startswith("unknown: cannot assume the read role of stage prod")


def test_stages_are_read_as_the_read_role(accounts: Accounts) -> None:
    sessions = accounts.context().sessions
    state = load_stage_state(accounts.project, "dev", accounts.engine, sessions, read_only=True)
    assert f":assumed-role/ecs-run-task-read-{REGION}/" in state.role.identity
    assert state.running == digest()


def test_an_account_without_a_read_role_is_told_which_stack_to_deploy(accounts: Accounts) -> None:
    name = f"{accounts.project.name}/dev-bootstrap"
    outputs = dict(accounts.engine.state.outputs[name])
    del outputs["readRoleArn"]
    accounts.engine.state.outputs[name] = outputs
    with pytest.raises(
        RuntaskError,
        match=rf"stack dev-bootstrap has no read role yet; as administrator of account {DEV} run: "
        "pulumi up -s dev-bootstrap",
    ):
        accounts.promote()
