"""Deletes resources at the emulator, as the AWS provider would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.engine.errors import EngineError, ProtectedError, cannot_delete
from rehearsal.engine.resource_types import DeleteContext
from rehearsal.engine.resources import RESOURCE_TYPES

if TYPE_CHECKING:
    from rehearsal.engine.provider import Provider
    from rehearsal.engine.state import Resource, State


def delete(resource: Resource, provider: Provider) -> None:
    """Delete a resource, unless it is retained.

    Raises:
        EngineError: if it cannot be deleted.
    """
    if resource.retained:
        return
    context = DeleteContext(resource=resource, provider=provider)
    try:
        RESOURCE_TYPES[resource.type].delete(context)
    except (ClientError, BotoCoreError) as error:
        raise EngineError(f"{resource.type} {resource.name!r}: {error}") from error


def check_unprotected(stack: str, state: State) -> None:
    """Check that no resource of a stack is protected.

    Raises:
        ProtectedError: if one is; the text names all of them.
    """
    protected = [resource for resource in state.resources(stack) if resource.protected]
    if protected:
        raise ProtectedError("\n".join(cannot_delete(resource.urn) for resource in protected))


def delete_all(stack: str, provider: Provider, state: State) -> None:
    """Delete all resources of a stack, dependents first.

    Args:
        stack: The stack as `<project>/<stack>`.
        provider: The provider that makes the calls.
        state: The resources that exist; it is updated.

    Raises:
        EngineError: if one cannot be deleted; those that are left stay in the state.
    """
    for resource in state.obsolete(stack, ()):
        delete(resource, provider)
        state.forget(stack, resource)
    state.outputs.pop(stack, None)
