"""What ECS knows and a message leaves out, remembered for some minutes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from function.failures import Reject
from function.limits import LOOKUP_TTL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ecs import ECSClient

    from function.clock import Clock

_T = TypeVar("_T")


class Lookups:
    """Look-ups in ECS with a cache; an answer that is a failure is not remembered."""

    def __init__(
        self, ecs: ECSClient, clock: Clock = time, ttl_seconds: float = LOOKUP_TTL_SECONDS
    ) -> None:
        """Ask `ecs`, and believe an answer for `ttl_seconds`."""
        self._ecs = ecs
        self._clock = clock
        self._ttl_seconds = ttl_seconds
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], tuple[float, Any]] = {}

    def network(self, cluster: str, service: str) -> dict[str, Any]:
        """Return a service's awsvpc configuration, empty where it has none.

        Raises:
            Reject: `service-not-found`.
            ClientError: from DescribeServices, as `BotoCoreError`.
        """
        return self._remember(
            ("network", cluster, service), lambda: self._network(cluster, service)
        )

    def container(self, task_definition: str) -> str:
        """Return the name of a task definition's only essential container.

        Raises:
            Reject: `container-ambiguous`.
            ClientError: from DescribeTaskDefinition, as `BotoCoreError`.
        """
        return self._remember(
            ("container", task_definition), lambda: self._container(task_definition)
        )

    def _remember(self, key: tuple[str, ...], ask: Callable[[], _T]) -> _T:
        known = self._fresh(key)
        if known is None:
            with self._lock:  # the threads of a batch often miss the same answer at once
                known = self._fresh(key)
                if known is None:
                    known = (self._clock.monotonic() + self._ttl_seconds, ask())
                    self._known[key] = known
        answer: _T = known[1]
        return answer

    def _fresh(self, key: tuple[str, ...]) -> tuple[float, Any] | None:
        known = self._known.get(key)
        return known if known is not None and known[0] > self._clock.monotonic() else None

    def _network(self, cluster: str, service: str) -> dict[str, Any]:
        answer = self._ecs.describe_services(cluster=cluster, services=[service])
        services = [found for found in answer["services"] if found.get("status") != "INACTIVE"]
        if not services:
            raise Reject(
                "service-not-found",
                f"ECS.service: cluster {cluster} has no active service {service}",
            )
        return dict(services[0].get("networkConfiguration", {}).get("awsvpcConfiguration", {}))

    def _container(self, task_definition: str) -> str:
        answer = self._ecs.describe_task_definition(taskDefinition=task_definition)
        names = [
            container["name"]
            for container in answer["taskDefinition"]["containerDefinitions"]
            if container.get("essential", True)
        ]
        if len(names) != 1:
            raise Reject(
                "container-ambiguous",
                f"ECS.overrides.containerOverrides: an override names no container, and task"
                f" definition {task_definition} has {len(names)} essential ones:"
                f" {', '.join(names)}; name the one that is meant",
            )
        return names[0]
