"""The IAM documents of two accounts, as AWS would have them: with ARNs of its form."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from infra.bundle import ROOT
from infra.names import BOOTSTRAP_SUFFIX, PROJECT
from infra.program import main
from runtask.project import load_project
from tools.recorder import MADE_UP_SUFFIX, record
from tools.registrations import exported

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tools.recorder import Registered

DEV: Final = "111111111111"
PROD: Final = "222222222222"
SENDERS: Final = "333333333333"
STRANGERS: Final = "999999999999"
REGION: Final = "eu-central-1"

SENDER: Final = f"arn:aws:iam::{SENDERS}:role/orders"

# What the example stacks leave out, so that every statement is written.
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "dev-bootstrap": {
        "githubRepositories": '["example/reports"]',
        "githubSubjects": '["environment:dev"]',
        "githubReadSubjects": '["environment:preview"]',
    },
    "dev": {
        "senders": json.dumps(["events.amazonaws.com", SENDER]),
        "payloads": "true",
        "results": "queue",
        "resultReaders": json.dumps([SENDER]),
    },
    "prod-bootstrap": {},
}

Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Somebody who makes a request.

    Attributes:
        arn: ARN of a role, or the name of a service.
        policies: The policies that are attached to the role.
        boundary: Its permissions boundary, if any.
    """

    arn: str
    policies: tuple[Document, ...] = ()
    boundary: Document | None = None


@dataclass(frozen=True, kw_only=True)
class Documents:
    """The documents of the example stacks.

    Attributes:
        roles: The roles, by logical name, such as `ecs-run-task-deploy`; those of prod after
            `prod `.
        resources: The policies of resources, by the resource's ARN; a role's is its trust policy.
        arns: The ARNs of the resources, by logical name.
    """

    roles: Mapping[str, Principal]
    resources: Mapping[str, Document]
    arns: Mapping[str, str] = field(default_factory=dict)


def documents() -> Documents:
    """Return the documents of dev's two stacks, and of prod's bootstrap stack."""
    project = load_project(ROOT)
    recorders = {}
    outputs: dict[str, Any] = {}
    for stack, options in _OPTIONS.items():
        config = project.stack_config(stack)
        config.update({f"{PROJECT}:{key}": text for key, text in options.items()})
        recorders[stack] = record(main, stack, config, outputs)
        if stack.endswith(BOOTSTRAP_SUFFIX):
            outputs = exported(recorders[stack])
    roles: dict[str, Principal] = {}
    policies: dict[str, Document] = {}
    arns: dict[str, str] = {}
    dev = [*recorders["dev-bootstrap"].resources, *recorders["dev"].resources]
    for prefix, account, resources in (
        ("", DEV, dev),
        ("prod ", PROD, recorders["prod-bootstrap"].resources),
    ):
        real = _Real(account, resources)
        arns.update({f"{prefix}{one.name}": real.arn(one) for one in resources})
        policies.update(real.resource_policies())
        roles.update({f"{prefix}{name}": role for name, role in real.roles().items()})
    return Documents(roles=roles, resources=policies, arns=arns)


class _Real:
    """Replaces the ARNs that were made up when the resources were registered."""

    def __init__(self, account: str, resources: Iterable[Registered]) -> None:
        self._account = account
        self._resources = list(resources)
        self._arns = {one.outputs["arn"]: self.arn(one) for one in self._resources}

    def arn(self, resource: Registered) -> str:
        """Return the ARN that AWS would give a resource."""
        name, service = self._unique(resource.outputs["name"]), resource.type.partition("/")[0]
        path = resource.inputs.get("path", "/")
        regional = f"{REGION}:{self._account}:"
        forms = {
            "iam/role:Role": f":{self._account}:role{path}{name}",
            "iam/policy:Policy": f":{self._account}:policy{path}{name}",
            "iam/openIdConnectProvider:OpenIdConnectProvider": (
                f":{self._account}:oidc-provider/{resource.inputs.get('url', '')[8:]}"
            ),
            "s3/bucket:Bucket": f"::{self._unique(resource.outputs['bucket'])}",
            "kms/key:Key": f"{regional}key/{name}",
            "dynamodb/table:Table": f"{regional}table/{name}",
            "lambda/function:Function": f"{regional}function:{name}",
        }
        return f"arn:aws:{service}:{forms.get(resource.type, f'{regional}{name}')}"

    def _document(self, text: str) -> Document:
        # Longest first: an ARN may be the beginning of another.
        for made_up in sorted(self._arns, key=len, reverse=True):
            text = text.replace(made_up, self._arns[made_up])
        parsed: Document = json.loads(self._unique(text))
        return parsed

    def _unique(self, text: str) -> str:
        """Return a text in which the made-up part of names differs from account to account."""
        return text.replace(MADE_UP_SUFFIX, self._account)

    def _named(self, kind: str, key: str, value: object) -> Registered:
        """Return the resource of a kind that an input names."""
        (found,) = [
            one for one in self._resources if one.type == kind and one.outputs[key] == value
        ]
        return found

    def resource_policies(self) -> dict[str, Document]:
        """Return the policies of resources by the resource's ARN."""
        found = {}
        for one in self._resources:
            if one.type == "kms/key:Key":
                found[self.arn(one)] = self._document(one.inputs["policy"])
            elif one.type == "iam/role:Role":
                found[self.arn(one)] = self._document(one.inputs["assumeRolePolicy"])
            elif one.type == "s3/bucketPolicy:BucketPolicy":
                bucket = self._named("s3/bucket:Bucket", "bucket", one.inputs["bucket"])
                found[self.arn(bucket)] = self._document(one.inputs["policy"])
            elif one.type == "sqs/queuePolicy:QueuePolicy":
                queue = self._named("sqs/queue:Queue", "url", one.inputs["queueUrl"])
                found[self.arn(queue)] = self._document(one.inputs["policy"])
            elif one.type == "sns/topicPolicy:TopicPolicy":
                topic = self._named("sns/topic:Topic", "arn", one.inputs["arn"])
                found[self.arn(topic)] = self._document(one.inputs["policy"])
        return found

    def roles(self) -> dict[str, Principal]:
        """Return the roles with their policies and their boundary, by logical name."""
        boundaries = {
            one.outputs["arn"]: self._document(one.inputs["policy"])
            for one in self._resources
            if one.type == "iam/policy:Policy"
        }
        return {
            one.name: Principal(
                arn=self.arn(one),
                policies=tuple(
                    self._document(policy.inputs["policy"])
                    for policy in self._resources
                    if policy.type == "iam/rolePolicy:RolePolicy"
                    and policy.inputs["role"] == one.outputs["name"]
                ),
                boundary=boundaries.get(one.inputs.get("permissionsBoundary", "")),
            )
            for one in self._resources
            if one.type == "iam/role:Role"
        }
