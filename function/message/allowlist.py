"""The allow-list: which clusters, task definitions and roles a message may name.

The patterns are those of the function's own IAM policy, from the same configuration, and match as
in IAM: `*` is any text, `?` is any one character, and everything else is literal.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from function.failures.reasons import PermanentFailure
from function.message.forms import ECS_ARN, path

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


def check(request: Request, settings: Settings) -> None:
    """Check the names in a request against the patterns in the settings.

    Raises:
        PermanentFailure: `not-allowed`, with what is; `bad-value` if it is not a name at all.
    """
    where = path("cluster", flat=request.flat)
    arn = _cluster_arn(request.cluster, settings, where)
    _require(where, [arn], settings.clusters)
    where = path("taskDefinition", flat=request.flat)
    arns = _task_definition_arns(request.task_definition, settings, where)
    _require(where, arns, settings.task_definitions)
    for place, role in _roles(request):
        where = path(place, flat=request.flat)
        _require(where, [_role_arn(role, settings, where)], settings.pass_roles)


def _cluster_arn(cluster: str, settings: Settings, where: str) -> str:
    if _CLUSTER_ARN.fullmatch(cluster):
        return cluster
    if _CLUSTER.fullmatch(cluster):
        return f"{_ecs_arn(settings)}:cluster/{cluster}"
    raise _not_a_name(where, "a cluster")


def _task_definition_arns(task_definition: str, settings: Settings, where: str) -> list[str]:
    """Return the ARNs that stand for a task definition; one pattern has to match all of them.

    Without a revision RunTask takes the latest one, so the pattern has to match every revision.
    Two ARNs that no pattern can match otherwise stand for revisions of one and of more digits.
    """
    arn = task_definition
    if _TASK_DEFINITION.fullmatch(task_definition):
        arn = f"{_ecs_arn(settings)}:task-definition/{task_definition}"
    parts = _TASK_DEFINITION_ARN.fullmatch(arn)
    if parts is None:
        raise _not_a_name(where, "a task definition")
    return [arn] if parts[1] else [f"{arn}:*", f"{arn}:**"]


def _role_arn(role: str, settings: Settings, where: str) -> str:
    if _ROLE_ARN.fullmatch(role):
        return role
    if _ROLE.fullmatch(role):
        return f"arn:{settings.partition}:iam::{settings.account}:role/{role}"
    raise _not_a_name(where, "a role")


def _ecs_arn(settings: Settings) -> str:
    return f"arn:{settings.partition}:ecs:{settings.region}:{settings.account}"


def _not_a_name(where: str, what: str) -> PermanentFailure:
    return PermanentFailure("bad-value", f"{where}: expected the name or ARN of {what}")


def _roles(request: Request) -> Iterator[tuple[str, str]]:
    """Yield the location and the name of every role in a request."""
    overrides = request.parameters.get("overrides", {})
    for name in ("taskRoleArn", "executionRoleArn"):
        if name in overrides:
            yield f"overrides.{name}", overrides[name]
    for number, volume in enumerate(request.parameters.get("volumeConfigurations", ())):
        if "managedEBSVolume" in volume:
            place = f"volumeConfigurations[{number}].managedEBSVolume.roleArn"
            yield place, volume["managedEBSVolume"]["roleArn"]


def _require(where: str, arns: list[str], patterns: tuple[str, ...]) -> None:
    if not any(all(_compiled(pattern).fullmatch(arn) for arn in arns) for pattern in patterns):
        allowed = ", ".join(patterns) or "nothing"
        raise PermanentFailure(
            "not-allowed", f"{where}: {arns[0]} is not on the allow-list: {allowed}"
        )


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.DOTALL)
