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
    from collections.abc import Callable, Mapping, Sequence

# Follows a name that AWS would choose.
MADE_UP_SUFFIX: Final = "0123456"

# What a function stack gets from its account's bootstrap stack.
BOOTSTRAP_OUTPUTS: Final[Mapping[str, str | Sequence[str] | bool]] = {
    "artifactBucket": "ecs-run-task-artifacts-0123456",
    "artifactKmsKeyArn": "arn:aws:kms:eu-central-1:111111111111:key/artifacts",
    "deployRoleArn": "arn:aws:iam::111111111111:role/ecs-run-task-deploy-eu-central-1",
    "permissionsBoundaryArn": "arn:aws:iam::111111111111:policy/ecs-run-task/boundary",
    "boundaryRoles": ["arn:aws:iam::*:role/report-*"],
    "boundaryClusters": ["arn:aws:ecs:*:*:cluster/batch*"],
    "allowNotifyEmails": True,
    "readRoleArn": "arn:aws:iam::111111111111:role/ecs-run-task-read-eu-central-1",
    "outcomes": True,
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
        protect: Whether Pulumi refuses to delete or replace it.
        deleted_with: Logical name of the resource that takes it along when it is deleted; or empty.
        depends_on: Logical names of the resources that must be there before it.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    protect: bool
    deleted_with: str
    depends_on: frozenset[str]

    def document(self, key: str) -> dict[str, Any]:
        """Return the JSON document in the input `key`, such as a policy."""
        parsed: dict[str, Any] = json.loads(self.inputs[key])
        return parsed


class OptionsMonitor(mocks.MockMonitor):
    """Pulumi's mock of its resource monitor, which also keeps the options of each resource.

    Attributes:
        requests: The registrations by type token and logical name.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self.requests: dict[tuple[str, str], Any] = {}
        recorder.monitor = self

    def RegisterResource(self, request: Any) -> Any:  # noqa: ANN401, N802 - Pulumi's own
        """Keep a registration, and pass it on."""
        self.requests[request.type, request.name] = request
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


class Recorder(mocks.Mocks):
    """Stands in for AWS: records each resource and answers with outputs made from its name.

    Args:
        config: The stack's configuration, which names account and region.
        stack_outputs: The outputs of every stack that the program refers to.

    Attributes:
        resources: The registered resources, without components, in order of registration.
        monitor: Knows the options of each resource.
    """

    monitor: OptionsMonitor

    def __init__(self, config: Mapping[str, str], stack_outputs: Mapping[str, Any]) -> None:
        self._config = dict(config)
        (self._account,) = json.loads(config["aws:allowedAccountIds"])
        self._region = config["aws:region"]
        self._stack_outputs = stack_outputs
        self.resources: list[Registered] = []

    def run(self, program: Callable[[], None], stack_name: str) -> None:
        """Run a Pulumi program as a stack. What it registered before it failed is kept."""

        async def main() -> None:
            mocks.set_mocks(self, project=PROJECT, stack=stack_name, monitor=OptionsMonitor(self))
            settings.set_root_resource(None)  # type: ignore[arg-type] # there is none yet
            settings.SETTINGS.outputs.clear()
            settings.SETTINGS.root_directory = str(ROOT)
            pulumi.runtime.set_all_config(self._config)
            await stack.run_in_stack(program)

        contextvars.Context().run(lambda: asyncio.run(main()))

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
        name = args.inputs.get("name", f"{args.name}-{MADE_UP_SUFFIX}")
        type_ = args.typ.removeprefix("aws:")
        service = type_.partition("/")[0]
        outputs = {
            **args.inputs,
            "name": name,
            "bucket": args.inputs.get("bucket", name),
            "arn": f"arn:aws:{service}:{self._region}:{self._account}:{name}",
            "url": f"https://sqs.{self._region}.amazonaws.com/{self._account}/{name}",
            "keyId": f"key-of-{name}",
            "versionId": f"version-of-{name}",
            "version": "1",
        }
        options = self.monitor.requests[args.typ, args.name]
        self.resources.append(
            Registered(
                type=type_,
                name=args.name,
                inputs=args.inputs,
                outputs=outputs,
                protect=options.protect,
                deleted_with=_name(options.deletedWith),
                depends_on=frozenset(map(_name, options.dependencies)),
            )
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
    stack_outputs: Mapping[str, Any] = BOOTSTRAP_OUTPUTS,
) -> Recorder:
    """Run `program` as the engine would and return what it registered.

    Args:
        program: The Pulumi program.
        stack_name: The stack's name.
        config: The stack's configuration, `namespace:key` to text, lists as JSON.
        stack_outputs: The outputs of a stack that the program refers to.
    """
    recorder = Recorder(config, stack_outputs)
    recorder.run(program, stack_name)
    return recorder


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]
