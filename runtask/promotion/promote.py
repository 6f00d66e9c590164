"""The steps of a promotion and a rollback. Each can be repeated; a second run resumes the first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from infra.artifact_keys import BUILDS, manifest_object_key
from runtask.console import short_digest
from runtask.errors import RuntaskError, UsageError
from runtask.promotion import pin
from runtask.promotion.rebuild import RebuildError
from runtask.promotion.record import Change, Promotion, Verification
from runtask.promotion.state import StageState, load_stage_state, running_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.manifest import Manifest
    from runtask.account import Sessions
    from runtask.engine import Engine
    from runtask.project import Project
    from runtask.promotion.rebuild import Rebuilder
    from runtask.promotion.store import Store


class PromotionError(RuntaskError):
    """An artifact that must not, or cannot, be promoted."""


class DriftError(PromotionError):
    """A stage runs another artifact than it should."""


class Outcome(StrEnum):
    """How a promotion or a rollback ended.

    Attributes:
        DEPLOYED: Something changed: the artifact, the configuration or both.
        UNCHANGED: The stage was as it should be already.
        PREVIEWED: The changes were shown, and not made.
        DECLINED: The operator's answer was no.
    """

    DEPLOYED = "deployed"
    UNCHANGED = "unchanged"
    PREVIEWED = "previewed"
    DECLINED = "declined"


@dataclass(frozen=True, kw_only=True)
class PromotionContext:
    """What a promotion works with.

    Attributes:
        project: The Pulumi files.
        engine: Deploys stacks.
        sessions: The operator's credentials.
        rebuilder: Rebuilds artifacts from their commits.
        say: Shows the operator what is being done.
        confirm: Asks the operator a question; returns whether the answer was yes.
    """

    project: Project
    engine: Engine
    sessions: Sessions
    rebuilder: Rebuilder
    say: Callable[[str], None]
    confirm: Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be deployed where.

    Attributes:
        digest: The artifact.
        manifest: Where it says that it comes from.
        commit: The commit that it was built from, as far as that is verified.
        verification: How that was verified.
        target: The stage to deploy.
        source: The stage to copy the artifact from; None for a rollback.
    """

    digest: str
    manifest: Manifest
    commit: str
    verification: Verification
    target: StageState
    source: StageState | None

    @property
    def source_stage(self) -> str:
        """The stage that the artifact comes from; for a rollback, the target itself."""
        return self.source.stage if self.source else self.target.stage

    @property
    def is_running(self) -> bool:
        """Whether the target runs the artifact already, and its stack exports it."""
        return self.target.running == self.target.deployed == self.digest

    def __str__(self) -> str:
        """Name the account and what changes there, for a question."""
        location = self.target.role.location
        running = short_digest(self.target.running) or "nothing"
        change = f"{running} -> {short_digest(self.digest)}"
        if self.is_running:
            change = f"{running} stays, only its configuration changes"
        return (
            f"stack {self.target.stage} in account {location.account}, region {location.region}: "
            f"{change} ({self._origin}, from stage {self.source_stage})"
        )

    @property
    def _origin(self) -> str:
        if self.verification is Verification.NONE:
            return "NOT VERIFIED: built from uncommitted changes"
        return f"commit {short_digest(self.commit)}"


def plan_promotion(
    source: str, target: str, context: PromotionContext, *, allow_dirty: bool, digest: str = ""
) -> Plan:
    """Find the artifact that `source` runs, and check that it can go to `target`.

    Args:
        source: The stage to copy from, which is read as its account's read role.
        target: The stage to deploy.
        context: What to work with.
        allow_dirty: Accept an artifact that was built from uncommitted changes.
        digest: The artifact that was approved, if it was one; empty for whatever `source` runs.

    Raises:
        UsageError: if the two are the same stage.
        DriftError: if the source has drifted, or runs another artifact than `digest`.
        PromotionError: if the source runs nothing, or its artifact has no manifest, is dirty, or is
            not what its commit builds.
        RuntaskError: if a stage cannot be read.
    """
    if source == target:
        raise UsageError(
            f"stage {source} cannot be promoted to itself; expected two stages, as in: "
            "runtask promote dev prod"
        )
    origin = load_stage_state(
        context.project, source, context.engine, context.sessions, read_only=True
    )
    destination = load_stage_state(context.project, target, context.engine, context.sessions)
    if not origin.running and not origin.deployed:
        raise PromotionError(f"stage {source} runs nothing yet; run: pulumi up -s {source}")
    if origin.drift:
        raise DriftError(
            f"stage {source} has drifted: {origin.drift}; to fix it, run: pulumi up --refresh -s "
            f"{source}"
        )
    if digest and origin.running != digest:
        raise DriftError(
            f"stage {source} now runs {origin.running}; expected {digest}, which was asked for; "
            f"approve what it runs now, and run: runtask promote {source} {target} --digest "
            f"{origin.running}"
        )
    manifest = _manifest(origin.store, origin.running, source)
    verification = _verify(manifest, source, context, allow_dirty=allow_dirty)
    return Plan(
        digest=origin.running,
        manifest=manifest,
        commit=manifest.commit,
        verification=verification,
        target=destination,
        source=origin,
    )


