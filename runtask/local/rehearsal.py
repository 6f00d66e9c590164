"""The rehearsal's steps: four stacks in two accounts, messages, promotion, messages again."""

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.bundle import artifact_object_key
from infra.config import BUILD
from infra.names import BOOTSTRAP_SUFFIX, PROJECT, Place
from infra.program import main as program
from runtask.local.customer import Customer, with_customer
from runtask.local.emulator import Emulator
from runtask.local.engine import State, up
from runtask.local.expectations import Expectation, of_stage, same_artifact
from runtask.local.samples import DEV_SAMPLES, PROD_SAMPLES, Sample
from runtask.local.watching import Observed, Watch
from runtask.project import Project

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
    """One run of everything, on one emulator."""

    project: Project
    emulator: Emulator
    say: Say
    state: State = field(default_factory=State)
    _begun: float = field(default_factory=time.monotonic)

    def run(self) -> Result:
        """Go through all steps.

        Raises:
            EngineError: if a stack cannot be made.
            ProjectError: if Pulumi.yaml or a stack's file is wrong.
        """
        configs = {stage: self._config(stage) for stage in (FROM, TO)}
        places = {stage: self.project.stage_config(stage).place for stage in (FROM, TO)}
        for stage in (FROM, TO):
            self._up(f"{stage}{BOOTSTRAP_SUFFIX}")
            Customer(emulator=self.emulator, place=places[stage]).make()
        observed: list[tuple[str, Observed]] = []
        expectations: list[Expectation] = []

        def work(stage: str, samples: Sequence[Sample]) -> dict[str, Any]:
            outputs = self._up(stage, configs[stage])
            seen, expected = self._messages(places[stage], outputs, samples)
            observed.extend((stage, one) for one in seen)
            expectations.extend(expected)
            return outputs

        digest = work(FROM, DEV_SAMPLES)["artifactDigest"]
        self._promote(digest, places)
        configs[TO][f"{PROJECT}:artifact"] = digest
        work(TO, PROD_SAMPLES)
        digests = {stage: self._running_digest(stage, place) for stage, place in places.items()}
        expectations.append(same_artifact(digests))
        return Result(places=places, digests=digests, observed=observed, expectations=expectations)

    def _config(self, stage: str) -> dict[str, str]:
        place = self.project.stage_config(stage).place
        return with_customer(self.project.stack_config(stage), place)

    def _up(self, stack: str, config: dict[str, str] | None = None) -> dict[str, Any]:
        outputs = up(
            program,
            project=self.project.name,
            stack=stack,
            config=config or self.project.stack_config(stack),
            emulator=self.emulator,
            state=self.state,
        )
        made = len(self.state.resources(f"{self.project.name}/{stack}"))
        self._say(f"stack {stack}: {made} resources")
        return outputs

    def _messages(
        self, place: Place, outputs: dict[str, Any], samples: Sequence[Sample]
    ) -> tuple[list[Observed], list[Expectation]]:
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
        return observed, list(of_stage(watch, observed))

    def _promote(self, digest: str, places: dict[str, Place]) -> None:
        """Copy the artifact's very bytes from one account's bucket to the other's."""
        source, target = (
            self.state.outputs[f"{self.project.name}/{stage}{BOOTSTRAP_SUFFIX}"]
            for stage in (FROM, TO)
        )
        key = artifact_object_key(digest)
        reader = self.emulator.client("s3", places[FROM].account, places[FROM].region)
        content = reader.get_object(Bucket=source["artifactBucket"], Key=key)["Body"].read()
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise ValueError(f"artifact {digest} holds bytes of {found}")
        writer = self.emulator.client("s3", places[TO].account, places[TO].region)
        writer.put_object(
            Bucket=target["artifactBucket"],
            Key=key,
            Body=content,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=target["artifactKeyArn"],
        )
        self._say(f"artifact {digest[:12]}: {places[FROM].account} -> {places[TO].account}")

    def _running_digest(self, stage: str, place: Place) -> str:
        outputs = self.state.outputs[f"{self.project.name}/{stage}"]
        functions = self.emulator.client("lambda", place.account, place.region)
        code = functions.get_function_configuration(
            FunctionName=outputs["functionName"], Qualifier="live"
        )["CodeSha256"]
        return base64.b64decode(code).hex()

    def _say(self, text: str) -> None:
        self.say(f"[{time.monotonic() - self._begun:4.1f} s] {text}")


def artifact_is_built(project: Project) -> bool:
    """Say whether the first stage builds its artifact, as the rehearsal needs it to."""
    return project.stack_config(FROM).get(f"{PROJECT}:artifact") == BUILD
