"""Scripts: what ECS does with the tasks of one `startedBy`, besides running their commands.

The parent writes them, the child reads them when it starts a task. Standard library only.

The texts are those that AWS documents, as of November 2026:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
In which `lastStatus` each of them is found is not documented. It is guessed from the task's life
cycle: the network interface is provided in PROVISIONING, images and secrets are fetched in PENDING.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from rehearsal.emulator.interception import TaskFailure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NETWORK_INTERFACE_TIMEOUT: Final = TaskFailure(
    reason="Timeout waiting for network interface provisioning to complete."
)
IMAGE_PULL_TIMEOUT: Final = TaskFailure(
    reason="CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to "
    "resolve ref docker.io/library/report:latest: failed to do request: Head "
    '"https://registry-1.docker.io/v2/library/report/manifests/latest": dial tcp '
    "203.0.113.7:443: i/o timeout",
    status="PENDING",
)
# Of two documented forms the other one: the error is the container's, and not the task's.
IMAGE_NOT_FOUND: Final = TaskFailure(
    reason="Task failed to start",
    status="PENDING",
    container_reason="CannotPullContainerError: pull image manifest has been retried 1 time(s): "
    "failed to resolve ref docker.io/library/report:gone: docker.io/library/report:gone: not found",
)
SECRET_NOT_FOUND: Final = TaskFailure(
    reason="ResourceInitializationError: unable to pull secrets or registry auth: execution "
    "resource retrieval failed: unable to retrieve secret from asm: service call has been retried "
    "1 time(s): failed to fetch secret arn:aws:secretsmanager:eu-west-1:111111111111:secret:gone "
    "from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified "
    "secret.",
    status="PENDING",
)
# In the event that AWS documents, the task is in RUNNING. That one which has not started yet ends
# with the same stop code is guessed.
SPOT_BEFORE_START: Final = TaskFailure(
    reason="Your Spot Task was interrupted.", stop_code="SpotInterruption", status="PENDING"
)
# ECS warns two minutes before; here the task ends at once.
SPOT_AFTER_START: Final = TaskFailure(
    reason="Your Spot Task was interrupted.", stop_code="SpotInterruption", status="RUNNING"
)
# As the end of a task. RunTask can answer the same text as a failure; see `Shortage`.
NO_CAPACITY: Final = TaskFailure(
    reason="Capacity is unavailable at this time. Please try again later or in a different "
    "availability zone"
)


@dataclass(frozen=True, kw_only=True)
class TaskScript:
    """What happens to the tasks of one `startedBy`.

    Attributes:
        failure: Why ECS stops them; None if it does not.
        times: How many of them it stops, in the order of their start; None is every one.
        injected: Names of containers that ECS adds, such as `aws-guardduty-agent-x1`. They are in
            no task definition, and end with 137 when the task stops.
            https://docs.aws.amazon.com/guardduty/latest/ug/how-does-runtime-monitoring-work-fargate.html
    """

    failure: TaskFailure | None = None
    times: int | None = None
    injected: tuple[str, ...] = ()


def scripts_file(folder: Path) -> Path:
    """Return the file of the scripts in an emulator's private folder."""
    return folder / "scripts.json"


def to_json(scripts: Mapping[str, TaskScript]) -> dict[str, Any]:
    """Return scripts by `startedBy` as they are written."""
    return {name: asdict(script) for name, script in scripts.items()}


def from_json(content: Mapping[str, Any]) -> TaskScript:
    """Return one script as it was written."""
    failure = content["failure"]
    return TaskScript(
        failure=TaskFailure(**failure) if failure else None,
        times=content["times"],
        injected=tuple(content["injected"]),
    )
