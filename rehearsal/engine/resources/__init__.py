"""The types and functions of the AWS provider that the engine knows, one file a service."""

from __future__ import annotations

from rehearsal.engine.resources import (
    cloudwatch,
    dynamodb,
    events,
    functions,
    iam,
    kms,
    lambdas,
    s3,
    sns,
    sqs,
)

RESOURCE_TYPES = {
    kind.token: kind
    for module in (cloudwatch, dynamodb, events, iam, kms, lambdas, s3, sns, sqs)
    for kind in module.RESOURCE_TYPES
}
FUNCTIONS = functions.FUNCTIONS

__all__ = ["FUNCTIONS", "RESOURCE_TYPES"]