def plan_rollback(
    digest: str, target: str, context: PromotionContext, *, allow_dirty: bool
) -> Plan:
    """Find an earlier artifact in the bucket of the stage's own account.

    What a record of the stage names is known to be what its commit builds: that was verified when
    it was promoted. Anything else is rebuilt, as for a promotion.

    Args:
        digest: The artifact's SHA-256, in hexadecimal, or its first digits.
        target: The stage to deploy.
        context: What to work with.
        allow_dirty: Accept an artifact that was built from uncommitted changes.

    Raises:
        PromotionError: if the bucket does not have it, has several with these digits, or it has no
            manifest, or, without a record,
            is dirty or not what its commit builds.
        RuntaskError: if the stage cannot be read.
    """
    destination = load_stage_state(context.project, target, context.engine, context.sessions)
    store = destination.store
    digest = _only_artifact(destination, digest)
    manifest = _manifest(store, digest, target)
    record = store.last_promotion(target, digest)
    if record is not None:
        commit, verification = record.commit, Verification.RECORDED
        context.say(f"artifact {digest} was verified when stage {target} ran it: {record}")
    else:
        commit = manifest.commit
        verification = _verify(manifest, target, context, allow_dirty=allow_dirty)
    return Plan(
        digest=digest,
        manifest=manifest,
        commit=commit,
        verification=verification,
        target=destination,
        source=None,
    )


def _only_artifact(stage: StageState, prefix: str) -> str:
    """Return the digest of the only artifact in a stage's bucket that begins with some digits.

    Raises:
        PromotionError: if there is none, or several.
    """
    found = stage.store.digests(prefix)
    if len(found) == 1:
        return found[0]
    account = stage.role.location.account
    if not found:
        raise PromotionError(
            f"account {account} has no artifact {prefix} in bucket {stage.store.bucket}; expected "
            f"one that stage {stage.stage} ran before, as printed by: runtask history {stage.stage}"
        )
    raise PromotionError(
        f"account {account} has {len(found)} artifacts that begin with {prefix}: "
        f"{', '.join(found)}; give more digits"
    )


def preview(plan: Plan, context: PromotionContext) -> None:
    """Show what would change; the stage's file is restored afterwards.

    Raises:
        RuntaskError: if the stack cannot be previewed.
    """
    context.say(str(plan))
    with pin.temporarily_pinned(context.project.stack_file(plan.target.stage), plan.digest):
        context.engine.preview(plan.target.stage)


def promote(plan: Plan, context: PromotionContext) -> Outcome:
    """Carry out a plan.

    The stack is always previewed and deployed: its configuration and the program can have changed
    where the artifact has not. If the preview finds nothing to change, there is nothing to ask, but
    the stack is deployed all the same: a preview counts neither the outputs of a stack nor the
    protection of its resources.

    Raises:
        StoreError: if the artifact is damaged, or cannot be read or written.
        RuntaskError: if the stack cannot be previewed or deployed.
        DriftError: if the function runs another artifact afterwards.
    """
    stage = plan.target.stage
    file = context.project.stack_file(stage)
    context.say(str(plan))
    _copy(plan, plan.source or plan.target, context)
    before = pin.pinned(file)
    pin.pin(file, plan.digest)
    context.say(f"pinned {plan.digest} in {file.name}")
    changes = context.engine.preview(stage)
    if changes and not context.confirm(f"Deploy {plan}?"):
        pin.pin(file, before)
        return Outcome.DECLINED
    context.engine.up(stage)
    running = running_digest(plan.target.role)
    if running != plan.digest:
        raise DriftError(
            f"stage {stage} runs {running or 'nothing'} after the deployment of {plan.digest}; to "
            f"fix it, run: pulumi up --refresh -s {stage}"
        )
    _record(plan, changes=changes)
    context.say(f"stage {stage} runs {plan.digest}")
    return Outcome.DEPLOYED if changes else Outcome.UNCHANGED


