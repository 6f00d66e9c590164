"""How the engine creates and updates a resource of one type."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.engine.inputs import Inputs
    from rehearsal.engine.provider import Provider
    from rehearsal.engine.state import Resource

# As many as Pulumi's autonaming appends.
_SUFFIX_CHARACTERS: Final = 7


@dataclass(frozen=True, kw_only=True)
class CreateContext:
    """One resource that is created or updated.

    Attributes:
        name: The logical name.
        inputs: The inputs that the program passes.
        provider: The provider that creates it.
        old: The resource as it is, if it is updated.
    """

    name: str
    inputs: Inputs
    provider: Provider
    old: Resource | None = None

    def client(self, service: str) -> Any:  # noqa: ANN401 - its type follows from `service`
        """Return a client in the resource's region."""
        return self.provider.client(service, self.inputs.get("region", ""))

    def physical_name(self, key: str = "name", *, suffix: str = "", prefix_key: str = "") -> str:
        """Return the physical name: as given, with a prefix, or from the logical name.

        Args:
            key: The input with the name.
            suffix: What the name must end in, such as `.fifo`.
            prefix_key: The input with the prefix, by default `<key>Prefix`.
        """
        given = self.inputs.get(key)
        prefix = self.inputs.get(prefix_key or f"{key}Prefix")
        if given:
            return str(given)
        if self.old is not None:
            return str(self.old.outputs[key])
        return f"{prefix or f'{self.name}-'}{uuid.uuid4().hex[:_SUFFIX_CHARACTERS]}{suffix}"

    def tags(self) -> dict[str, str]:
        """Return the resource's tags, and the provider's default tags that it does not override."""
        return {**self.provider.tags, **(self.inputs.get("tags") or {})}

    def tag_list(self) -> list[dict[str, str]]:
        """Return the tags in the form `[{"Key": …, "Value": …}]`."""
        return [{"Key": key, "Value": value} for key, value in self.tags().items()]


class Created(NamedTuple):
    """What creating or updating a resource returns.

    Attributes:
        id: The provider's id of the resource.
        outputs: The outputs that are no inputs.
    """

    id: str
    outputs: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """A type of resource.

    Attributes:
        type: The type token, for example `aws:sqs/queue:Queue`.
        create: Creates a resource.
        update: Updates a resource; None if that is not implemented.
        create_is_put: Whether `create` updates as well, because the API's call is a put.
        ignored: Inputs that only matter when the provider deletes or waits.
    """

    type: str
    create: Callable[[CreateContext], Created]
    update: Callable[[CreateContext], Created] | None = None
    create_is_put: bool = False
    ignored: tuple[str, ...] = ()
