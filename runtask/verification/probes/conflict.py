"""An open question: which tasks does a ConflictException of RunTask name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask.verification.canary import KEY_PREFIX
from runtask.verification.disclosure import Private
from runtask.verification.finding import (
    Finding,
    Status,
    answered,
    error_code,
    error_finding,
    skipped,
)
from runtask.verification.tasks import stop_all, tasks_of

if TYPE_CHECKING:
    from runtask.verification.context import Verification

_CONFLICT: Final = "ConflictException"

# `startedBy` is a parameter as any other: with this one, the call is not the canary's.
_STARTED_BY: Final = f"{KEY_PREFIX}conflict"


def conflict_names_tasks(verification: Verification) -> Finding:
    """Ask for the canary again with its token and another `startedBy`, as the operator.

    RunTask refuses that, so nothing is started. If it does start a task, that is the answer, and
    the task is stopped.
    """
    if not verification.context.probe_aws:
        return skipped("not asked; pass --probe-aws")
    planned = verification.canary
    if planned is None or not verification.launched:
        return skipped("the canary started no task whose token could be used again")
    ecs = verification.operator.session.client("ecs")
    ours = [task["taskArn"] for task in tasks_of(ecs, planned.cluster, planned.started_by)]
    verification.cleanup.callback(stop_all, ecs, planned.cluster, _STARTED_BY)
    call: dict[str, Any] = {**planned.call, "startedBy": _STARTED_BY}
    try:
        answer = ecs.run_task(**call)
    except ClientError as error:
        if error_code(error) != _CONFLICT:
            return error_finding(Status.SKIPPED, error)
        named = [str(arn) for arn in error.response.get("resourceIds", [])]  # type: ignore[attr-defined]
        tasks = [Private("task", arn) for arn in named]
        return answered(
            "a ConflictException names {count} resources: {tasks}; the canary's task is {ours}",
            {
                "conflict": True,
                "resourceIds": tasks,
                "canaryTasks": [Private("task", arn) for arn in ours],
                "namesTheCanary": set(named) == set(ours),
            },
            count=len(named),
            tasks=tasks,
            ours=[Private("task", arn) for arn in ours],
        )
    except BotoCoreError as error:
        return error_finding(Status.SKIPPED, error)
    started = [Private("task", task["taskArn"]) for task in answer["tasks"]]
    return answered(
        "there was no conflict: the same token with another startedBy started {tasks}",
        {"conflict": False, "tasks": started, "failures": len(answer["failures"])},
        tasks=started,
    )
