"""The steps of the rehearsal: every stack of the project, messages, promotions, messages."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.bundle import ROOT
from rehearsal.attachment import PROJECT_FOLDER, save_state
from rehearsal.checks import Check, no_drift, same_artifact, sample_checks, stage_checks
from rehearsal.engine import EmulatorSessions, InProcessEngine
from rehearsal.observer import ObservedSample, StageObserver
from rehearsal.pulumi_cli import prepare
from rehearsal.sample_account import SampleAccount, with_samples, with_samples_in_files
from rehearsal.samples import DEV_SAMPLES, LATE_SAMPLES, PROD_SAMPLES, Sample
from rehearsal.teardown import RehearsalEngine, Teardown
from rehearsal.verification import StageVerification, verify_stage
from runtask.project import PROJECT_FILE, Project, load_project
from runtask.promotion.promote import PromotionContext, plan_promotion, promote
from runtask.promotion.rebuild import Checkout
from runtask.promotion.state import load_stage_state
from runtask.routes import locations_by_stack, routes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from infra.names import Location
    from rehearsal.emulator import Emulator


@dataclass(frozen=True, kw_only=True)
class RehearsalResult:
    """What the rehearsal found.

    Attributes:
        locations: Account and region of each stage.
        digests: The SHA-256 of the artifact that each stage runs.
        observed: Stage and sample, in the order of sending.
        verification: What `runtask verify` found in the first stage.
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
        configs = {stage: project.stage_config(stage) for stage in project.stages()}
        order = routes(project)
        first = order[0].stage
        engine = self._engine(project)
        for stack in dict.fromkeys(configs[route.stage].bootstrap for route in order):
            engine.up(stack)
        for location in dict.fromkeys(configs[route.stage].location for route in order):
            SampleAccount(emulator=self.emulator, location=location).create()
        context = PromotionContext(
            project=project,
            engine=engine,
            sessions=EmulatorSessions(emulator=self.emulator),
            rebuilder=Checkout(folder=ROOT),
            say=self._say,
            confirm=lambda _question: True,
        )
        observers: dict[str, StageObserver] = {}
        for route in order:
            if route.source:
                # The handler may not be committed yet. If it is, it is rebuilt from its commit.
                plan = plan_promotion(route.source, route.stage, context, allow_dirty=True)
                promote(plan, context)
            else:
                engine.up(route.stage)
            samples = (*DEV_SAMPLES, *LATE_SAMPLES) if route.stage == first else PROD_SAMPLES
            location = configs[route.stage].location
            observers[route.stage] = self._send(location, engine.outputs(route.stage), samples)
        states = [
            load_stage_state(project, route.stage, engine, context.sessions) for route in order
        ]
        digests = {state.stage: state.running for state in states}
        self._checks.append(same_artifact(digests))
        self._checks.extend(no_drift(state.stage, state.drift) for state in states)
        verification = verify_stage(first, configs[first].location, context)
        self._checks.append(verification.check)
        self._wait_late(observers[first])
        self._checks.extend(self._teardown(project, engine, digests).checks())
        if not self.destroy and isinstance(engine, InProcessEngine):
            save_state(self.emulator.folder, engine.state)
        return RehearsalResult(
            locations={stage: configs[stage].location for stage in digests},
            digests=digests,
            observed=self._observed,
            verification=verification,
            checks=self._checks,
        )

    def _engine(self, project: Project) -> RehearsalEngine:
        locations = locations_by_stack(project)
        if self.pulumi_cli:
            return prepare(project, self.emulator, locations)
        return InProcessEngine(
            project=project, emulator=self.emulator, say=self._say, adapt=with_samples(locations)
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
        folder = self.emulator.folder / PROJECT_FOLDER
        folder.mkdir()
        for stack in locations_by_stack(self.project):
            shutil.copy(self.project.stack_file(stack), folder)
        shutil.copy(self.project.folder / PROJECT_FILE, folder)
        project = load_project(folder)
        with_samples_in_files(project)
        return project

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
