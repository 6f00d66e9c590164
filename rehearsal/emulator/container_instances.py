"""Container instances: where a task that runs on EC2 is placed.

MiniStack has none. An instance is registered by the call that the container agent makes, has room
for every task, and is chosen by the placement constraints of the call and of the task definition.
Attributes are MiniStack's. What is not known of the cluster query language is refused. The
stand-in is this project's own code and no evidence about AWS.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-query-language.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator import ministack_internals
from rehearsal.emulator.ecs_checks import Refusal, find_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rehearsal.emulator.request import Response

# What RunTask says of each instance that a constraint excludes.
UNSATISFIED: Final = "MemberOf placement constraint unsatisfied."

_EXPRESSION: Final = re.compile(
    r"attribute:(?P<name>[\w./\\-]+)"
    r"(?:\s+(?P<presence>!?exists)|\s*(?P<comparison>==|!=)\s*(?P<value>[\w./\\:-]+))"
)


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the tasks of a call run.

    Attributes:
        instance: The ARN of the container instance; empty for capacity without instances.
        failures: Why no instance takes them, for each instance.
    """

    instance: str = ""
    failures: list[dict[str, str]] = field(default_factory=list)


class ContainerInstances:
    """The container instances of all clusters."""

    def __init__(self) -> None:
        self._of_clusters: dict[str, dict[str, dict[str, Any]]] = {}

    def install(self) -> None:
        """Replace MiniStack's actions, which know no instance."""
        ministack_internals.ECS_ACTIONS.update(
            RegisterContainerInstance=_answered(self._register),
            ListContainerInstances=_answered(self._list),
            DescribeContainerInstances=_answered(self._describe),
        )

    def place(
        self, request: dict[str, Any], definition: dict[str, Any], cluster: dict[str, Any]
    ) -> Placement:
        """Return where the tasks of a RunTask call run.

        Args:
            request: The parameters of RunTask.
            definition: MiniStack's record of the task definition.
            cluster: MiniStack's record of the cluster.

        Raises:
            Refusal: if the cluster has no instance, or a constraint is not known here.
        """
        if not _needs_instance(request, cluster):
            return Placement()
        instances = self._of(cluster)
        if not instances:
            raise Refusal(
                "InvalidParameterException", "No Container Instances were found in your cluster."
            )
        constraints = [
            *(request.get("placementConstraints") or []),
            *(definition.get("placementConstraints") or []),
        ]
        for arn in instances:
            attributes = _attributes(arn)
            if all(_satisfies(attributes, constraint) for constraint in constraints):
                return Placement(instance=arn)
        return Placement(failures=[{"arn": arn, "reason": UNSATISFIED} for arn in instances])

    def _of(self, cluster: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the instances of a cluster by their ARN."""
        return self._of_clusters.setdefault(cluster["clusterArn"], {})

    def _register(self, request: dict[str, Any], cluster: dict[str, Any]) -> dict[str, Any]:
        instance = uuid.uuid4().hex
        arn = f"{cluster['clusterArn'].replace(':cluster/', ':container-instance/')}/{instance}"
        given = [{**one, "targetId": arn} for one in request.get("attributes") or []]
        ministack_internals.ECS_ACTIONS["PutAttributes"]({"attributes": given})
        registered = self._of(cluster)[arn] = {
            "containerInstanceArn": arn,
            "ec2InstanceId": f"i-{instance[:17]}",
            "status": "ACTIVE",
            "agentConnected": True,
            "version": 1,
        }
        cluster["registeredContainerInstancesCount"] += 1
        return {"containerInstance": _shown(registered)}

    def _list(self, request: dict[str, Any], cluster: dict[str, Any]) -> dict[str, Any]:
        """Answer ListContainerInstances, on one page and without a filter."""
        status = request.get("status") or "ACTIVE"
        found = [arn for arn, one in self._of(cluster).items() if one["status"] == status]
        return {"containerInstanceArns": found}

    def _describe(self, request: dict[str, Any], cluster: dict[str, Any]) -> dict[str, Any]:
        known = self._of(cluster)
        known = known | {arn.rpartition("/")[2]: one for arn, one in known.items()}
        names = request.get("containerInstances") or []
        missing = [{"arn": name, "reason": "MISSING"} for name in names if name not in known]
        found = [_shown(known[name]) for name in names if name in known]
        return {"containerInstances": found, "failures": missing}


def _answered(
    action: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]],
) -> Callable[[dict[str, Any]], Response]:
    """Return an action as MiniStack calls it, with the cluster of the call."""

    def answer(request: dict[str, Any]) -> Response:
        try:
            content = action(request, find_cluster(request))
        except Refusal as refusal:
            return refusal.response
        response: Response = ministack_internals.json_response(content)
        return response

    return answer


def _needs_instance(request: dict[str, Any], cluster: dict[str, Any]) -> bool:
    """Return whether a task runs on EC2, which is also what a call gets that names no capacity."""
    if request.get("capacityProviderStrategy"):
        return False
    default = "" if cluster.get("defaultCapacityProviderStrategy") else "EC2"
    return (request.get("launchType") or default) == "EC2"


def _satisfies(attributes: Mapping[str, str], constraint: dict[str, Any]) -> bool:
    expression = str(constraint.get("expression") or "")
    found = _EXPRESSION.fullmatch(expression.strip())
    if constraint.get("type") != "memberOf" or not found:
        raise Refusal(
            "InvalidParameterException",
            f"The stand-in does not know the placement constraint {constraint.get('type')} "
            f"{expression!r}, expected memberOf with attribute:NAME exists, !exists, == VALUE or "
            "!= VALUE.",
        )
    value = attributes.get(found["name"])
    if found["presence"]:
        return (value is not None) == (found["presence"] == "exists")
    return (value == found["value"]) == (found["comparison"] == "==")


def _attributes(instance: str) -> dict[str, str]:
    """Return the attributes of an instance, which are put by its ARN or its id."""
    targets = (instance, instance.rpartition("/")[2])
    return {
        attribute["name"]: attribute.get("value") or ""
        for attribute in ministack_internals.ecs_attributes.values()
        if attribute.get("targetId") in targets
    }


def _shown(instance: dict[str, Any]) -> dict[str, Any]:
    attributes = _attributes(instance["containerInstanceArn"])
    pairs = [{"name": name, "value": value} for name, value in attributes.items()]
    return {**instance, "attributes": pairs}
