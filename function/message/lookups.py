"""Looks up in ECS what a message leaves out, with a cache."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.classification import classify_error
from function.failures.reasons import PermanentFailure, RetryableFailure, make_failure
from function.limits import LOOKUP_FAILURE_TTL_SECONDS, LOOKUP_TTL_SECONDS, MAX_LOOKUPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ecs import ECSClient

    from function.clock import Clock

_T = TypeVar("_T")

_Query = tuple[str, ...]


# The parts of a service's awsvpc configuration that a task takes.
_NETWORK: Final = ("subnets", "securityGroups", "assignPublicIp")


class _Error(NamedTuple):
    """Why a look-up failed.

    Not the exception itself: its traceback holds every message for which it was raised.
    """

    reason: str
    error: str


class _Entry(NamedTuple):
    """A result, or why there is none, until a moment in monotonic time."""

    expires: float
    result: Any
    asked: float


class Service(NamedTuple):
    """What a task takes from its service.

    Attributes:
        network: Its awsvpc configuration, empty if it has none.
        supply: Its capacity provider strategy or launch type, with the platform version.
    """

    network: dict[str, Any]
    supply: dict[str, Any]


class Lookups:
    """Cached look-ups in ECS; failed calls are cached too, for a few seconds.

    What is not found is not cached: it may be there a second later. The names are a sender's, so
    only the MAX_LOOKUPS answers that were used last are kept.

    Args:
        ecs: A client.
        clock: Its `monotonic` is used.
    """

    def __init__(self, ecs: ECSClient, clock: Clock = time) -> None:
        self._ecs = ecs
        self._clock = clock
        self._lock = threading.Lock()
        # A lock for each query that is being asked.
        self._asking: dict[_Query, threading.Lock] = {}
        self._cache: OrderedDict[_Query, _Entry] = OrderedDict()

    def service(self, cluster: str, service: str, deadline: float = math.inf) -> Service:
        """Return what the tasks of a service have in common.

        Args:
            cluster: The cluster's name or ARN.
            service: The service's name or ARN.
            deadline: In monotonic time; ECS is not asked after it.

        Raises:
            PermanentFailure: `service-not-found`.
            RetryableFailure: `not-attempted`, after the deadline.
            Failure: if DescribeServices fails, or ECS does not respond.
        """
        return self._cached(
            ("service", cluster, service), lambda: self._service(cluster, service), deadline
        )

    def container(self, task_definition: str, deadline: float = math.inf) -> str:
        """Return the name of a task definition's only essential container.

        Args:
            task_definition: Its family, `family:revision`, or ARN.
            deadline: In monotonic time; ECS is not asked after it.

        Raises:
            PermanentFailure: `container-ambiguous`.
            RetryableFailure: `not-attempted`, after the deadline.
            Failure: if DescribeTaskDefinition fails, or ECS does not respond.
        """
        return self._cached(
            ("container", task_definition), lambda: self._container(task_definition), deadline
        )

    def essential(self, task_definition: str, deadline: float = math.inf) -> tuple[str, ...]:
        """Return the names of a task definition's essential containers.

        Args:
            task_definition: Its family, `family:revision`, or ARN.
            deadline: In monotonic time; ECS is not asked after it.

        Raises:
            RetryableFailure: `not-attempted`, after the deadline.
            Failure: if DescribeTaskDefinition fails, or ECS does not respond.
        """
        return self._cached(
            ("essential", task_definition), lambda: self._essential(task_definition), deadline
        )

    def forget(self, before: float) -> bool:
        """Drop the answers that were given before a moment; return whether there were any.

        Args:
            before: In monotonic time.
        """
        with self._lock:
            stale = [query for query, entry in self._cache.items() if entry.asked < before]
            for query in stale:
                del self._cache[query]
        return bool(stale)

    def _cached(self, query: _Query, ask: Callable[[], _T], deadline: float) -> _T:
        entry = self._fresh(query)
        if entry is None:
            with self._lock:
                asking = self._asking.setdefault(query, threading.Lock())
            with asking:  # the threads of a batch often need the same answer at once
                try:
                    entry = self._fresh(query) or self._ask(query, ask, deadline)
                finally:
                    with self._lock:
                        self._asking.pop(query, None)
        if isinstance(entry.result, _Error):
            raise make_failure(entry.result.reason, entry.result.error)
        result: _T = entry.result
        return result

    def _fresh(self, query: _Query) -> _Entry | None:
        with self._lock:
            entry = self._cache.get(query)
            if entry is None or entry.expires <= self._clock.monotonic():
                return None
            self._cache.move_to_end(query)
            return entry

    def _ask(self, query: _Query, ask: Callable[[], object], deadline: float) -> _Entry:
        if self._clock.monotonic() >= deadline:
            raise RetryableFailure("not-attempted", "no time was left in the invocation to ask ECS")
        result: object
        try:
            result, ttl_seconds = ask(), LOOKUP_TTL_SECONDS
        except (ClientError, BotoCoreError) as error:
            failure = classify_error(error)
            result = _Error(failure.reason, failure.error)
            ttl_seconds = LOOKUP_FAILURE_TTL_SECONDS
        now = self._clock.monotonic()
        entry = _Entry(now + ttl_seconds, result, now)
        with self._lock:
            self._cache[query] = entry
            self._cache.move_to_end(query)
            if len(self._cache) > MAX_LOOKUPS:
                self._cache.popitem(last=False)
        return entry

    def _service(self, cluster: str, service: str) -> Service:
        response = self._ecs.describe_services(cluster=cluster, services=[service])
        services = [found for found in response["services"] if found.get("status") != "INACTIVE"]
        if not services:
            raise PermanentFailure(
                "service-not-found",
                f"ECS.service: cluster {cluster} has no active service {service}",
            )
        found = services[0]
        network: Any = found.get("networkConfiguration", {}).get("awsvpcConfiguration", {})
        supply: dict[str, Any] = {}
        if found.get("capacityProviderStrategy"):
            supply["capacityProviderStrategy"] = list(found["capacityProviderStrategy"])
        elif found.get("launchType"):
            supply["launchType"] = found["launchType"]
        if supply and found.get("platformVersion"):
            supply["platformVersion"] = found["platformVersion"]
        kept = {name: network[name] for name in _NETWORK if name in network}
        return Service(network=kept, supply=supply)

    def _container(self, task_definition: str) -> str:
        names = self._essential(task_definition)
        if len(names) != 1:
            raise PermanentFailure(
                "container-ambiguous",
                f"ECS.overrides.containerOverrides: an override names no container, and task"
                f" definition {task_definition} has {len(names)} essential containers:"
                f" {', '.join(names)}; name the container in the override",
            )
        return names[0]

    def _essential(self, task_definition: str) -> tuple[str, ...]:
        response = self._ecs.describe_task_definition(taskDefinition=task_definition)
        return tuple(
            container["name"]
            for container in response["taskDefinition"]["containerDefinitions"]
            if container.get("essential", True)
        )
