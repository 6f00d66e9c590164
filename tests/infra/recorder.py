"""Runs the Pulumi program against nothing, and keeps what it registers."""

from __future__ import annotations

import asyncio
import contextvars
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime import mocks, settings, stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
PLACE = "eu-central-1:111111111111"

BOOTSTRAP_OUTPUTS = {
    "artifactBucket": "ecs-run-task-artifacts-0123456",
    "artifactKeyArn": "arn:aws:kms:eu-central-1:111111111111:key/artifacts",
    "deployRoleArn": "arn:aws:iam::111111111111:role/ecs-run-task-deploy-eu-central-1",
    "permissionsBoundaryArn": "arn:aws:iam::111111111111:policy/ecs-run-task/boundary",
}


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it: inputs in the provider's own camel case."""

    type: str
    name: str
    inputs: Mapping[str, Any]

    def document(self, key: str) -> dict[str, Any]:
        """Return an input that is a policy, read."""
        read = json.loads(self.inputs[key])
        assert isinstance(read, dict)
        return read


@dataclass
class Recorder(mocks.Mocks):
    """Answers with an ARN that is made of type and name, so that references can be followed."""

    resources: list[Registered] = field(default_factory=list)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program looked {args.token} up")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "pulumi:pulumi:StackReference":
            outputs = {"name": args.name, "outputs": BOOTSTRAP_OUTPUTS, "secretOutputNames": []}
            return args.name, outputs
        self.resources.append(Registered(args.typ, args.name, args.inputs))
        name = args.inputs.get("name", f"{args.name}-0123456")
        outputs = {
            **args.inputs,
            "name": name,
            "bucket": args.inputs.get("bucket", name),
            "arn": f"arn:aws:{args.typ.split(':')[1].split('/')[0]}:{PLACE}:{name}",
            "url": f"https://sqs.eu-central-1.amazonaws.com/111111111111/{name}",
            "keyId": f"key-of-{name}",
            "version": "1",
        }
        return name, outputs

    def only(self, kind: str) -> Registered:
        """Return the single resource of a type."""
        (found,) = self.all(kind)
        return found

    def all(self, kind: str) -> list[Registered]:
        """Return the resources of a type, as in `sqs/queue:Queue`."""
        return [resource for resource in self.resources if resource.type == f"aws:{kind}"]

    def named(self, kind: str, name: str) -> Registered:
        """Return the resource with a type and a logical name."""
        (found,) = [resource for resource in self.all(kind) if resource.name == name]
        return found


def record(program: Callable[[], None], stack_name: str, config: Mapping[str, str]) -> Recorder:
    """Run `program` as the engine would and return what it registered."""
    recorder = Recorder()

    async def run() -> None:
        mocks.set_mocks(recorder, project="ecs-run-task", stack=stack_name)
        settings.set_root_resource(None)  # type: ignore[arg-type] # there is none yet
        settings.SETTINGS.outputs.clear()
        settings.SETTINGS.root_directory = str(ROOT)
        pulumi.runtime.set_all_config(dict(config))
        await stack.run_in_stack(program)

    contextvars.Context().run(lambda: asyncio.run(run()))
    return recorder
