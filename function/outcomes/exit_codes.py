"""Which container decides with its exit code whether a task succeeded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from function.outcomes.history import Container, Run

# Containers that AWS adds to a task, and that are in no task definition.
# https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-ecs-fargate.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect.html
_INJECTED: Final = re.compile(
    r"aws-guardduty-agent(-.*)?|ecs-service-connect(-.*)?|~internal~.*", re.IGNORECASE
)


def is_injected(name: str) -> bool:
    """Return whether a container of this name was added by AWS."""
    return _INJECTED.fullmatch(name) is not None


def deciders(
    run: Run, overridden: Sequence[str], essential: Sequence[str] | None
) -> tuple[Container, ...]:
    """Return the containers that decide, in the order in which they were named.

    Those are the ones that the message overrides, otherwise the essential ones of the task
    definition, otherwise, if these are not known, all that were not injected.

    Args:
        run: The task.
        overridden: The names of the containers that the message overrides.
        essential: The names of the task definition's essential containers, None if not known.
    """
    found = {
        container.name: container
        for container in run.containers
        if not is_injected(container.name) or container.name in {*overridden, *(essential or ())}
    }
    for names in (overridden, essential or ()):
        named = tuple(found[name] for name in names if name in found)
        if named:
            return named
    return tuple(found.values())


def deciding_code(containers: Sequence[Container]) -> int | None:
    """Return the first exit code that is not 0, otherwise 0; None if one of them has none."""
    codes = [container.exit_code for container in containers]
    failed = next((code for code in codes if code), None)
    if failed is not None:
        return failed
    return 0 if codes and None not in codes else None
