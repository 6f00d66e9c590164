"""What RunTask refuses, with the codes that AWS documents and, where they are known, its texts.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals

if TYPE_CHECKING:
    from rehearsal.emulator.request import Response

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
MAX_COUNT: Final = 10
MAX_SUBNETS: Final = 16
MAX_SECURITY_GROUPS: Final = 5
MAX_TAGS: Final = 50
MAX_OVERRIDES_CHARACTERS: Final = 8192
MAX_CLIENT_TOKEN_CHARACTERS: Final = 64
_STARTED_BY: Final = re.compile(r"[A-Za-z0-9_/-]{0,128}")


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """An error that ECS answers with.

    Args:
        code: The error code.
        message: The error's text.
        members: What the error's shape holds besides.
    """

    def __init__(self, code: str, message: str, **members: Any) -> None:  # noqa: ANN401 - JSON
        super().__init__(message)
        self.response: Response = ministack_internals.error_response_json(
            code, message, 400, members or None
        )


def invalid(message: str) -> Refusal:
    """Return the refusal of a parameter."""
    return Refusal("InvalidParameterException", message)


def find_cluster(request: dict[str, Any]) -> dict[str, Any]:
    """Return the cluster of a request.

    Raises:
        Refusal: if it does not exist.
    """
    cluster: dict[str, Any] | None = ministack_internals.clusters.get(
        ministack_internals.cluster_name(request.get("cluster") or "default")
    )
    if cluster is None or cluster["status"] != "ACTIVE":
        raise Refusal("ClusterNotFoundException", "Cluster not found.")
    return cluster


def find_definition(request: dict[str, Any]) -> dict[str, Any]:
    """Return the task definition of a request; of a family, its latest active revision.

    Raises:
        Refusal: if it does not exist or is inactive.
    """
    name = request.get("taskDefinition") or ""
    definition: dict[str, Any] | None = None
    if ":" in name.rsplit("/", 1)[-1]:
        definition = ministack_internals.task_definitions.get(
            ministack_internals.task_definition_key(name)
        )
    else:
        family = name.rsplit("/", 1)[-1]
        active = [
            d
            for d in ministack_internals.task_definitions.values()
            if d["family"] == family and d["status"] == "ACTIVE"
        ]
        definition = max(active, key=lambda d: int(d["revision"]), default=None)
    if definition is None:
        raise Refusal("ClientException", "TaskDefinition not found.")
    if definition["status"] != "ACTIVE":
        raise Refusal("ClientException", "TaskDefinition is inactive")
    return definition


def check(request: dict[str, Any], definition: dict[str, Any]) -> None:
    """Check the parameters of RunTask as ECS does.

    Raises:
        Refusal: if ECS would refuse one.
    """
    if not 1 <= (request.get("count") or 1) <= MAX_COUNT:
        raise invalid(f"count should be between 1 and {MAX_COUNT}.")
    if not _STARTED_BY.fullmatch(request.get("startedBy") or ""):
        raise invalid("startedBy should be at most 128 letters, numbers, '-', '/' and '_'.")
    if len(request.get("clientToken") or "") > MAX_CLIENT_TOKEN_CHARACTERS:
        raise invalid(f"clientToken length should be at most {MAX_CLIENT_TOKEN_CHARACTERS}.")
    if len(request.get("tags") or []) > MAX_TAGS:
        raise invalid(f"tags can have at most {MAX_TAGS} items.")
    _check_overrides(request, definition)
    _check_capacity(request, definition)
    _check_network(request, definition)


def _check_overrides(request: dict[str, Any], definition: dict[str, Any]) -> None:
    overrides = request.get("overrides") or {}
    if len(json.dumps(overrides, separators=(",", ":"))) > MAX_OVERRIDES_CHARACTERS:
        raise invalid(
            f"Container Overrides length must be at most {MAX_OVERRIDES_CHARACTERS} characters."
        )
    names = {container["name"] for container in definition["containerDefinitions"]}
    for override in overrides.get("containerOverrides") or []:
        if override.get("name") not in names:
            raise invalid(
                f"Override for container named {override.get('name')} is not a container in the "
                "TaskDefinition."
            )


def _check_capacity(request: dict[str, Any], definition: dict[str, Any]) -> None:
    launch_type = request.get("launchType")
    if launch_type and request.get("capacityProviderStrategy"):
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. "
            "Remove one and try again."
        )
    if launch_type == "FARGATE" and "FARGATE" not in definition.get("compatibilities", []):
        raise invalid("Task definition does not support launch_type FARGATE.")


def _check_network(request: dict[str, Any], definition: dict[str, Any]) -> None:
    network = (request.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if definition.get("networkMode") != "awsvpc":
        if network:
            raise invalid(
                "Network Configuration is not valid for the given networkMode of this task "
                "definition."
            )
        return
    if not network:
        raise invalid(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified."
        )
    subnets, groups = network.get("subnets") or [], network.get("securityGroups") or []
    if not subnets:
        raise invalid("subnets can not be empty.")
    if len(subnets) > MAX_SUBNETS:
        raise invalid(f"subnets can have at most {MAX_SUBNETS} items.")
    if len(groups) > MAX_SECURITY_GROUPS:
        raise invalid(f"securityGroups can have at most {MAX_SECURITY_GROUPS} items.")
