"""What an account has that a stage could name: clusters, task definitions, and their roles."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    import boto3

# The most that is offered of each kind.
MAX_OFFERED: Final = 50


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an account has.

    Attributes:
        account: Its id; empty where the credentials are of no account, or of another one.
        identity: The ARN of the caller's role or user; empty if it is unknown.
        clusters: The names of its clusters.
        families: The families of its active task definitions.
        problem: Why nothing or not everything was found; empty if all was.
    """

    account: str = ""
    identity: str = ""
    clusters: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    problem: str = ""


def discover(session: boto3.Session, account: str = "") -> Found:
    """Return what the account of a session has.

    Args:
        session: In the region of the stage.
        account: The id that is expected; empty for any.
    """
    try:
        caller = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError, ProfileNotFound) as error:
        return Found(problem=f"no valid credentials: {error}")
    if account and caller["Account"] != account:
        return Found(problem=f"the credentials are of account {caller['Account']}")
    identity = _lasting(session, caller["Arn"])
    ecs = session.client("ecs")
    try:
        pages = ecs.get_paginator("list_clusters").paginate()
        clusters = [arn.rpartition("/")[2] for page in pages for arn in page["clusterArns"]]
        families = [
            family
            for page in ecs.get_paginator("list_task_definition_families").paginate(status="ACTIVE")
            for family in page["families"]
        ]
    except (BotoCoreError, ClientError) as error:
        return Found(account=caller["Account"], identity=identity, problem=str(error))
    return Found(
        account=caller["Account"],
        identity=identity,
        clusters=tuple(islice(sorted(clusters), MAX_OFFERED)),
        families=tuple(islice(sorted(families), MAX_OFFERED)),
    )


def roles_of(
    session: boto3.Session, task_definitions: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the task roles and the execution roles of task definitions; patterns have none."""
    ecs = session.client("ecs")
    task_roles: dict[str, None] = {}
    execution_roles: dict[str, None] = {}
    for name in task_definitions:
        if set(name) & set("*?"):
            continue
        try:
            found = ecs.describe_task_definition(taskDefinition=name)["taskDefinition"]
        except (BotoCoreError, ClientError):
            continue
        task_roles |= dict.fromkeys(filter(None, [found.get("taskRoleArn")]))
        execution_roles |= dict.fromkeys(filter(None, [found.get("executionRoleArn")]))
    return tuple(task_roles), tuple(execution_roles)


def _lasting(session: boto3.Session, arn: str) -> str:
    """Return the ARN of the role of a session, or of a user; empty if it is unknown.

    The ARN of a session has no path, and that of a role of IAM Identity Center has one.
    """
    if ":assumed-role/" not in arn:
        return arn
    try:
        return session.client("iam").get_role(RoleName=arn.split("/")[1])["Role"]["Arn"]
    except (BotoCoreError, ClientError):
        return ""
