"""The end of the rehearsal: every stack once more, and then away, as an operator would do it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError
from ruamel.yaml import YAML

from infra.artifact_keys import ARTIFACTS, BUILDS, artifact_object_key
from infra.config import BUILD
from infra.names import PROJECT
from rehearsal.checks import Check
from runtask.engine import Engine
from runtask.errors import RuntaskError
from runtask.promotion.pin import pinned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rehearsal.emulator import Emulator
    from runtask.project import Project


class RehearsalEngine(Engine, Protocol):
    """An engine that can also deploy a stack a second time and take it away."""

    def expect_no_changes(self, stack: str) -> None:
        """Deploy a stack again, and check that nothing changes.

        Raises:
            RuntaskError: if something changes.
        """

    def destroy(self, stack: str) -> None:
        """Delete a stack's resources; retained ones stay.

        Raises:
            RuntaskError: if a resource is protected, or cannot be deleted.
        """

    def protects(self, stack: str) -> bool:
        """Return whether a resource of a stack is protected."""


@dataclass(frozen=True, kw_only=True)
class Teardown:
    """Deploys the stacks a second time, and takes them away.

    Attributes:
        project: The private copy of the Pulumi files.
        engine: The engine that deployed the stacks.
        emulator: The embedded AWS.
        digests: The SHA-256 of the artifact that each stage runs.
        destroy: Whether the stacks are taken away.
    """

    project: Project
    engine: RehearsalEngine
    emulator: Emulator
    digests: Mapping[str, str]
    destroy: bool

    def checks(self) -> Iterator[Check]:
        """Yield what must be true of each stack, function stacks first."""
        # Stages of one account have the same bootstrap stack.
        bootstraps = {self._bootstrap(stage): stage for stage in self.digests}
        for stack in (*self.digests, *bootstraps):
            # A refused `destroy` goes first: what it deleted nevertheless is a change.
            if self.destroy:
                yield from self._protection(stack)
            yield Check(
                text=f"{stack}: a second deployment changes nothing",
                found=_error(self.engine.expect_no_changes, stack),
            )
        if not self.destroy:
            return
        for stage in self.digests:
            yield Check(
                text=f"{stage}: the stage can be taken away, and its artifacts stay",
                found=_error(self._take_stage_away, stage),
            )
        for stack, stage in bootstraps.items():
            yield Check(
                text=f"{stack}: the account's resources can be taken away",
                found=_error(self._take_bootstrap_away, stage),
            )

    def _protection(self, stack: str) -> Iterator[Check]:
        """Yield whether a stack that holds data is protected from a careless `destroy`."""
        if self.engine.protects(stack):
            refused = _error(self.engine.destroy, stack)
            yield Check(
                text=f"{stack}: what holds data is not destroyed unasked",
                found="" if "protected" in refused else refused or "it was destroyed",
            )

    def _take_stage_away(self, stage: str) -> None:
        outputs = self.engine.outputs(stage)
        queue, bucket = outputs["queueUrl"], self._bucket(stage)
        self._unprotect(stage)
        self.engine.destroy(stage)
        try:
            self._client("sqs", stage).get_queue_attributes(QueueUrl=queue)
        except ClientError as error:
            if "NonExistentQueue" not in str(error):
                raise
        else:
            raise RuntaskError(f"queue {queue} is still there")
        built = pinned(self.project.stack_file(stage)) == BUILD
        key = artifact_object_key(BUILDS if built else ARTIFACTS, self.digests[stage])
        self._client("s3", stage).head_object(Bucket=bucket, Key=key)

    def _take_bootstrap_away(self, stage: str) -> None:
        """Destroy the stack, with the artifacts in its bucket."""
        stack, bucket = self._bootstrap(stage), self._bucket(stage)
        self._unprotect(stack)
        self.engine.destroy(stack)
        names = [one["Name"] for one in self._client("s3", stage).list_buckets()["Buckets"]]
        if bucket in names:
            raise RuntaskError(f"bucket {bucket} is still there")

    def _unprotect(self, stack: str) -> None:
        """Take the protection away in the stack's file, and deploy that."""
        if not self.engine.protects(stack):
            return
        yaml, path = YAML(), self.project.stack_file(stack)
        content = yaml.load(path.read_text(encoding="utf-8"))
        content["config"][f"{PROJECT}:protect"] = False
        yaml.dump(content, path)
        self.engine.up(stack)

    def _bootstrap(self, stage: str) -> str:
        return self.project.stage_config(stage).bootstrap

    def _bucket(self, stage: str) -> str:
        return str(self.engine.outputs(self._bootstrap(stage))["artifactBucket"])

    def _client(self, service: str, stage: str) -> Any:  # noqa: ANN401 - its type follows from the service
        location = self.project.stage_config(stage).location
        return self.emulator.client(service, location.account, location.region)


def _error(step: Callable[[str], None], stack: str) -> str:
    """Take a step, and return why it failed, or empty."""
    try:
        step(stack)
    except (ClientError, RuntaskError) as error:
        return str(error)
    return ""
