"""Builds IAM policy documents statement by statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pulumi import Input, Output

Statement = dict[str, Any]
Document = dict[str, Any]
Principals = Mapping[str, str | Sequence[Input[str]]]
Conditions = Mapping[str, Mapping[str, Input[str] | Sequence[Input[str]]]]

# The version of the policy language; not a date to update.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
_LANGUAGE_VERSION: Final = "2012-10-17"

# How the names of actions that only read begin.
_READ_VERBS: Final = ("Describe", "Get", "List")


def document(*statements: Statement | None) -> Document:
    """Return a policy document of the statements that are not None."""
    return {
        "Version": _LANGUAGE_VERSION,
        "Statement": [statement for statement in statements if statement is not None],
    }


def under(arn: Input[str], path: str) -> Input[str]:
    """Return `arn` followed by `path`; plain text if `arn` is plain text."""
    return f"{arn}{path}" if isinstance(arn, str) else Output.concat(arn, path)


def reads(actions: Iterable[str]) -> list[str]:
    """Return the actions that show what a resource is, and not what is in it."""
    return [action for action in actions if action.partition(":")[2].startswith(_READ_VERBS)]


def allow(
    sid: str,
    actions: Sequence[str],
    *,
    resources: Sequence[Input[str]] | None = None,
    principals: Principals | None = None,
    conditions: Conditions | None = None,
) -> Statement:
    """Return a statement that allows `actions`; in a trust policy, without `resources`."""
    return _statement("Allow", sid, actions, resources, principals, conditions)


def deny(
    sid: str,
    actions: Sequence[str],
    *,
    resources: Sequence[Input[str]],
    conditions: Conditions,
    principals: Principals | None = None,
) -> Statement:
    """Return a statement that denies `actions` under `conditions`; by default to everyone."""
    return _statement("Deny", sid, actions, resources, principals or {"AWS": "*"}, conditions)


def deny_without_tls(actions: Sequence[str], resources: Sequence[Input[str]]) -> Statement:
    """Return a statement that denies `actions` over connections without TLS."""
    return deny(
        "DenyWithoutTls",
        actions,
        resources=resources,
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


def _statement(  # noqa: PLR0913, PLR0917 - one parameter per element of a statement
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
