"""What ECS knows and a message leaves out, remembered for some minutes."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import PermanentFailure, RetryableFailure
from function.limits import LOOKUP_FAILURE_TTL_SECONDS, LOOKUP_TTL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ecs import ECSClient

    from function.clock import Clock

_T = TypeVar("_T")


class Lookups:
    """Look-ups in ECS with a cache; that ECS did not answer is remembered for some seconds."""

    def __init__(
        self, ecs: ECSClient, clock: Clock = time, ttl_seconds: float = LOOKUP_TTL_SECONDS
    ) -> None:
        """Ask `ecs`, and believe an answer for `ttl_seconds`."""
        self._ecs = ecs
        self._clock = clock
        self._ttl_seconds = ttl_seconds
        self._locks: defaultdict[tuple[str, ...], threading.Lock] = defaultdict(threading.Lock)
        self._known: dict[tuple[str, ...], tuple[float, Any]] = {}

    def network(self, cluster: str, service: str, deadline: float = math.inf) -> dict[str, Any]:
        """Return a service's awsvpc configuration, empty where it has none.

        Raises:
            PermanentFailure: `service-not-found`.
            Keep: `not-attempted`, past the deadline.
            ClientError: from DescribeServices, as `BotoCoreError`.
        """
        return self._remember(
            ("network", cluster, service), lambda: self._network(cluster, service), deadline
        )

    def container(self, task_definition: str, deadline: float = math.inf) -> str:
        """Return the name of a task definition's only essential container.

        Raises:
            PermanentFailure: `container-ambiguous`.
            Keep: `not-attempted`, past the deadline.
            ClientError: from DescribeTaskDefinition, as `BotoCoreError`.
        """
        return self._remember(
            ("container", task_definition), lambda: self._container(task_definition), deadline
        )

    def _remember(self, key: tuple[str, ...], ask: Callable[[], _T], deadline: float) -> _T:
        known = self._fresh(key)
        if known is None:
            with self._locks[key]:  # the threads of a batch often miss the same answer at once
                known = self._fresh(key) or self._asked(key, ask, deadline)
        answer = known[1]
        if isinstance(answer, Exception):
            raise answer
        found: _T = answer
        return found

    def _asked(
        self, key: tuple[str, ...], ask: Callable[[], object], deadline: float
    ) -> tuple[float, Any]:
        if self._clock.monotonic() >= deadline:
            raise RetryableFailure("not-attempted", "no time was left in the invocation to ask ECS")
        answer: object
        try:
            answer, seconds = ask(), self._ttl_seconds
        except (ClientError, BotoCoreError) as error:
            answer, seconds = error, LOOKUP_FAILURE_TTL_SECONDS
        self._known[key] = (self._clock.monotonic() + seconds, answer)
        return self._known[key]

    def _fresh(self, key: tuple[str, ...]) -> tuple[float, Any] | None:
        known = self._known.get(key)
        return known if known is not None and known[0] > self._clock.monotonic() else None

    def _network(self, cluster: str, service: str) -> dict[str, Any]:
        answer = self._ecs.describe_services(cluster=cluster, services=[service])
        services = [found for found in answer["services"] if found.get("status") != "INACTIVE"]
        if not services:
            raise PermanentFailure(
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
            raise PermanentFailure(
                "container-ambiguous",
                f"ECS.overrides.containerOverrides: an override names no container, and task"
                f" definition {task_definition} has {len(names)} essential ones:"
                f" {', '.join(names)}; name the one that is meant",
            )
        return names[0]
