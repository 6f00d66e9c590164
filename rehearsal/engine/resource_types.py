"""How a type of resource is made: what each file under `resources` provides."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.engine.inputs import Inputs
    from rehearsal.engine.provider import Provider
    from rehearsal.engine.state import Resource

_SUFFIX_CHARACTERS = 7


@dataclass(frozen=True)
class CreateContext:
    """One resource being made or changed.

    Args:
        name: The logical name.
        inputs: What the program says of it.
        provider: Where it is made.
        old: The resource as it is, when it is changed.
    """

    name: str
    inputs: Inputs
    provider: Provider
    old: Resource | None = None

    def client(self, service: str) -> Any:  # noqa: ANN401 - its type follows from `service`
        """Return a client in the resource's region."""
        return self.provider.client(service, self.inputs.get("region", ""))

    def physical(self, key: str = "name", *, suffix: str = "", prefix_key: str = "") -> str:
        """Return the name at the provider: as given, by prefix, or made of the logical name.

        Args:
            key: The input with the name.
            suffix: What the name has to end in, such as `.fifo`.
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
        """Return the resource's tags with the provider's default ones under them."""
        return {**self.provider.tags, **(self.inputs.get("tags") or {})}

    def tag_list(self) -> list[dict[str, str]]:
        """Return the tags in the form `[{"Key": …, "Value": …}]`."""
        return [{"Key": key, "Value": value} for key, value in self.tags().items()]


class Created(NamedTuple):
    """The provider's id of a resource, and its outputs beside the inputs."""

    id: str
    outputs: dict[str, Any]


@dataclass(frozen=True)
class ResourceType:
    """A type of resource.

    Args:
        token: Pulumi's name of it.
        create: Makes one.
        update: Changes one; None if that is not written.
        puts: Whether `create` changes one as well, because the API's call is a put.
        ignored: Inputs that only matter to the provider's own `delete` and waiting.
    """

    token: str
    create: Callable[[CreateContext], Created]
    update: Callable[[CreateContext], Created] | None = None
    puts: bool = False
    ignored: tuple[str, ...] = field(default=())
