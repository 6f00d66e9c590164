"""Observations of a key, for tests of what becomes of it after its launch."""

from __future__ import annotations

from typing import Any, Final

from function.outcomes.history import Asked, Container, History, Rejection, Run
from function.outcomes.observations import Launched, Observation, Rejected, TaskSeen
from function.outcomes.reducer import Policy, reduce
from function.outcomes.stops import hint_of

KEY: Final = "order-7"
STAGE: Final = "dev"
NOW: Final = 2_000_000_000.0
POLICY: Final = Policy(stage=STAGE)
INTERFACE: Final = "Timeout waiting for network interface provisioning to complete."
CLUSTER_ARN: Final = "arn:aws:ecs:eu-central-1:111122223333:cluster/main"


def arn(number: int = 1) -> str:
    return f"arn:aws:ecs:eu-central-1:111122223333:task/main/{number:032x}"


def asked(**values: Any) -> Asked:
    defaults: dict[str, Any] = {
        "digest": "d1",
        "parameters": {"cluster": "main", "taskDefinition": "report:1"},
        "containers": ("app",),
        "count": 1,
        "group": None,
        "limits": {},
        "message_id": "m-1",
        "queued_at": NOW - 60,
        "launched_at": NOW - 50,
    }
    return Asked(**{**defaults, **values})


def launched(*tasks: str, **values: Any) -> Launched:
    return Launched(key=KEY, asked=asked(**values), tasks=tasks or (arn(),))


def rejected(reason: str = "not-json", at: float = NOW - 30) -> Rejected:
    rejection = Rejection(
        reason=reason, error="an error", message_id="m-1", queued_at=NOW - 60, rejected_at=at
    )
    return Rejected(key=KEY, rejection=rejection)


def task(number: int = 1, **values: Any) -> TaskSeen:
    defaults: dict[str, Any] = {
        "arn": arn(number),
        "version": 2,
        "status": "RUNNING",
        "cluster": CLUSTER_ARN,
        "created_at": NOW - 45 + number,
        "containers": (Container(name="app"),),
    }
    run = Run(**{**defaults, **values})
    texts = (run.stop_reason, *(container.reason for container in run.containers))
    hint = hint_of(texts) if run.status == "STOPPED" else ""
    return TaskSeen(key=KEY, run=Run(**{**defaults, "hint": hint, **values}))


def running(number: int = 1, **values: Any) -> TaskSeen:
    containers = (Container(name="app", ran=True),)
    return task(
        number,
        **{"started_at": NOW - 30 + number, "containers": containers, "version": 3, **values},
    )


def ended(number: int = 1, *, code: int | None = 0, **values: Any) -> TaskSeen:
    defaults = {
        "status": "STOPPED",
        "version": 5,
        "stop_code": "EssentialContainerExited",
        "stop_reason": "Essential container in task exited",
        "stopped_at": NOW - 10 + number,
        "containers": (Container(name="app", ran=True, exit_code=code),),
    }
    return running(number, **{**defaults, **values})


def never_started(number: int = 1, text: str = INTERFACE, **values: Any) -> TaskSeen:
    defaults = {
        "status": "STOPPED",
        "version": 4,
        "stop_code": "TaskFailedToStart",
        "stop_reason": text,
        "stopped_at": NOW - 20 + number,
    }
    return task(number, **{**defaults, **values})


def after(*observations: Observation, policy: Policy = POLICY, now: float = NOW) -> History:
    """Return the history after observations, of which nothing that is to be done is done."""
    history = History(key=KEY)
    for observation in observations:
        history = reduce(history, observation, policy, now)
    return history


def kinds(history: History) -> list[str]:
    return [effect.kind for effect in history.todo]
