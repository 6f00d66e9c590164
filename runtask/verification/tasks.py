"""The tasks that one `startedBy` has: found in both states that ECS lists, and stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.type_defs import TaskTypeDef

# ListTasks shows one state at a time; a stopped task can be seen for an hour.
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
_STATES: Final[tuple[Literal["RUNNING", "STOPPED"], ...]] = ("RUNNING", "STOPPED")

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
_MAX_TASKS_PER_DESCRIBE: Final = 100

_STOPPED: Final = "STOPPED"


def tasks_of(ecs: ECSClient, cluster: str, started_by: str) -> list[TaskTypeDef]:
    """Return the tasks of a `startedBy`, running and stopped, the oldest first.

    Raises:
        ClientError: if ECS rejects a request.
        BotoCoreError: if it cannot be sent.
    """
    pages = ecs.get_paginator("list_tasks")
    arns = {
        arn
        for state in _STATES
        for page in pages.paginate(cluster=cluster, startedBy=started_by, desiredStatus=state)
        for arn in page["taskArns"]
    }
    names = sorted(arns)
    chunks = [
        names[start : start + _MAX_TASKS_PER_DESCRIBE]
        for start in range(0, len(names), _MAX_TASKS_PER_DESCRIBE)
    ]
    found = [
        task
        for chunk in chunks
        for task in ecs.describe_tasks(cluster=cluster, tasks=chunk)["tasks"]
        if task.get("startedBy") == started_by
    ]
    return sorted(found, key=lambda task: str(task.get("createdAt", "")))


def is_stopped(task: TaskTypeDef) -> bool:
    """Return whether a task has ended."""
    return task.get("lastStatus") == _STOPPED


def stop_all(ecs: ECSClient, cluster: str, started_by: str) -> int:
    """Stop the tasks of a `startedBy` that still run, as far as it is permitted.

    Returns:
        How many tasks could not be stopped.
    """
    try:
        running = [task for task in tasks_of(ecs, cluster, started_by) if not is_stopped(task)]
    except (ClientError, BotoCoreError):
        return 1
    left = 0
    for task in running:
        try:
            ecs.stop_task(cluster=cluster, task=task["taskArn"], reason="runtask verify has ended")
        except (ClientError, BotoCoreError):
            left += 1
    return left
