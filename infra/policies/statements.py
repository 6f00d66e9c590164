"""The parts that every IAM document is put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi import Input, Output

Statement = dict[str, Any]
Document = dict[str, Any]
Principals = Mapping[str, str | Sequence[Input[str]]]
Conditions = Mapping[str, Mapping[str, Input[str] | Sequence[Input[str]]]]

# The version of the policy language, not a date of ours.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
_LANGUAGE_VERSION = "2012-10-17"


def document(*statements: Statement | None) -> Document:
    """Return a policy document; a statement that is None is left out."""
    return {
        "Version": _LANGUAGE_VERSION,
        "Statement": [statement for statement in statements if statement is not None],
    }


def under(arn: Input[str], path: str) -> Input[str]:
    """Return the ARN of what lies under `arn`; a plain ARN gives a plain one."""
    return f"{arn}{path}" if isinstance(arn, str) else Output.concat(arn, path)


def allow(
    sid: str,
    actions: Sequence[str],
    *,
    resources: Sequence[Input[str]] | None = None,
    principals: Principals | None = None,
    conditions: Conditions | None = None,
) -> Statement:
    """Return a statement that allows `actions`; a trust policy has no resources."""
    return _statement("Allow", sid, actions, resources, principals, conditions)


def deny(
    sid: str,
    actions: Sequence[str],
    *,
    resources: Sequence[Input[str]],
    conditions: Conditions,
    principals: Principals | None = None,
) -> Statement:
    """Return a statement that denies `actions` to everybody under `conditions`."""
    return _statement("Deny", sid, actions, resources, principals or {"AWS": "*"}, conditions)


def deny_without_tls(actions: Sequence[str], resources: Sequence[Input[str]]) -> Statement:
    """Return a statement that denies `actions` over a connection without TLS."""
    return deny(
        "DenyWithoutTls",
        actions,
        resources=resources,
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


def _statement(  # noqa: PLR0913, PLR0917 - the elements of a statement are what they are
    effect: str,
    sid: str,
    actions: Sequence[str],
    resources: Sequence[Input[str]] | None,
    principals: Principals | None,
    conditions: Conditions | None,
) -> Statement:
    statement: Statement = {"Sid": sid, "Effect": effect}
    if principals is not None:
        statement["Principal"] = dict(principals)
    statement["Action"] = list(actions)
    if resources is not None:
        statement["Resource"] = list(resources)
    if conditions is not None:
        statement["Condition"] = {operator: dict(keys) for operator, keys in conditions.items()}
    return statement
