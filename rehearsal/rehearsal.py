"""The steps of the rehearsal: four stacks in two accounts, messages, a promotion, messages."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.bundle import ROOT
from infra.names import BOOTSTRAP_SUFFIX, Location
from rehearsal.checks import Check, no_drift, same_artifact, sample_checks, stage_checks
from rehearsal.engine import EmulatorSessions, InProcessEngine
from rehearsal.observer import ObservedSample, StageObserver
from rehearsal.pulumi_cli import prepare
from rehearsal.sample_account import SampleAccount, with_sample_account, with_sample_limits
from rehearsal.samples import DEV_SAMPLES, LATE_SAMPLES, PROD_SAMPLES, Sample
from rehearsal.teardown import RehearsalEngine, Teardown
from rehearsal.verification import StageVerification, verify_stage
from runtask.project import PROJECT_FILE, Project, load_project
from runtask.promotion.promote import PromotionContext, plan_promotion, promote
from runtask.promotion.rebuild import Checkout
from runtask.promotion.state import load_stage_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rehearsal.emulator import Emulator

# The stages that the artifact is promoted from and to.
SOURCE: Final = "dev"
TARGET: Final = "prod"

_BOOTSTRAP_STACKS: Final = (f"{SOURCE}{BOOTSTRAP_SUFFIX}", f"{TARGET}{BOOTSTRAP_SUFFIX}")


@dataclass(frozen=True, kw_only=True)
class RehearsalResult:
    """What the rehearsal found.

    Attributes:
        locations: Account and region of each stage.
        digests: The SHA-256 of the artifact that each stage runs.
        observed: Stage and sample, in the order of sending.
        verification: What `runtask verify` found in the source stage.
        checks: All checks, passed or not.
    """

    locations: dict[str, Location]
    digests: dict[str, str]
    observed: list[tuple[str, ObservedSample]]
    verification: StageVerification
    checks: list[Check]

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if not check.passed]


@dataclass(kw_only=True)
class Rehearsal:
    """One run of all steps on one emulator.

    Attributes:
        project: The committed files. They are copied, because a promotion changes them.
        emulator: The embedded AWS.
        say: Prints a line of progress.
        pulumi_cli: Deploy with the Pulumi CLI and the AWS plugin instead of in this process.
        destroy: Destroy the stacks at the end.
    """

    project: Project
    emulator: Emulator
    say: Callable[[str], None]
    pulumi_cli: bool = False
    destroy: bool = False
    _started_at: float = field(default_factory=time.monotonic)
    _observed: list[tuple[str, ObservedSample]] = field(default_factory=list)
    _checks: list[Check] = field(default_factory=list)

    def run(self) -> RehearsalResult:
        """Run all steps.

        Raises:
            RuntaskError: if a stack cannot be deployed, or the artifact cannot be promoted.
            ProjectError: if Pulumi.yaml or a stack's file is wrong.
        """
        project = self._private_copy()
        locations = {stage: project.stage_config(stage).location for stage in (SOURCE, TARGET)}
        engine = self._engine(project, locations)
        for stage, location in locations.items():
            engine.up(f"{stage}{BOOTSTRAP_SUFFIX}")
            SampleAccount(emulator=self.emulator, location=location).create()
        engine.up(SOURCE)
        observer = self._send(
            locations[SOURCE], engine.outputs(SOURCE), (*DEV_SAMPLES, *LATE_SAMPLES)
        )
        context = PromotionContext(
            project=project,
            engine=engine,
            sessions=EmulatorSessions(emulator=self.emulator),
            rebuilder=Checkout(folder=ROOT),
            say=self._say,
            confirm=lambda _question: True,
        )
        # The handler may not be committed yet. If it is, the artifact is rebuilt from its commit.
        promote(plan_promotion(SOURCE, TARGET, context, allow_dirty=True), context)
        self._send(locations[TARGET], engine.outputs(TARGET), PROD_SAMPLES)
        states = [
            load_stage_state(project, stage, engine, context.sessions) for stage in (SOURCE, TARGET)
        ]
        digests = {state.stage: state.running for state in states}
        self._checks.append(same_artifact(digests))
        self._checks.extend(no_drift(state.stage, state.drift) for state in states)
        verification = verify_stage(SOURCE, locations[SOURCE], context)
        self._checks.append(verification.check)
        self._wait_late(observer)
        self._checks.extend(self._teardown(project, engine, digests).checks())
        return RehearsalResult(
            locations=locations,
            digests=digests,
            observed=self._observed,
            verification=verification,
            checks=self._checks,
        )

    def _engine(self, project: Project, locations: Mapping[str, Location]) -> RehearsalEngine:
        if self.pulumi_cli:
            return prepare(project, self.emulator, locations)
        return InProcessEngine(
            project=project, emulator=self.emulator, say=self._say, adapt=_adapter(locations)
        )

    def _teardown(
        self, project: Project, engine: RehearsalEngine, digests: Mapping[str, str]
    ) -> Teardown:
        return Teardown(
            project=project,
            engine=engine,
            emulator=self.emulator,
            digests=digests,
            destroy=self.destroy,
        )

    def _private_copy(self) -> Project:
        folder = self.emulator.folder / "project"
        folder.mkdir()
        for stack in (SOURCE, TARGET, *_BOOTSTRAP_STACKS):
            self.project.stack_config(stack)  # a missing file is an error that names it
            shutil.copy(self.project.stack_file(stack), folder)
        shutil.copy(self.project.folder / PROJECT_FILE, folder)
        return load_project(folder)

    def _send(
        self, location: Location, outputs: Mapping[str, Any], samples: Sequence[Sample]
    ) -> StageObserver:
        """Send samples to a stage, and observe and check what becomes of all but the late ones."""
        sample_account = SampleAccount(emulator=self.emulator, location=location)
        observer = StageObserver(
            emulator=self.emulator,
            location=location,
            outputs=outputs,
            inbox_url=sample_account.subscribe_inbox(outputs["failureTopicArn"]),
        )
        observer.send(samples)
        self._say(f"stage {outputs['stage']}: {len(samples)} messages sent")
        observed = observer.wait()
        self._observed.extend((outputs["stage"], one) for one in observed)
        self._checks.extend(stage_checks(observer, observed))
        return observer

    def _wait_late(self, observer: StageObserver) -> None:
        """Observe and check what becomes of the late samples of a stage."""
        for one in observer.wait(late=True):
            self._observed.append((observer.outputs["stage"], one))
            self._checks.extend(sample_checks(observer, one))

    def _say(self, text: str) -> None:
        self.say(f"[{time.monotonic() - self._started_at:4.1f} s] {text}")


def _adapter(locations: Mapping[str, Location]) -> Callable[[str, dict[str, str]], dict[str, str]]:
    """Return what adds the sample account to the configuration of the stacks."""

    def adapt(stack: str, config: dict[str, str]) -> dict[str, str]:
        if stack in locations:
            return with_sample_account(config, locations[stack])
        return with_sample_limits(config, locations[stack.removesuffix(BOOTSTRAP_SUFFIX)])

    return adapt
