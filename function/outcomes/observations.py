"""What the events queue tells of a key: reports of launches, and events of tasks.

A body is parsed into one of the observations, whatever sent it. Unknown properties are ignored: AWS
adds new ones without notice.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from function.message.idempotency import STARTED_BY_PREFIX, valid_key
from function.outcomes import stops
from function.outcomes.history import Asked, Container, Rejection, Run
from function.outcomes.texts import shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

# Of DELETED only the record is left of a task; it has ended before.
_STOPPED: Final = "STOPPED"
_ENDED: Final = (_STOPPED, "DELETED")

# The report of a rejection, and its fields in `Rejection`.
_REJECTION: Final = {
    "reason": "reason",
    "error": "error",
    "messageId": "message_id",
    "queuedAt": "queued_at",
    "rejectedAt": "rejected_at",
    "group": "group",
}

# What was asked, in a report, and its fields in `Asked`.
_ASKED: Final = {
    "digest": "digest",
    "parameters": "parameters",
    "containers": "containers",
    "count": "count",
    "group": "group",
    "limits": "limits",
    "messageId": "message_id",
    "queuedAt": "queued_at",
    "launchedAt": "launched_at",
}


class MalformedError(Exception):
    """A body that is no observation; the text says what was found and what is expected."""


@dataclass(frozen=True, kw_only=True)
class Launched:
    """The tasks of a message were started, or found started.

    Attributes:
        key: The idempotency key.
        asked: What was asked for.
        tasks: The ARNs of its tasks.
    """

    key: str
    asked: Asked
    tasks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A message was moved to the dead-letter queue.

    Attributes:
        key: Its idempotency key; its message id if it has no valid one.
        rejection: Why.
    """

    key: str
    rejection: Rejection


@dataclass(frozen=True, kw_only=True)
class RestartFailed:
    """A restart could not be made, and will not be.

    Attributes:
        key: The idempotency key.
        generation: Which restart of the key.
        reason: Why, a name.
    """

    key: str
    generation: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class TaskSeen:
    """An event of a task, or what DescribeTasks says of it.

    Attributes:
        key: The idempotency key, of `startedBy`.
        run: The task.
    """

    key: str
    run: Run


@dataclass(frozen=True, kw_only=True)
class TaskMissing:
    """ECS does not describe a task any more.

    Attributes:
        key: The idempotency key.
        arn: The task's ARN.
    """

    key: str
    arn: str


@dataclass(frozen=True, kw_only=True)
class Due:
    """The time of a history has come.

    Attributes:
        key: The idempotency key.
    """

    key: str


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Histories whose time has come are to be looked at."""


Observation: TypeAlias = Launched | Rejected | RestartFailed | TaskSeen | TaskMissing | Due | Sweep


def parse(body: str, stage: str) -> Observation | None:
    """Return the observation in the body of a message, None for a task of another stage.

    Args:
        body: The body.
        stage: The stage's name.

    Raises:
        MalformedError: if it is none.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedError(f"the body: expected JSON, got {len(body)} characters") from None
    if not isinstance(found, dict):
        raise MalformedError(f"the body: expected an object, got {type(found).__name__}")
    kind = found.get("event", found.get("report"))
    try:
        match found:
            case {"event": "sweep"}:
                return Sweep()
            case {"event": "task"}:
                return from_description(found, stage)
            case {"report": "launched"}:
                return Launched(
                    key=_key(found),
                    asked=_asked(found["asked"]),
                    tasks=tuple(str(arn) for arn in found["tasks"]),
                )
            case {"report": "rejected"}:
                return Rejected(key=_key(found), rejection=_rejection(found))
            case {"report": "restart-failed"}:
                return RestartFailed(
                    key=_key(found),
                    generation=int(found["generation"]),
                    reason=_text(found, "reason"),
                )
            case _:
                raise MalformedError(
                    "the body: expected `event` (task, sweep) or `report` (launched, rejected,"
                    f" restart-failed), got {str(kind)[:40]!r}"
                )
    except KeyError as error:
        raise MalformedError(f"{kind}: property {error} is missing") from None
    except (AttributeError, OverflowError, TypeError, ValueError) as error:
        raise MalformedError(f"{kind}: {error}") from None


