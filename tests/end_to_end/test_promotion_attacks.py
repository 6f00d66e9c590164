"""Who may deploy to dev does not decide what runs in prod, and is not shown to prod's operators."""

from __future__ import annotations

import functools
import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from infra import artifact_source
from infra.artifact_keys import ARTIFACTS, BUILDS, artifact_object_key, manifest_object_key
from infra.bundle import build_bundle
from infra.manifest import Manifest, describe
from runtask.promotion.promote import DriftError, Outcome, PromotionError
from runtask.promotion.rebuild import Checkout
from runtask.promotion.store import StoreError
from tests.checkouts import change, commit, git, make_checkout
from tests.end_to_end.accounts import DEV, PROD, Accounts, two_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FORGED_TITLE = "\x1b]0;approved\x07"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """Main's checkout, from which prod is deployed, and a clone, from which dev is deployed.

    Attributes:
        checkout: The folder of main's checkout.
        branch: The folder of the clone; its code is changed, and the change is not committed.
    """

    checkout: Path
    branch: Path


@contextmanager
def attacked(folder: Path) -> Iterator[tuple[Accounts, Repository]]:
    """Deploy dev from a branch."""
    repository = Repository(checkout=make_checkout(folder / "main"), branch=folder / "branch")
    git(folder, "clone", "--quiet", str(repository.checkout), str(repository.branch))
    change(repository.branch, text="EXFILTRATE = True\n")
    with pytest.MonkeyPatch.context() as monkeypatch:
        for build in (build_bundle, describe):
            built = functools.partial(build, root=repository.branch)
            monkeypatch.setattr(artifact_source, build.__name__, built)
        with two_accounts("dev-bootstrap", "prod-bootstrap", "dev") as running:
            running.rebuilder = Checkout(folder=repository.checkout)
            digest = build_bundle(repository.branch).digest
            assert running.stage_state("dev").running == digest
            yield running, repository


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Accounts, Repository]]:
    """Return the accounts of all tests in which nothing is promoted: a deployment takes seconds."""
    with attacked(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def promotes_nothing(shared: tuple[Accounts, Repository]) -> Iterator[None]:
    """Let a test use the shared accounts; it fails if anything was copied."""
    accounts, _ = shared
    accounts.said.clear()
    key = manifest_object_key(BUILDS, accounts.stage_state("dev").running)
    before = accounts.read("dev", DEV, key)
    yield
    accounts.write("dev", DEV, key, before)
    assert accounts.keys("prod", PROD) == set()


@pytest.fixture
def running(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Accounts, Repository]]:
    """Return the accounts and the repository that a test attacks."""
    if "promotes_nothing" in request.fixturenames:
        yield request.getfixturevalue("shared")
        return
    with attacked(tmp_path) as its_own:
        yield its_own


@pytest.fixture
def accounts(running: tuple[Accounts, Repository]) -> Accounts:
    return running[0]


@pytest.fixture
def checkout(running: tuple[Accounts, Repository]) -> Path:
    return running[1].checkout


@pytest.fixture
def branch(running: tuple[Accounts, Repository]) -> Path:
    return running[1].branch


def forge(accounts: Accounts, **fields: Any) -> str:
    """Change fields of the manifest of what dev runs, and return that artifact's digest."""
    dev = accounts.stage_state("dev")
    manifest = dev.manifest()
    assert manifest is not None
    text = json.dumps(json.loads(manifest.as_json()) | fields)
    accounts.write("dev", DEV, manifest_object_key(BUILDS, dev.running), text.encode())
    return dev.running


def refused(accounts: Accounts, error: type[Exception], match: str, *, digest: str = "") -> str:
    """Promote, expect a refusal that leaves prod alone, and return its text."""
    before = accounts.file("prod")
    with pytest.raises(error, match=match) as caught:
        accounts.promote(allow_dirty=False, digest=digest)
    assert accounts.file("prod") == before
    assert accounts.keys("prod", PROD) == set()
    assert accounts.stage_state("prod").running == ""
    assert accounts.questions == []
    return str(caught.value)


# Not with the shared accounts: without the rebuild it promotes, and the others would fail as well.
def test_changed_code_does_not_arrive_in_prod_as_the_commit_of_main(
    accounts: Accounts, checkout: Path
) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    running = forge(accounts, commit=head, dirty=False)
    refused(
        accounts,
        PromotionError,
        f"artifact {running} of stage dev is not what its manifest says: commit {head} builds "
        f"{build_bundle(checkout).digest};",
    )


def test_the_code_of_a_branch_does_not_arrive_in_prod_before_it_is_merged(
    accounts: Accounts, branch: Path, checkout: Path
) -> None:
    changed = commit(branch, "changed")
    accounts.engine.up("dev")
    git(checkout, "fetch", "--quiet", str(branch), "HEAD")
    refused(accounts, PromotionError, f"of stage dev: commit {changed} is not in the history of")
    git(checkout, "merge", "--quiet", "--ff-only", "FETCH_HEAD")
    assert accounts.promote(allow_dirty=False) is Outcome.DEPLOYED
    last = accounts.stage_state("prod").last_promotion()
    assert last is not None
    assert (last.commit, last.verification) == (changed, "rebuilt")


