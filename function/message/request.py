"""What a message asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The cluster that RunTask uses if none is named.
DEFAULT_CLUSTER: Final = "default"


@dataclass(frozen=True, kw_only=True)
class Request:
    """The parameters of a message's RunTask calls.

    Attributes:
        parameters: In the RunTask form, without `count`, `startedBy` and `clientToken`.
        count: How many tasks to start.
        service: The service that supplies the network if the message names none.
        flat: Whether the sender used the flat form; an error names parameters as the sender did.
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