def from_description(task: Mapping[str, Any], stage: str) -> TaskSeen | None:
    """Return the observation of a task, None if it belongs to another stage.

    Args:
        task: An event from the template of the rules, or a task of DescribeTasks.
        stage: The stage's name.

    Raises:
        KeyError: if the ARN or `lastStatus` is missing.
        TypeError: if a property has another type than documented.
        ValueError: if a number or a time is none.
    """
    key = key_of_task(task.get("startedBy"), stage)
    if key is None:
        return None
    found = [_container(container) for container in task.get("containers") or ()]
    stop_reason = str(task.get("stoppedReason") or "")
    status = _text(task, "lastStatus")
    return TaskSeen(
        key=key,
        run=Run(
            arn=_text(task, "taskArn"),
            version=int(task.get("version") or 0),
            status=status,
            stop_code=str(task.get("stopCode") or ""),
            stop_reason=shortened(stop_reason),
            task_definition=str(task.get("taskDefinitionArn") or ""),
            cluster=str(task.get("clusterArn") or ""),
            created_at=_time(task.get("createdAt")),
            started_at=_time(task.get("startedAt")),
            stopped_at=_time(task.get("stoppedAt")),
            containers=tuple(
                sorted((container for container, _ in found), key=lambda item: item.name)
            ),
            cpu=int(task.get("cpu") or 0),
            memory=int(task.get("memory") or 0),
            hint=stops.hint_of((stop_reason, *(reason for _, reason in found)))
            if status in _ENDED
            else "",
        ),
    )


def key_of_task(started_by: object, stage: str) -> str | None:
    """Return the key in the `startedBy` of a task, None if it belongs to another stage."""
    prefix = f"{STARTED_BY_PREFIX}/{stage}/"
    if not isinstance(started_by, str) or not started_by.startswith(prefix):
        return None
    key = started_by.removeprefix(prefix)
    return key if valid_key(key) else None


def to_body(report: Launched | Rejected | RestartFailed) -> str:
    """Return the body of a report, which `parse` reads."""
    body: dict[str, Any]
    if isinstance(report, Launched):
        asked = {name: getattr(report.asked, field) for name, field in _ASKED.items()}
        body = {"report": "launched", "key": report.key, "asked": asked, "tasks": report.tasks}
    elif isinstance(report, Rejected):
        fields = {name: getattr(report.rejection, field) for name, field in _REJECTION.items()}
        body = {"report": "rejected", "key": report.key, **fields}
    else:
        body = {
            "report": "restart-failed",
            "key": report.key,
            "generation": report.generation,
            "reason": report.reason,
        }
    return json.dumps(body, separators=(",", ":"))


def _asked(found: Mapping[str, Any]) -> Asked:
    group = found.get("group")
    return Asked(
        digest=_text(found, "digest"),
        # A report has none; what is not kept cannot be found, even if a report did.
        parameters={
            name: value for name, value in found["parameters"].items() if name != "overrides"
        },
        containers=tuple(str(name) for name in found.get("containers") or ()),
        count=int(found["count"]),
        group=None if group is None else str(group),
        limits=dict(found.get("limits") or {}),
        message_id=str(found.get("messageId") or ""),
        queued_at=_moment(found, "queuedAt"),
        launched_at=_moment(found, "launchedAt"),
    )


def _rejection(found: Mapping[str, Any]) -> Rejection:
    group = found.get("group")
    return Rejection(
        reason=_text(found, "reason"),
        error=str(found.get("error") or ""),
        message_id=str(found.get("messageId") or ""),
        queued_at=_moment(found, "queuedAt"),
        rejected_at=_moment(found, "rejectedAt"),
        group=None if group is None else str(group),
    )


def _container(found: Mapping[str, Any]) -> tuple[Container, str]:
    """Return a container, and what ECS says of it at full length."""
    code = found.get("exitCode")
    reason = str(found.get("reason") or "")
    container = Container(
        name=_text(found, "name"),
        ran=bool(found.get("runtimeId")) or code is not None,
        exit_code=None if code is None else int(code),
        reason=shortened(reason),
    )
    return container, reason


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found[name]
    if not isinstance(value, str) or not value:
        raise TypeError(f"property {name!r}: expected text, got {type(value).__name__}")
    return value


def _key(found: Mapping[str, Any]) -> str:
    key = _text(found, "key")
    if not valid_key(key):
        raise ValueError(f"property 'key': expected a key, got {len(key)} characters")
    return key


def _moment(found: Mapping[str, Any], name: str) -> float:
    moment = _time(found[name])
    if moment is None:
        raise TypeError(f"property {name!r}: expected a time, got none")
    return moment


def _time(value: object) -> float | None:
    """Return a time in seconds since 1970; it may be a number, ISO 8601, or boto3's datetime."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return round(aware.timestamp(), 3)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a time, got {type(value).__name__}")
    return float(value)