@pytest.mark.usefixtures("promotes_nothing")
def test_what_dev_runs_by_the_time_of_an_approval_is_not_what_was_approved(
    accounts: Accounts,
) -> None:
    approved = "a" * 64
    running = accounts.stage_state("dev").running
    refused(
        accounts,
        DriftError,
        f"stage dev now runs {running}; expected {approved}, which was asked for",
        digest=approved,
    )


@pytest.mark.usefixtures("promotes_nothing")
@pytest.mark.parametrize("digest", ["b" * 64, "../promotions/prod/99991231T000000.000000Z"])
def test_a_manifest_of_another_artifact_chooses_no_key_in_prods_bucket(
    accounts: Accounts, checkout: Path, digest: str
) -> None:
    forge(accounts, digest=digest, commit=git(checkout, "rev-parse", "HEAD"), dirty=False)
    refused(accounts, StoreError, r"builds/[0-9a-f]{64}\.json in bucket .*: digest: expected ")


@pytest.mark.usefixtures("promotes_nothing")
@pytest.mark.parametrize("field", ["commit", "time", "digest", FORGED_TITLE])
def test_no_escape_of_a_manifest_reaches_a_terminal(accounts: Accounts, field: str) -> None:
    forge(accounts, **{"commit": "c" * 40, "dirty": False, field: FORGED_TITLE})
    text = refused(accounts, StoreError, r"builds/[0-9a-f]{64}\.json in bucket ")
    assert "\\u001b]0;approved\\u0007" in text
    assert not any(character < " " for line in (text, *accounts.said) for character in line)


def as_deployer(accounts: Accounts) -> Any:
    """Return an S3 client with prod's deploy role."""
    return accounts.stage_state("prod").store._s3


def encrypted(accounts: Accounts) -> dict[str, str]:
    key = accounts.engine.outputs("prod-bootstrap")["artifactKmsKeyArn"]
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}


def code(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def test_neither_an_artifact_nor_a_record_is_written_a_second_time(
    accounts: Accounts, branch: Path, checkout: Path
) -> None:
    changed = commit(branch, "changed")
    accounts.engine.up("dev")
    git(checkout, "pull", "--quiet", "--ff-only", str(branch), "HEAD")
    accounts.promote(allow_dirty=False)
    prod = accounts.stage_state("prod")
    bucket, s3 = prod.store.bucket, as_deployer(accounts)
    keys = sorted(accounts.keys("prod", PROD))
    assert keys[:2] == [
        manifest_object_key(ARTIFACTS, prod.running),
        artifact_object_key(ARTIFACTS, prod.running),
    ]
    assert [key.startswith("promotions/prod/") for key in keys] == [False, False, True]
    for key in keys:
        put = functools.partial(
            s3.put_object, Bucket=bucket, Key=key, Body=b"{}", **encrypted(accounts)
        )
        assert code(put) == "AccessDenied"
        assert code(functools.partial(put, IfNoneMatch="*")) == "PreconditionFailed"
        assert code(functools.partial(s3.delete_object, Bucket=bucket, Key=key)) == "AccessDenied"
    last = accounts.stage_state("prod").last_promotion()
    assert last is not None
    assert last.commit == changed


def test_a_key_that_is_taken_by_other_bytes_stops_a_promotion(
    accounts: Accounts, branch: Path, checkout: Path
) -> None:
    commit(branch, "changed")
    accounts.engine.up("dev")
    git(checkout, "pull", "--quiet", "--ff-only", str(branch), "HEAD")
    running = accounts.stage_state("dev").running
    key = artifact_object_key(ARTIFACTS, running)
    as_deployer(accounts).put_object(
        Bucket=accounts.bucket("prod"),
        Key=key,
        Body=b"other",
        IfNoneMatch="*",
        **encrypted(accounts),
    )
    with pytest.raises(StoreError, match=f"artifact {running} in bucket .* is damaged.*delete"):
        accounts.promote(allow_dirty=False)
    assert accounts.stage_state("prod").running == ""


def test_a_manifest_that_was_written_first_is_not_replaced(accounts: Accounts) -> None:
    prod = accounts.stage_state("prod").store
    manifest = Manifest(digest="d" * 64, commit="", dirty=True, time="", dependencies={})
    assert prod.put_manifest(manifest) is True
    assert prod.put_manifest(manifest) is True
    other = Manifest(digest="d" * 64, commit="c" * 40, dirty=True, time="", dependencies={})
    assert prod.put_manifest(other) is False
    assert prod.manifest("d" * 64) == manifest
