"""Registers the example stacks of two accounts, and answers what refers to what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from infra.bundle import ROOT
from infra.names import PREFIX, PROJECT, artifact_store_name
from infra.program import main
from runtask.project import load_project
from tools.recorder import BOOTSTRAP_OUTPUTS, Recorder, Registered, record

if TYPE_CHECKING:
    from collections.abc import Mapping

DEV_ACCOUNT: Final = "111111111111"
PROD_ACCOUNT: Final = "222222222222"

# What the example stacks leave out, so that every kind of resource is registered.
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "dev-bootstrap": {
        "githubRepositories": '["example/reports"]',
        "githubSubjects": '["environment:dev"]',
    },
    "prod-bootstrap": {
        "githubRepositories": '["example/reports"]',
        "githubSubjects": '["environment:prod"]',
    },
    "dev": {
        "senders": '["events.amazonaws.com"]',
        "notifyEmails": '["operators@example.com"]',
    },
    "prod": {
        "artifact": "ab" * 32,
        "senders": '["events.amazonaws.com"]',
        "notifyEmails": '["operators@example.com"]',
    },
}

# The outputs that other resources refer to.
_IDENTIFIERS: Final = ("arn", "url", "bucket")


@dataclass(frozen=True, kw_only=True)
class Registrations:
    """The resources of all example stacks, by `<stack> <type> <name>`.

    A pattern is such a text with the wildcards of the shell.
    """

    resources: Mapping[str, Registered]

    def matching(self, pattern: str) -> list[str]:
        """Return the keys that match a pattern."""
        return [key for key in self.resources if fnmatchcase(key, pattern)]

    def refers(self, pattern: str, target: str) -> bool:
        """Return whether an input of a matching resource contains `target`.

        Args:
            pattern: Matches the resources whose inputs are searched.
            target: A pattern of resources, whose ARN, URL or name is looked for; or a text, if no
                resource matches it.
        """
        targets = [
            str(self.resources[key].outputs[name])
            for key in self.matching(target)
            for name in _IDENTIFIERS
        ] or [target]
        return any(
            # Not followed by more of a name: `ecs-run-task-dev` is not `ecs-run-task-dev-dlq`.
            re.search(re.escape(text) + r"(?![\w-])", str(self.resources[key].inputs))
            for key in self.matching(pattern)
            for text in targets
        )


def register() -> Registrations:
    """Register the example stacks of both accounts."""
    project = load_project(ROOT)
    resources: dict[str, Registered] = {}
    for stage in ("dev", "prod"):
        outputs: dict[str, Any] = {}
        for stack in (f"{stage}-bootstrap", stage):
            config = project.stack_config(stack)
            config.update({f"{PROJECT}:{key}": text for key, text in _OPTIONS[stack].items()})
            recorder = record(main, stack, config, outputs)
            for resource in recorder.resources:
                resources[f"{stack} {resource.type} {resource.name}"] = resource
            if stack != stage:
                outputs = exported(recorder)
    return Registrations(resources=resources)


def exported(bootstrap: Recorder) -> dict[str, Any]:
    """Return the outputs of a registered bootstrap stack, which its function stack uses."""
    read_role = bootstrap.named("iam/role:Role", f"{PREFIX}read").outputs
    bucket = bootstrap.named("s3/bucket:Bucket", artifact_store_name()).outputs
    return {
        **BOOTSTRAP_OUTPUTS,
        "artifactBucket": bucket["bucket"],
        "artifactKmsKeyArn": bootstrap.only("kms/key:Key").outputs["arn"],
        "permissionsBoundaryArn": bootstrap.only("iam/policy:Policy").outputs["arn"],
        "readRoleArn": read_role["arn"],
        "boundaryRoles": ["*"],
        "boundaryClusters": ["*"],
        "allowNotifyEmails": True,
    }
