"""How the engine creates and updates a resource of one type."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import ClientError

from rehearsal.engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.engine.inputs import Inputs
    from rehearsal.engine.provider import Provider
    from rehearsal.engine.state import Resource

# As many as Pulumi's autonaming appends.
_SUFFIX_CHARACTERS: Final = 7

# The embedded AWS deletes at once; the provider waits up to minutes.
MAX_DELETE_SECONDS: Final = 5.0

_POLL_SECONDS: Final = 0.05


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

    @property
    def existing(self) -> Resource:
        """The resource as it is.

        Raises:
            EngineError: if it is created, not updated.
        """
        if self.old is None:
            raise EngineError(f"{self.name!r} does not exist yet")
        return self.old

    def kept(self, *outputs: str) -> dict[str, Any]:
        """Return outputs that an update does not change."""
        return {name: self.existing.outputs[name] for name in outputs}

    def changed_tags(self) -> tuple[dict[str, str], list[str]]:
        """Return the tags to set and the keys to remove in an update."""
        before, after = self.existing.outputs.get("tagsAll") or {}, self.tags()
        changed = {key: value for key, value in after.items() if before.get(key) != value}
        return changed, [key for key in before if key not in after]

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
class DeleteContext:
    """One resource that is deleted.

    Attributes:
        resource: The resource as it is.
        provider: The provider that deletes it.
    """

    resource: Resource
    provider: Provider

    @property
    def id(self) -> str:
        """The provider's id of the resource."""
        return self.resource.id

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return an output; the inputs are among them."""
        return self.resource.outputs[name]

    def client(self, service: str) -> Any:  # noqa: ANN401 - its type follows from `service`
        """Return a client in the resource's region."""
        return self.provider.client(service, self.resource.inputs.get("region", ""))


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """A type of resource.

    Attributes:
        type: The type token, for example `aws:sqs/queue:Queue`.
        create: Creates a resource.
        delete: Deletes a resource, with the reads that the provider makes.
        update: Updates a resource; None if that is not implemented.
        create_is_put: Whether `create` updates as well, because the API's call is a put.
        replace_on: Inputs that cannot be changed: another value replaces the resource.
        named_by: The input with the physical name, if there is one. If the program sets it, the old
            resource is deleted before the new one is created.
        recomputed: Outputs that are unknown until an update is done.
        ignored: Inputs that only matter when the provider deletes or waits.
    """

    type: str
    create: Callable[[CreateContext], Created]
    delete: Callable[[DeleteContext], None]
    update: Callable[[CreateContext], Created] | None = None
    create_is_put: bool = False
    replace_on: tuple[str, ...] = ()
    named_by: str = "name"
    recomputed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def wait_until_gone(read: Callable[[], object], *codes: str) -> None:
    """Read a deleted resource until AWS no longer knows it, as the provider does.

    Args:
        read: Reads the resource.
        codes: The error codes that say that it is gone.

    Raises:
        ClientError: if it cannot be read.
        EngineError: if it is still there after MAX_DELETE_SECONDS.
    """
    deadline = time.monotonic() + MAX_DELETE_SECONDS
    while time.monotonic() < deadline:
        try:
            read()
        except ClientError as error:
            if error.response["Error"]["Code"] in codes:
                return
            raise
        time.sleep(_POLL_SECONDS)
    raise EngineError(f"a deleted resource is still there after {MAX_DELETE_SECONDS:g} s")
