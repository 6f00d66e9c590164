"""The allow-list: which clusters, task definitions and roles a message may name.

The patterns are those of the function's own IAM policy, from the same configuration, and match as
in IAM.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from function.limits import ANY_REVISION
from function.message.forms import ECS_ARN, path
from function.message.patterns import matches
from function.message.problems import Problem, listed, not_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from function.message.request import Request
    from function.settings import Settings

_NAME: Final = "[A-Za-z0-9_-]{1,255}"
_CLUSTER: Final = re.compile(_NAME)
_CLUSTER_ARN: Final = re.compile(rf"{ECS_ARN}:cluster/{_NAME}")
_TASK_DEFINITION: Final = re.compile(rf"{_NAME}(:[0-9]{{1,9}})?")
_TASK_DEFINITION_ARN: Final = re.compile(rf"{ECS_ARN}:task-definition/{_NAME}(:[0-9]{{1,9}})?")
_ROLE: Final = re.compile(r"[A-Za-z0-9_+=,.@/-]{1,512}")
_ROLE_ARN: Final = re.compile(r"arn:[a-z-]{1,32}:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}")

# A pattern that names a revision, so that a message may name it.
_REVISION: Final = re.compile(r".*:[0-9]{1,9}")


def problems(request: Request, settings: Settings) -> Iterator[Problem]:
    """Yield the names in a request that the patterns in the settings do not allow.

    The reason is `not-allowed`, or `bad-value` if it is not a name at all.
    """
    yield from _cluster(request, settings)
    yield from _task_definition(request, settings)
    for place, role, patterns, option in _roles(request, settings):
        where = path(place, flat=request.flat)
        arn = _role_arn(role, settings)
        if arn is None:
            yield _not_a_name(where, "a role")
        elif not _allowed([arn], patterns):
            yield not_allowed(where, arn, listed(patterns), settings, option)


def _cluster(request: Request, settings: Settings) -> Iterator[Problem]:
    arn = request.cluster
    where = path("cluster", flat=request.flat)
    if _CLUSTER.fullmatch(arn):
        arn = f"{_ecs_arn(settings)}:cluster/{arn}"
    elif _CLUSTER_ARN.fullmatch(arn) is None:
        yield _not_a_name(where, "a cluster")
        return
    if not _allowed([arn], settings.clusters):
        yield not_allowed(where, arn, listed(settings.clusters), settings, "clusters")


def _task_definition(request: Request, settings: Settings) -> Iterator[Problem]:
    """Check a task definition; one pattern has to match all ARNs that stand for it.

    Without a revision RunTask takes the latest one, so the pattern has to match every revision.
    Two ARNs that no pattern can match otherwise stand for revisions of one and of more digits.
    """
    where = path("taskDefinition", flat=request.flat)
    arn = request.task_definition
    if _TASK_DEFINITION.fullmatch(arn):
        arn = f"{_ecs_arn(settings)}:task-definition/{arn}"
    parts = _TASK_DEFINITION_ARN.fullmatch(arn)
    if parts is None:
        yield _not_a_name(where, "a task definition")
        return
    arns = [arn] if parts[1] else [f"{arn}:*", f"{arn}:**"]
    patterns = settings.task_definitions
    if not _allowed(arns, patterns):
        yield not_allowed(where, arns[0], listed(patterns), settings, "taskDefinitions")
    elif parts[1] and settings.task_definition_revisions != ANY_REVISION:
        revisions = [pattern for pattern in patterns if _REVISION.fullmatch(pattern)]
        if not _allowed(arns, revisions):
            names = [arn.removesuffix(parts[1]), *revisions]
            yield not_allowed(
                where, arn, listed(names), settings, f"taskDefinitionRevisions: {ANY_REVISION}"
            )


def _role_arn(role: str, settings: Settings) -> str | None:
    if _ROLE_ARN.fullmatch(role):
        return role
    if _ROLE.fullmatch(role):
        return f"arn:{settings.partition}:iam::{settings.account}:role/{role}"
    return None


def _ecs_arn(settings: Settings) -> str:
    return f"arn:{settings.partition}:ecs:{settings.region}:{settings.account}"


def _not_a_name(where: str, what: str) -> Problem:
    return Problem("bad-value", f"{where}: expected the name or ARN of {what}")


def _roles(request: Request, settings: Settings) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield location and name of every role, the patterns for it, and their option."""
    overrides = request.parameters.get("overrides", {})
    for name, patterns, option in (
        ("taskRoleArn", settings.task_roles, "taskRoles"),
        ("executionRoleArn", settings.execution_roles, "executionRoles"),
    ):
        if name in overrides:
            yield f"overrides.{name}", overrides[name], patterns, option
    for number, volume in enumerate(request.parameters.get("volumeConfigurations", ())):
        if "managedEBSVolume" in volume:
            place = f"volumeConfigurations[{number}].managedEBSVolume.roleArn"
            role = volume["managedEBSVolume"]["roleArn"]
            yield place, role, settings.volume_roles, "volumeRoles"


def _allowed(arns: list[str], patterns: tuple[str, ...] | list[str]) -> bool:
    """Return whether one pattern matches all ARNs."""
    return any(all(matches(pattern, arn) for arn in arns) for pattern in patterns)
