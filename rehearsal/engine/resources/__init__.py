"""The resource types of the AWS provider that the engine can create, one file a service.

They are exactly those that the Pulumi program uses. To add one: write a function from
`CreateContext` to `Created` and one that deletes, list them in the file's `RESOURCE_TYPES`, and add
the provider's calls to `rehearsal.engine.provider_calls`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rehearsal.engine.resources import (
    cloudwatch,
    dynamodb,
    events,
    iam,
    kms,
    lambda_functions,
    logs,
    s3,
    sns,
    sqs,
)

if TYPE_CHECKING:
    from rehearsal.engine.resource_types import ResourceType

RESOURCE_TYPES: Final[dict[str, ResourceType]] = {
    resource_type.type: resource_type
    for module in (cloudwatch, dynamodb, events, iam, kms, lambda_functions, logs, s3, sns, sqs)
    for resource_type in module.RESOURCE_TYPES
}

__all__ = ["RESOURCE_TYPES"]
