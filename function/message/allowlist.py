"""The allow-list: which clusters, task definitions and roles a message may name.

The patterns are those of the function's own IAM policy, from the same configuration, and are
matched as IAM does: `*` is any text, `?` any one character, everything else is itself.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

from function.failures.reasons import PermanentFailure
from function.message.forms import path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from function.message.request import Request
    from function.settings import Settings

_NAME: Final = "[A-Za-z0-9_-]{1,255}"
_CLUSTER: Final = re.compile(_NAME)
_CLUSTER_ARN: Final = re.compile(rf"arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{{12}}:cluster/{_NAME}")
_FAMILY: Final = re.compile(rf"{_NAME}(:[0-9]{{1,9}})?")
_TASK_DEFINITION_ARN: Final = re.compile(
    rf"(arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{{12}}:task-definition/{_NAME})(:[0-9]{{1,9}})?"
)
_ROLE: Final = re.compile(r"[A-Za-z0-9_+=,.@/-]{1,512}")
_ROLE_ARN: Final = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}")


def check(request: Request, settings: Settings) -> None:
    """Check what a request names against the patterns in the settings.

    Raises:
        PermanentFailure: `not-allowed` with what is, or `bad-value` for what is no name at all.
    """
    flat = request.flat
    where = path("cluster", flat=flat)
    arn = cluster_arn(request.cluster, settings, where)
    _require(where, [arn], settings.clusters)
    where = path("taskDefinition", flat=flat)
    arns = task_definition_arns(request.task_definition, settings, where)
    _require(where, arns, settings.task_definitions)
    for place, role in _roles(request):
        where = path(place, flat=flat)
        _require(where, [role_arn(role, settings, where)], settings.pass_roles)


def cluster_arn(name: str, settings: Settings, where: str) -> str:
    """Return a cluster's ARN; one that is an ARN already stays as it is."""
    if _CLUSTER_ARN.fullmatch(name):
        return name
    if _CLUSTER.fullmatch(name):
        return f"{_ecs(settings)}:cluster/{name}"
    raise _no_name(where, "a cluster")


def task_definition_arns(name: str, settings: Settings, where: str) -> list[str]:
    """Return the ARNs that stand for a task definition; a pattern has to match all of them.

    Without a revision RunTask takes the latest, so only a pattern that admits every revision may
    match. The two texts stand for revisions of one and of more characters.
    """
    arn = name if name.startswith("arn:") else f"{_ecs(settings)}:task-definition/{name}"
    parts = _TASK_DEFINITION_ARN.fullmatch(arn)
    if parts is None or not (name == arn or _FAMILY.fullmatch(name)):
        raise _no_name(where, "a task definition")
    return [arn] if parts[2] else [f"{arn}:*", f"{arn}:**"]


def role_arn(name: str, settings: Settings, where: str) -> str:
    """Return a role's ARN; one that is an ARN already stays as it is."""
    if _ROLE_ARN.fullmatch(name):
        return name
    if _ROLE.fullmatch(name):
        return f"arn:{settings.partition}:iam::{settings.account}:role/{name}"
    raise _no_name(where, "a role")


def _ecs(settings: Settings) -> str:
    return f"arn:{settings.partition}:ecs:{settings.region}:{settings.account}"


def _no_name(where: str, what: str) -> PermanentFailure:
    return PermanentFailure("bad-value", f"{where}: expected the name or ARN of {what}")


def _roles(request: Request) -> Iterator[tuple[str, str]]:
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
