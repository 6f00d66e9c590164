"""Renders the registered resources as a Terraform plan, which scanners of infrastructure read.

The AWS provider of Pulumi is made from Terraform's: the types and the properties are the same, in
another spelling. Pulumi writes a block that occurs once as an object, and a block that may occur
several times as a list with a plural name; in a plan, both are lists with a singular name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pulumi import FileAsset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.recorder import Registered

# The types that Pulumi has another name for.
_TYPES: Final[Mapping[str, str]] = {
    "iam/openIdConnectProvider": "aws_iam_openid_connect_provider",
    "s3/bucketObjectv2": "aws_s3_object",
    "sqs/redriveAllowPolicy": "aws_sqs_queue_redrive_allow_policy",
}

# The blocks that may occur several times, which Pulumi names in the plural.
_BLOCKS: Final[Mapping[str, str]] = {
    "attributes": "attribute",
    "globalSecondaryIndexes": "global_secondary_index",
    "metricQueries": "metric_query",
    "notifications": "notification",
    "rules": "rule",
    "transitions": "transition",
}

# Properties whose value is a map, and not a block.
_MAPS: Final = frozenset({"dimensions", "tags", "variables"})

# The outputs by which other resources refer to one; the ARN for every other type.
_IDENTIFIERS: Final[Mapping[str, tuple[str, ...]]] = {
    "iam/role:Role": ("arn", "name"),
    "kms/key:Key": ("arn", "keyId"),
    "lambda/function:Function": ("arn", "name"),
    "s3/bucket:Bucket": ("arn", "bucket"),
    "sqs/queue:Queue": ("arn", "url"),
}

# The oldest version of the format that has everything below.
_FORMAT: Final = {"format_version": "1.2", "terraform_version": "1.6.0"}


def terraform_type(pulumi_type: str) -> str:
    """Return Terraform's name of a type such as `sqs/queue:Queue`."""
    path = pulumi_type.partition(":")[0]
    service, _, name = path.partition("/")
    return _TYPES.get(path, f"aws_{service}_{_snake(name)}")


def address(key: str, resource: Registered) -> str:
    """Return the address of a resource in the plan.

    Args:
        key: `<stack> <type> <name>`, as in `Registrations`.
        resource: The resource.
    """
    stack = key.partition(" ")[0]
    name = re.sub(r"[^\w-]", "-", resource.name)
    return f"{terraform_type(resource.type)}.{stack}_{name}"


def render(resources: Mapping[str, Registered]) -> dict[str, Any]:
    """Return a plan that creates the resources, by `<stack> <type> <name>`."""
    addresses = {key: address(key, resource) for key, resource in resources.items()}
    changes, planned, configured = [], [], []
    for key, resource in resources.items():
        after = {
            _BLOCKS.get(name, _snake(name)): _value(name, value)
            for name, value in resource.inputs.items()
        }
        type_, _, name = addresses[key].partition(".")
        head = {"address": addresses[key], "mode": "managed", "type": type_, "name": name}
        change = {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}
        changes.append({**head, "change": change})
        planned.append({**head, "values": after})
        stack = key.partition(" ")[0]
        others = {other: one for other, one in resources.items() if other.startswith(f"{stack} ")}
        configured.append({**head, "expressions": _references(resource, others, addresses)})
    return {
        **_FORMAT,
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": configured}},
    }


def _references(
    resource: Registered, others: Mapping[str, Registered], addresses: Mapping[str, str]
) -> dict[str, dict[str, list[str]]]:
    """Return which resource each input names, without which a scanner sees no connection."""
    expressions = {}
    for name, value in resource.inputs.items():
        found = [
            addresses[key]
            for key, other in others.items()
            if other is not resource and name != "name" and value in _identifiers(other)
        ]
        if found:
            references = [text for one in found for text in (f"{one}.id", one)]
            expressions[_snake(name)] = {"references": references}
    return expressions


def _identifiers(resource: Registered) -> list[str]:
    return [resource.outputs[name] for name in _IDENTIFIERS.get(resource.type, ("arn",))]


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a resource takes
    if name in _MAPS:
        return value
    if isinstance(value, dict):
        return [{_BLOCKS.get(key, _snake(key)): _value(key, one) for key, one in value.items()}]
    if isinstance(value, (list, tuple)):
        return [_value(name, one)[0] if isinstance(one, dict) else one for one in value]
    # What is uploaded; a plan has its path.
    return value.path if isinstance(value, FileAsset) else value


def _snake(camel: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", camel).lower()
