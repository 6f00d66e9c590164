"""One permission that IAM is asked for."""

from __future__ import annotations

from typing import Any, NamedTuple


class PermissionCheck(NamedTuple):
    """May the caller do this action on this resource.

    Attributes:
        action: The IAM action, for example `ecs:RunTask`.
        resource: The resource's ARN, or `*`.
        context: Condition keys and their values.
    """

    action: str
    resource: str
    context: dict[str, Any] = {}  # noqa: RUF012 - never changed
