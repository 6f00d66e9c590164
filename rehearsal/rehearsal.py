"""The rehearsal's steps: four stacks in two accounts, messages, promotion, messages again."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from infra.names import BOOTSTRAP_SUFFIX, Location
from rehearsal.engine.in_process import EmulatorSessions, InProcessEngine
from rehearsal.expectations import Expectation, no_drift, of_stage, same_artifact
from rehearsal.observer import Observed, Watch
from rehearsal.pulumi_cli import prepare
from rehearsal.sample_account import SampleAccount, with_sample_account
from rehearsal.samples import DEV_SAMPLES, PROD_SAMPLES, Sample
from runtask.engine import PulumiEngine
from runtask.project import PROJECT_FILE, Project, load_project
from runtask.promotion.promote import PromotionContext, plan_promotion, promote
from runtask.promotion.state import load_stage_state

if TYPE_CHECKING:
    from rehearsal.emulator import Emulator
    from runtask.engine import Engine

Say = Callable[[str], None]

FROM = "dev"
TO = "prod"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the rehearsal showed."""

    locations: dict[str, Location]
    digests: dict[str, str]
    observed: list[tuple[str, Observed]]
    expectations: list[Expectation]

    @property
    def fallen(self) -> list[Expectation]:
        """The expectations that did not hold."""
        return [expectation for expectation in self.expectations if not expectation.holds]


@dataclass(kw_only=True)
class Rehearsal:
    """One run of everything, on one emulator.

    Attributes:
        project: The committed files. A copy of them is worked with, since a promotion pins.
        real_engine: Deploy with the Pulumi CLI and the AWS plugin instead of in this process.
        destroy: Let the real engine take everything away again.
    """

    project: Project
    emulator: Emulator
    say: Say
    real_engine: bool = False
    destroy: bool = False
    _begun: float = field(default_factory=time.monotonic)
    _seen: list[tuple[str, Observed]] = field(default_factory=list)
    _expected: list[Expectation] = field(default_factory=list)

    def run(self) -> Result:
        """Go through all steps.

        Raises:
            RuntaskError: if a stack cannot be made, or the artifact cannot be promoted.
            ProjectError: if Pulumi.yaml or a stack's file is wrong.
        """
        project = self._private_copy()
        locations = {stage: project.stage_config(stage).location for stage in (FROM, TO)}
        engine = self._engine(project, locations)
        for stage, location in locations.items():
            engine.up(f"{stage}{BOOTSTRAP_SUFFIX}")
            SampleAccount(emulator=self.emulator, location=location).make()
        engine.up(FROM)
        self._messages(locations[FROM], engine.outputs(FROM), DEV_SAMPLES)
        tools = PromotionContext(
            project=project,
            engine=engine,
            sessions=EmulatorSessions(emulator=self.emulator),
            say=self._say,
            confirm=lambda _question: True,
        )
        # Whoever works on the handler has not committed it yet.
        promote(plan_promotion(FROM, TO, tools, allow_dirty=True), tools)
        self._messages(locations[TO], engine.outputs(TO), PROD_SAMPLES)
        states = [load_stage_state(project, stage, engine, tools.sessions) for stage in (FROM, TO)]
        digests = {state.stage: state.running for state in states}
        self._expected.append(same_artifact(digests))
        self._expected.extend(no_drift(state.stage, state.drift) for state in states)
        if isinstance(engine, PulumiEngine):
            for stack in (FROM, TO):
                engine.expect_no_changes(stack)
            if self.destroy:
                for stack in (FROM, TO, f"{FROM}{BOOTSTRAP_SUFFIX}", f"{TO}{BOOTSTRAP_SUFFIX}"):
                    engine.destroy(stack)
        return Result(
            locations=locations, digests=digests, observed=self._seen, expectations=self._expected
        )

    def _engine(self, project: Project, locations: Mapping[str, Location]) -> Engine:
        if self.real_engine:
            return prepare(project, self.emulator, locations)
        return InProcessEngine(
            project=project, emulator=self.emulator, say=self._say, adapt=_adapter(locations)
        )

    def _private_copy(self) -> Project:
        folder = self.emulator.folder / "project"
        folder.mkdir()
        for stack in (FROM, TO, f"{FROM}{BOOTSTRAP_SUFFIX}", f"{TO}{BOOTSTRAP_SUFFIX}"):
            self.project.stack_config(stack)  # a missing file is told by its name
            shutil.copy(self.project.stack_file(stack), folder)
        shutil.copy(self.project.folder / PROJECT_FILE, folder)
        return load_project(folder)

    def _messages(
        self, location: Location, outputs: Mapping[str, Any], samples: Sequence[Sample]
    ) -> None:
        sample_account = SampleAccount(emulator=self.emulator, location=location)
        watch = Watch(
            emulator=self.emulator,
            location=location,
            outputs=outputs,
            inbox_url=sample_account.subscribe_inbox(outputs["failureTopicArn"]),
        )
        watch.send(samples)
        self._say(f"stage {outputs['stage']}: {len(samples)} messages sent")
        observed = watch.wait()
        self._seen.extend((outputs["stage"], one) for one in observed)
        self._expected.extend(of_stage(watch, observed))

    def _say(self, text: str) -> None:
        self.say(f"[{time.monotonic() - self._begun:4.1f} s] {text}")


def _adapter(locations: Mapping[str, Location]) -> Callable[[str, dict[str, str]], dict[str, str]]:
    """Return what lets the samples' names into a stage's configuration."""

    def adapt(stack: str, config: dict[str, str]) -> dict[str, str]:
        return with_sample_account(config, locations[stack]) if stack in locations else config

    return adapt
