"""Who uses a resource: readers and senders of any account, and a stage's alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from infra.config_reader import is_service
from infra.names import stage_name
from infra.policies.statements import Conditions, Principals, Statement, allow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import Input

    from infra.names import Location

# The service that executes the actions of alarms.
ALARMS: Final[Principals] = {"Service": "cloudwatch.amazonaws.com"}

# The service that delivers the events of a rule.
EVENTS_SERVICE: Final[Principals] = {"Service": "events.amazonaws.com"}


def alarms_of(location: Location, stage: str) -> Conditions:
    """Return the conditions that hold for a stage's alarms only.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    alarms = location.arn("cloudwatch", f"alarm:{stage_name(stage)}-*")
    return {
        "ArnLike": {"aws:SourceArn": alarms},
        "StringEquals": {"aws:SourceAccount": location.account},
    }


def readers_of(
    sid: str, actions: Sequence[str], resources: Sequence[Input[str]], readers: Sequence[str]
) -> list[Statement]:
    """Return statements that grant access to roles of other accounts.

    The principal is the account and the role is a condition. IAM would store a role that is the
    principal by its id, and lock out a role of the same name that replaces it.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if not readers:
        return []
    accounts = sorted({reader.split(":")[4] for reader in readers})
    return [
        allow(
            sid,
            actions,
            resources=resources,
            principals={"AWS": accounts},
            conditions={"ArnLike": {"aws:PrincipalArn": sorted(readers)}},
        )
    ]


def payload_readers_of(
    actions: Sequence[str],
    resources: Sequence[Input[str]],
    roles: Sequence[str],
    *,
    conditions: Conditions,
) -> list[Statement]:
    """Return statements that let task roles read payloads.

    A role that is spelled out is the principal, and needs no policy of its own. IAM takes no
    pattern as a principal: roles that a pattern matches need the permission themselves, too.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html

    Args:
        actions: What they may do.
        resources: The objects or the key.
        roles: ARNs or patterns of roles.
        conditions: Further conditions.
    """
    patterns = sorted(role for role in roles if "*" in role or "?" in role)
    exact = sorted(set(roles) - set(patterns))
    statements = []
    if exact:
        statements.append(
            allow(
                "ReadPayloads",
                actions,
                resources=resources,
                principals={"AWS": exact},
                conditions=conditions or None,
            )
        )
    if patterns:
        statements.append(
            allow(
                "ReadPayloadsByPattern",
                actions,
                resources=resources,
                principals={"AWS": sorted({role.split(":")[4] for role in patterns})},
                conditions={**conditions, "ArnLike": {"aws:PrincipalArn": patterns}},
            )
        )
    return statements


def senders_of(
    senders: Sequence[str],
    actions: Sequence[str],
    resources: Sequence[Input[str]],
    *,
    services: Conditions,
    principals: Conditions | None = None,
) -> list[Statement]:
    """Return statements that grant access to senders.

    Args:
        senders: Account ids, ARNs of roles or users of this or other accounts, and AWS services.
        actions: What they may do.
        resources: The queue or the key.
        services: Conditions for AWS services.
        principals: Conditions for all others.
    """
    named = sorted(sender for sender in senders if is_service(sender))
    others = sorted(set(senders) - set(named))
    statements = []
    if others:
        statements.append(
            allow(
                "Senders",
                actions,
                resources=resources,
                principals={"AWS": others},
                conditions=principals,
            )
        )
    if named:
        statements.append(
            allow(
                "SendersServices",
                actions,
                resources=resources,
                principals={"Service": named},
                conditions=services,
            )
        )
    return statements
