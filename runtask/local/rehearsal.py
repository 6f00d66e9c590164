"""The rehearsal's steps: four stacks in two accounts, messages, promotion, messages again."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.names import BOOTSTRAP_SUFFIX, Place
from runtask.engines import Engine
from runtask.local.customer import Customer, with_customer
from runtask.local.emulator import Emulator
from runtask.local.expectations import Expectation, no_drift, of_stage, same_artifact
from runtask.local.in_process import EmulatorSessions, InProcessEngine
from runtask.local.real_engine import prepare
from runtask.local.samples import DEV_SAMPLES, PROD_SAMPLES, Sample
from runtask.local.watching import Observed, Watch
from runtask.project import PROJECT_FILE, Project, load_project
from runtask.promotion.promote import Tools, plan_promotion, promote
from runtask.promotion.stage import look_at
from runtask.pulumi_engine import PulumiEngine

Say = Callable[[str], None]

FROM = "dev"
TO = "prod"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the rehearsal showed."""

    places: dict[str, Place]
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
        places = {stage: project.stage_config(stage).place for stage in (FROM, TO)}
        engine = self._engine(project, places)
        for stage, place in places.items():
            engine.up(f"{stage}{BOOTSTRAP_SUFFIX}")
            Customer(emulator=self.emulator, place=place).make()
        engine.up(FROM)
        self._messages(places[FROM], engine.outputs(FROM), DEV_SAMPLES)
        tools = Tools(
            project=project,
            engine=engine,
            sessions=EmulatorSessions(emulator=self.emulator),
            say=self._say,
            confirm=lambda _question: True,
        )
        # Whoever works on the handler has not committed it yet.
        promote(plan_promotion(FROM, TO, tools, allow_dirty=True), tools)
        self._messages(places[TO], engine.outputs(TO), PROD_SAMPLES)
        states = [look_at(project, stage, engine, tools.sessions) for stage in (FROM, TO)]
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
            places=places, digests=digests, observed=self._seen, expectations=self._expected
        )

    def _engine(self, project: Project, places: Mapping[str, Place]) -> Engine:
        if self.real_engine:
            return prepare(project, self.emulator, places)
        return InProcessEngine(
            project=project, emulator=self.emulator, say=self._say, adapt=_adapter(places)
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
        self, place: Place, outputs: Mapping[str, Any], samples: Sequence[Sample]
    ) -> None:
        customer = Customer(emulator=self.emulator, place=place)
        watch = Watch(
            emulator=self.emulator,
            place=place,
            outputs=outputs,
            inbox_url=customer.subscribe_inbox(outputs["failureTopicArn"]),
        )
        watch.send(samples)
        self._say(f"stage {outputs['stage']}: {len(samples)} messages sent")
        observed = watch.wait()
        self._seen.extend((outputs["stage"], one) for one in observed)
        self._expected.extend(of_stage(watch, observed))

    def _say(self, text: str) -> None:
        self.say(f"[{time.monotonic() - self._begun:4.1f} s] {text}")


def _adapter(places: Mapping[str, Place]) -> Callable[[str, dict[str, str]], dict[str, str]]:
    """Return what lets the samples' names into a stage's configuration."""

    def adapt(stack: str, config: dict[str, str]) -> dict[str, str]:
        return with_customer(config, places[stack]) if stack in places else config

    return adapt
