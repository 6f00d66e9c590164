"""Runs the Pulumi program without an engine and records the resources that it registers."""

from __future__ import annotations

import asyncio
import contextvars
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pulumi
from pulumi.runtime import mocks, settings, stack

from infra.bundle import ROOT
from infra.names import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What a function stack gets from its account's bootstrap stack.
BOOTSTRAP_OUTPUTS: Final = {
    "artifactBucket": "ecs-run-task-artifacts-0123456",
    "artifactKmsKeyArn": "arn:aws:kms:eu-central-1:111111111111:key/artifacts",
    "deployRoleArn": "arn:aws:iam::111111111111:role/ecs-run-task-deploy-eu-central-1",
    "permissionsBoundaryArn": "arn:aws:iam::111111111111:policy/ecs-run-task/boundary",
}


class UnexpectedLookupError(Exception):
    """The program looked something up in AWS, which it should never need to do."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """One resource that the program registered.

    Attributes:
        type: The type without the provider, such as `sqs/queue:Queue`.
        name: The logical name.
        inputs: The inputs, in the provider's camel case.
        outputs: The outputs, in which ARN and URL are made from the name.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def document(self, key: str) -> dict[str, Any]:
        """Return the JSON document in the input `key`, such as a policy."""
        parsed: dict[str, Any] = json.loads(self.inputs[key])
        return parsed


class Recorder(mocks.Mocks):
    """Stands in for AWS: records each resource and answers with outputs made from its name.

    Args:
        config: The stack's configuration, which names account and region.
        stack_outputs: The outputs of every stack that the program refers to.

    Attributes:
        resources: The registered resources, without components, in order of registration.
    """

    def __init__(self, config: Mapping[str, str], stack_outputs: Mapping[str, str]) -> None:
        (self._account,) = json.loads(config["aws:allowedAccountIds"])
        self._region = config["aws:region"]
        self._stack_outputs = stack_outputs
        self.resources: list[Registered] = []

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        """Refuse a lookup.

        Raises:
            UnexpectedLookupError: always.
        """
        raise UnexpectedLookupError(f"the program looked up {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Record a resource and return its id and outputs."""
        if args.typ == "pulumi:pulumi:StackReference":
            outputs = {"outputs": self._stack_outputs, "secretOutputNames": []}
            return args.name, {"name": args.name, **outputs}
        if not args.typ.startswith("aws:"):
            return args.name, {}
        name = args.inputs.get("name", f"{args.name}-0123456")
        type_ = args.typ.removeprefix("aws:")
        service = type_.partition("/")[0]
        outputs = {
            **args.inputs,
            "name": name,
            "bucket": args.inputs.get("bucket", name),
            "arn": f"arn:aws:{service}:{self._region}:{self._account}:{name}",
            "url": f"https://sqs.{self._region}.amazonaws.com/{self._account}/{name}",
            "keyId": f"key-of-{name}",
            "version": "1",
        }
        self.resources.append(
            Registered(type=type_, name=args.name, inputs=args.inputs, outputs=outputs)
        )
        return name, outputs

    def all(self, type_: str) -> list[Registered]:
        """Return the resources of a type, such as `sqs/queue:Queue`."""
        return [resource for resource in self.resources if resource.type == type_]

    def only(self, type_: str) -> Registered:
        """Return the single resource of a type."""
        (found,) = self.all(type_)
        return found

    def named(self, type_: str, name: str) -> Registered:
        """Return the resource with a type and a logical name."""
        (found,) = [resource for resource in self.all(type_) if resource.name == name]
        return found


def record(
    program: Callable[[], None],
    stack_name: str,
    config: Mapping[str, str],
    stack_outputs: Mapping[str, str] = BOOTSTRAP_OUTPUTS,
) -> Recorder:
    """Run `program` as the engine would and return what it registered.

    Args:
        program: The Pulumi program.
        stack_name: The stack's name.
        config: The stack's configuration, `namespace:key` to text, lists as JSON.
        stack_outputs: The outputs of a stack that the program refers to.
    """
    recorder = Recorder(config, stack_outputs)

    async def run() -> None:
        mocks.set_mocks(recorder, project=PROJECT, stack=stack_name)
        settings.set_root_resource(None)  # type: ignore[arg-type] # there is none yet
        settings.SETTINGS.outputs.clear()
        settings.SETTINGS.root_directory = str(ROOT)
        pulumi.runtime.set_all_config(dict(config))
        await stack.run_in_stack(program)

    contextvars.Context().run(lambda: asyncio.run(run()))
    return recorder
