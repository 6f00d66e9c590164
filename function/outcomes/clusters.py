"""Which cluster a task runs in: a part of its ARN."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from function.outcomes.history import Run

# An ARN of before 2018 has no cluster in it.
_TASK_ARN: Final = re.compile(
    r"arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:task/(?:(?P<cluster>[A-Za-z0-9_-]{1,255})/)?[a-f0-9-]+"
)


def cluster_of(run: Run) -> str:
    """Return the name or ARN of the cluster of a task, empty if it is not known."""
    found = _TASK_ARN.fullmatch(run.arn)
    return (found and found["cluster"]) or run.cluster


def is_task_arn(text: str) -> bool:
    """Return whether a text is the ARN of a task, which DescribeTasks takes."""
    return _TASK_ARN.fullmatch(text) is not None
