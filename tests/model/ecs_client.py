"""The client of ECS that the handler is given: the model behind a wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.model.wire import error_of

if TYPE_CHECKING:
    from tests.model.ecs import Ecs
    from tests.model.wire import Wire

# ListTasks gives up to 100 a page, and may give fewer: so few that who does not ask on is found.
LIST_PAGE: Final = 3

# "When you specify startedBy as the filter, it must be the only filter that you use": of those
# that stand beside it. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
_NOT_WITH_STARTED_BY: Final = frozenset(
    {"containerInstance", "family", "serviceName", "launchType", "daemonName"}
)
_MAX_DESCRIBED: Final = 100


@dataclass(frozen=True, kw_only=True)
class EcsClient:
    """The client of one execution environment.

    Attributes:
        wire: carries the calls.
        ecs: the account's.
    """

    wire: Wire
    ecs: Ecs

    def run_task(self, **call: Any) -> dict[str, Any]:
        """Start tasks."""
        return self.wire.call("RunTask", lambda: self.ecs.run_task(call))

    def list_tasks(self, **call: Any) -> dict[str, Any]:
        """Return a page of ARNs."""
        return self.wire.call("ListTasks", lambda: self._list(**call))

    def describe_tasks(self, **call: Any) -> dict[str, Any]:
        """Return tasks."""
        return self.wire.call("DescribeTasks", lambda: self._describe(**call))

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        """Return services."""
        return self.wire.call("DescribeServices", lambda: self._services(cluster, services))

    def describe_task_definition(self, *, taskDefinition: str) -> dict[str, Any]:  # noqa: N803
        """Return a task definition."""
        return self.wire.call(
            "DescribeTaskDefinition",
            lambda: {
                "taskDefinition": {
                    "taskDefinitionArn": taskDefinition,
                    "containerDefinitions": [dict(found) for found in self.ecs.containers],
                }
            },
        )

    def _list(
        self,
        *,
        cluster: str = "default",
        startedBy: str | None = None,  # noqa: N803
        desiredStatus: str = "RUNNING",  # noqa: N803
        nextToken: str = "0",  # noqa: N803
        maxResults: int = 100,  # noqa: N803
        **others: Any,
    ) -> dict[str, Any]:
        name = self._cluster(cluster, "ListTasks")
        unknown = others.keys() - _NOT_WITH_STARTED_BY
        if unknown or (others and startedBy is not None):
            raise error_of("InvalidParameterException", f"{sorted(others)}", "ListTasks")
        found = [
            task.arn
            for task in self.ecs.listed(name, startedBy)
            if self.ecs.stopped(task) == (desiredStatus == "STOPPED")
        ]
        begin = int(nextToken)
        end = begin + min(maxResults, LIST_PAGE)
        more = {"nextToken": str(end)} if end < len(found) else {}
        return {"taskArns": found[begin:end], **more}

    def _describe(self, *, tasks: list[str], cluster: str = "default", **_: Any) -> dict[str, Any]:
        name = self._cluster(cluster, "DescribeTasks")
        if not 1 <= len(tasks) <= _MAX_DESCRIBED:
            raise error_of("InvalidParameterException", "tasks", "DescribeTasks")
        known = {task.arn: task for task in self.ecs.listed(name)}
        return {
            "tasks": [self.ecs.describe(known[arn]) for arn in tasks if arn in known],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in tasks if arn not in known],
        }

    def _services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        self._cluster(cluster, "DescribeServices")
        return {
            "services": [
                {
                    "serviceName": name,
                    "status": "ACTIVE",
                    "launchType": "FARGATE",
                    "networkConfiguration": {
                        "awsvpcConfiguration": dict(self.ecs.services[name]),
                    },
                }
                for name in services
                if name in self.ecs.services
            ],
            "failures": [
                {"arn": name, "reason": "MISSING"}
                for name in services
                if name not in self.ecs.services
            ],
        }

    def _cluster(self, cluster: str, operation: str) -> str:
        name = cluster.rpartition("/")[2]
        if name not in self.ecs.clusters:
            raise error_of("ClusterNotFoundException", "Cluster not found.", operation)
        return name
