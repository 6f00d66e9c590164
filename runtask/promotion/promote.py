"""The steps of a promotion. Each can be repeated: a second run finishes what a first one began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runtask.errors import RuntaskError, UsageError
from runtask.promotion import pin
from runtask.promotion.stage import StageState, load_stage_state, running_digest
from runtask.promotion.store import Promotion, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.manifest import Manifest
    from runtask.engines import Engine
    from runtask.project import Project
    from runtask.promotion.access import Sessions

SHORT_DIGEST = 12


class PromotionError(RuntaskError):
    """A promotion that must not, or could not, be done; the text says what to do."""


class DriftError(PromotionError):
    """A stage does not run what it should."""


@dataclass(frozen=True, kw_only=True)
class PromotionContext:
    """What a promotion works with.

    Attributes:
        project: The Pulumi files.
        engine: Deploys stacks.
        sessions: The operator's own credentials.
        say: Tells the operator what is being done.
        confirm: Asks whether to go on; gets the question.
    """

    project: Project
    engine: Engine
    sessions: Sessions
    say: Callable[[str], None]
    confirm: Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be promoted, from where, to where."""

    digest: str
    manifest: Manifest
    target: StageState
    source: StageState | None

    @property
    def origin(self) -> str:
        """The stage that it comes from; the stage itself for an earlier artifact of its own."""
        return self.source.stage if self.source else self.target.stage

    def __str__(self) -> str:
        """Say in one sentence what changes where."""
        location = self.target.deployer.location
        running = self.target.running[:SHORT_DIGEST] or "nothing"
        commit = self.manifest.commit[:SHORT_DIGEST] or "no commit"
        return (
            f"stack {self.target.stage} in account {location.account}, region {location.region}: "
            f"{running} -> {self.digest[:SHORT_DIGEST]} (commit {commit}, from {self.origin})"
        )


def plan_promotion(source: str, target: str, tools: PromotionContext, *, allow_dirty: bool) -> Plan:
    """Find out what `source` really runs, and whether it may go to `target`.

    Raises:
        UsageError: if the two are the same stage.
        DriftError: if the source does not run what its stack says.
        PromotionError: if nothing runs there, or nobody can say what it was built from.
        RuntaskError: if an account cannot be got into, or has no bootstrap stack.
    """
    if source == target:
        raise UsageError(f"{source} cannot be promoted to itself")
    here = load_stage_state(tools.project, source, tools.engine, tools.sessions)
    there = load_stage_state(tools.project, target, tools.engine, tools.sessions)
    if not here.running and not here.deployed:
        raise PromotionError(f"stage {source} runs nothing yet; run: pulumi up -s {source}")
    if here.drift:
        raise DriftError(
            f"stage {source} has drifted: {here.drift}; to mend it run: pulumi up --refresh -s "
            f"{source}"
        )
    manifest = _manifest(here.store, here.running, source, allow_dirty=allow_dirty)
    return Plan(digest=here.running, manifest=manifest, target=there, source=here)


def plan_return(digest: str, target: str, tools: PromotionContext, *, allow_dirty: bool) -> Plan:
    """Find an earlier artifact in the stage's own account.

    Raises:
        PromotionError: if there is no such artifact.
        RuntaskError: if the account cannot be got into.
    """
    there = load_stage_state(tools.project, target, tools.engine, tools.sessions)
    if there.store.artifact(digest) is None:
        raise PromotionError(
            f"account {there.deployer.location.account} has no artifact {digest} in bucket "
            f"{there.store.bucket}; give the whole SHA-256 of one that was promoted there"
        )
    manifest = _manifest(there.store, digest, target, allow_dirty=allow_dirty)
    return Plan(digest=digest, manifest=manifest, target=there, source=None)


def preview(plan: Plan, tools: PromotionContext) -> None:
    """Show what would change, and leave nothing behind."""
    tools.say(str(plan))
    with pin.temporarily_pinned(tools.project.stack_file(plan.target.stage), plan.digest):
        tools.engine.preview(plan.target.stage)


def promote(plan: Plan, tools: PromotionContext) -> bool:
    """Do what the plan says; return False if the operator says no.

    Raises:
        StoreError: if the artifact is damaged, or cannot be read or written.
        RuntaskError: if the stack cannot be deployed.
        DriftError: if the function runs something else afterwards.
    """
    stage = plan.target.stage
    file = tools.project.stack_file(stage)
    tools.say(str(plan))
    if plan.source is not None:
        _copy(plan, plan.source, tools)
    before = pin.pinned(file)
    pin.pin(file, plan.digest)
    tools.say(f"pinned {plan.digest} in {file.name}")
    if not _is_done(plan):
        tools.engine.preview(stage)
        if not tools.confirm(f"Deploy {plan}?"):
            pin.pin(file, before)
            return False
        tools.engine.up(stage)
    running = running_digest(plan.target.deployer)
    if running != plan.digest:
        raise DriftError(
            f"stage {stage} runs {running or 'nothing'} after the deployment of {plan.digest}; "
            f"run: pulumi up --refresh -s {stage}"
        )
    _record(plan)
    tools.say(f"stage {stage} runs {plan.digest}")
    return True


def _is_done(plan: Plan) -> bool:
    return plan.target.running == plan.target.deployed == plan.digest


def _copy(plan: Plan, source: StageState, tools: PromotionContext) -> None:
    """Copy artifact and manifest as the target's own role, which may read the source's bucket."""
    target = plan.target
    digest = plan.digest
    if target.store.artifact(digest) is None:
        content = source.store.seen_by(target.deployer).artifact(digest)
        if content is None:
            raise PromotionError(
                f"artifact {digest} is not in bucket {source.store.bucket} of stage "
                f"{source.stage}; run: pulumi up -s {source.stage}"
            )
        target.store.put_artifact(digest, content)
    target.store.put_manifest(plan.manifest)
    locations = (source.deployer.location.account, target.deployer.location.account)
    tools.say(f"artifact {digest} is the same in accounts {locations[0]} and {locations[1]}")


def _manifest(store: Store, digest: str, stage: str, *, allow_dirty: bool) -> Manifest:
    manifest = store.manifest(digest)
    if manifest is None:
        raise PromotionError(
            f"nothing says what artifact {digest} of stage {stage} was built from; deploy it with "
            f"this kit: pulumi up -s {stage}"
        )
    if manifest.dirty and not allow_dirty:
        raise PromotionError(
            f"artifact {digest} of stage {stage} was built from uncommitted changes; commit them "
            f"and run: pulumi up -s {stage}, or promote it all the same with --allow-dirty"
        )
    return manifest


def _record(plan: Plan) -> None:
    last = plan.target.last_promotion()
    if last is not None and last.digest == plan.digest:
        return
    plan.target.store.record_promotion(
        plan.target.stage,
        Promotion(
            digest=plan.digest,
            previous=plan.target.running,
            source=plan.origin,
            commit=plan.manifest.commit,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
            by=plan.target.deployer.identity,
        ),
    )
