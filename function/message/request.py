"""What a message asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_CLUSTER: Final = "default"
"""The cluster that RunTask takes when none is named."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The parameters of the RunTask calls of one message.

    Attributes:
        parameters: RunTask's own, without `count`, `startedBy` and `clientToken`.
        count: how many single launches.
        service: the service whose network the task borrows where the message names none.
        flat: whether the sender wrote the flat form, for the words of an error.
    """

    parameters: Mapping[str, Any]
    count: int = 1
    service: str | None = None
    flat: bool = False

    @property
    def cluster(self) -> str:
        """The cluster's name or ARN."""
        return str(self.parameters.get("cluster", DEFAULT_CLUSTER))

    @property
    def task_definition(self) -> str:
        """The task definition's family, family and revision, or ARN."""
        return str(self.parameters["taskDefinition"])

    @property
    def capacity_pool(self) -> str:
        """What shares one supply of capacity: cluster and launch type or capacity providers."""
        providers = [
            str(item["capacityProvider"])
            for item in self.parameters.get("capacityProviderStrategy", ())
        ]
        supply = "+".join(sorted(providers)) or self.parameters.get("launchType", "")
        return f"{self.cluster.rpartition('/')[2]}/{supply}"