def _copy(plan: Plan, source: StageState, context: PromotionContext) -> None:
    """Copy artifact and manifest as the target's deploy role; it may read the source's bucket.

    For a rollback the source is the target itself: what it built once is copied to where a pinned
    artifact is deployed from.
    """
    target = plan.target
    digest = plan.digest
    if not target.store.has_promoted(digest):
        folder = source.store.folder(digest)
        content = source.store.used_as(target.role).artifact(folder, digest) if folder else None
        if content is None:
            raise PromotionError(
                f"artifact {digest} is not in bucket {source.store.bucket} of stage "
                f"{source.stage}; run: pulumi up -s {source.stage}"
            )
        target.store.put_artifact(digest, content)
    if not target.store.put_manifest(plan.manifest):
        context.say(
            f"the manifest of artifact {digest} in bucket {target.store.bucket} stays as it was "
            "first written; the record of this promotion has the commit"
        )
    if source is not target:
        accounts = (source.role.location.account, target.role.location.account)
        context.say(f"artifact {digest} is the same in accounts {accounts[0]} and {accounts[1]}")


def _manifest(store: Store, digest: str, stage: str) -> Manifest:
    manifest = store.manifest(digest)
    if manifest is None:
        raise PromotionError(
            f"artifact {digest} of stage {stage} has no manifest: "
            f"{manifest_object_key(BUILDS, digest)} is missing in bucket {store.bucket}; deploy "
            f"the stage again: pulumi up -s {stage}"
        )
    return manifest


def _verify(
    manifest: Manifest, stage: str, context: PromotionContext, *, allow_dirty: bool
) -> Verification:
    """Rebuild an artifact from its manifest's commit, and compare the digests.

    Raises:
        PromotionError: if they differ, the commit cannot be rebuilt, or the artifact was built from
            uncommitted changes and that is not allowed.
    """
    digest, commit = manifest.digest, manifest.commit
    if manifest.dirty:
        if not allow_dirty:
            raise PromotionError(
                f"artifact {digest} of stage {stage} was built from uncommitted changes; commit "
                f"them and run: pulumi up -s {stage}, or accept it with --allow-dirty"
            )
        context.say(
            f"artifact {digest} is NOT VERIFIED: it was built from uncommitted changes, which "
            "cannot be compared with a commit; it is accepted because of --allow-dirty"
        )
        return Verification.NONE
    try:
        rebuilt = context.rebuilder.rebuild(commit)
    except RebuildError as error:
        raise PromotionError(f"artifact {digest} of stage {stage}: {error}") from None
    if rebuilt != digest:
        raise PromotionError(
            f"artifact {digest} of stage {stage} is not what its manifest says: commit {commit} "
            f"builds {rebuilt}; its code is of something else; find out who deployed it, check out "
            f"what is meant to run and deploy that: pulumi up -s {stage}"
        )
    context.say(f"artifact {digest} is what commit {commit} builds")
    return Verification.REBUILT


def _record(plan: Plan, *, changes: bool) -> None:
    """Record what was deployed, unless it is recorded already and nothing changed since.

    Args:
        plan: What was deployed.
        changes: Whether the preview found something to change.
    """
    last = plan.target.last_promotion()
    recorded = last is not None and last.digest == plan.digest
    # What was promoted from uncommitted changes can be verified once they are committed.
    newly_verified = (
        last is not None and not last.verified and plan.verification is not Verification.NONE
    )
    if recorded and not changes and not newly_verified:
        return
    now = datetime.now(UTC)
    change, previous = Change.ARTIFACT, plan.target.running
    if plan.is_running and last is not None:
        # Only the configuration changed, or the run that deployed the artifact was interrupted
        # before this step. A rollback returns to what ran before the artifact.
        change = Change.CONFIGURATION if recorded and changes else Change.ARTIFACT
        previous = last.previous if recorded else last.digest
    elif plan.is_running:
        previous = ""
    plan.target.store.record_promotion(
        plan.target.stage,
        Promotion(
            digest=plan.digest,
            previous=previous,
            source=plan.source_stage,
            commit=plan.commit,
            verification=plan.verification,
            change=change,
            time=now.isoformat(timespec="seconds"),
            by=plan.target.role.identity,
        ),
        now,
    )
