"""The types and functions of the AWS provider that the engine knows, one file a service."""

from __future__ import annotations

from runtask.local.engine.resources import (
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

KINDS = {
    kind.token: kind
    for module in (cloudwatch, dynamodb, events, iam, kms, lambdas, s3, sns, sqs)
    for kind in module.KINDS
}
FUNCTIONS = functions.FUNCTIONS

__all__ = ["FUNCTIONS", "KINDS"]
