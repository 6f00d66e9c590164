"""What a message asks for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from function.message.payload import Payload
    from function.message.task_limits import TaskLimits

# The cluster that RunTask uses if none is named.
DEFAULT_CLUSTER: Final = "default"

# The parameters of a container override that decide whether it fits.
_SIZES: Final = ("cpu", "memory", "memoryReservation")


@dataclass(frozen=True, kw_only=True)
class Request:
    """The parameters of a message's RunTask call.

    Attributes:
        parameters: In the RunTask form, without `count`, `startedBy` and `clientToken`.
        count: How many tasks to start.
        service: The service that supplies what the message leaves out.
        flat: Whether the sender used the flat form; an error names parameters as the sender did.
        payload: What is stored for the task; None if there is nothing.
        limits: The block `limits` of the message; None if it has none.
    """

    parameters: Mapping[str, Any]
    count: int = 1
    service: str | None = None
    flat: bool = False
    payload: Payload | None = None
    limits: TaskLimits | None = None

    @property
    def cluster(self) -> str:
        """The cluster's name or ARN."""
        return str(self.parameters.get("cluster", DEFAULT_CLUSTER))

    @property
    def task_definition(self) -> str:
        """The task definition's family, `family:revision`, or ARN."""
        return str(self.parameters["taskDefinition"])

    @property
    def capacity_pool(self) -> str:
        """What shares one supply of capacity: a cluster's launch type or capacity providers."""
        providers = [
            str(item["capacityProvider"])
            for item in self.parameters.get("capacityProviderStrategy", ())
        ]
        supply = "+".join(sorted(providers)) or self.parameters.get("launchType", "")
        return f"{self.cluster.rpartition('/')[2]}/{supply}"

    @property
    def size_pool(self) -> str:
        """The tasks of a pool that fit a container instance alike: one definition in one size."""
        overrides = self.parameters.get("overrides", {})
        sizes = [
            (container.get("name", ""), *(str(container.get(name, "")) for name in _SIZES))
            for container in overrides.get("containerOverrides", ())
        ]
        size = (overrides.get("cpu", ""), overrides.get("memory", ""), *sorted(sizes))
        return f"{self.capacity_pool}/{self.task_definition.rpartition('/')[2]}/{size}"

    @property
    def supplies(self) -> frozenset[str]:
        """The launch type, or the capacity providers: what decides which quotas a call takes."""
        providers = self.parameters.get("capacityProviderStrategy", ())
        names = {str(item["capacityProvider"]) for item in providers}
        return frozenset(names or {str(self.parameters.get("launchType", ""))})

    def digest(self) -> str:
        """Return what tells whether two messages ask for the same.

        Only of a request that is not completed yet: what ECS supplies may change.
        """
        asked = {"parameters": self.parameters, "count": self.count, "service": self.service}
        if self.payload is not None:
            asked["payload"] = f"{self.payload.content_type} {self.payload.sha256}"
        if self.limits is not None:
            asked["limits"] = self.limits.as_block()
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
