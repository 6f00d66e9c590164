"""The history of a key: what was asked, what ECS did, and what is still to be done about it.

It is stored in the key's item of the ledger, and contains no value of a task's environment.
All times are seconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from function.outcomes.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a message asked for, as far as it is kept.

    Attributes:
        digest: The hash of the request, `Request.digest()`.
        parameters: The parameters of RunTask as the sender gave them, without `overrides`, `count`
            and values of tags; a restart completes them anew.
        containers: The names of the containers that the message overrides.
        count: How many tasks.
        group: The sender's message group; None if there is none.
        limits: The limits that hold for the message, in the form of the block `limits`: its own,
            or else those of its task definition or its stage.
        message_id: The id of the message that was sent first.
        queued_at: When it was sent.
        launched_at: When RunTask answered.
    """

    digest: str
    parameters: Mapping[str, Any]
    containers: tuple[str, ...]
    count: int
    group: str | None
    limits: Mapping[str, Any]
    message_id: str
    queued_at: float
    launched_at: float


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of a task, also one that ECS has injected.

    Attributes:
        name: Its name.
        ran: Whether it has a `runtimeId` or an exit code.
        exit_code: None while it runs, and if it has none.
        reason: What ECS says of it, shortened; empty if it says nothing.
    """

    name: str
    ran: bool = False
    exit_code: int | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One task of a key, as the newest version that was seen of it.

    Attributes:
        arn: The task's ARN.
        version: `version` of the event or of DescribeTasks; 0 for a task that was only announced.
        status: `lastStatus`.
        stop_code: `stopCode`; empty if there is none.
        stop_reason: `stoppedReason`, shortened.
        task_definition: ARN of the task definition's revision.
        cluster: ARN of the cluster.
        created_at: When the task was created, None if it is not known.
        started_at: When its containers began to run.
        stopped_at: When it was in STOPPED.
        containers: Its containers, in the order of their names.
        cpu: CPU units of the task; 0 if they are not known.
        memory: Its memory in MiB; 0 if it is not known.
        missing: Whether ECS does not describe it any more, though its end was not seen.
        hint: The cause that its texts name, of `function.outcomes.stops`, found before the texts
            were shortened; empty if they name none.
    """

    arn: str
    version: int = 0
    status: str = ""
    stop_code: str = ""
    stop_reason: str = ""
    task_definition: str = ""
    cluster: str = ""
    created_at: float | None = None
    started_at: float | None = None
    stopped_at: float | None = None
    containers: tuple[Container, ...] = ()
    cpu: int = 0
    memory: int = 0
    missing: bool = False
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """That a message was moved to the dead-letter queue.

    Attributes:
        reason: A name of `function.failures.reasons.REASONS`.
        error: The text of the dead letter, which is free of secrets.
        message_id: The id of the message that was sent first.
        queued_at: When it was sent.
        rejected_at: When it was rejected.
        group: The sender's message group; None if there is none.
    """

    reason: str
    error: str
    message_id: str
    queued_at: float
    rejected_at: float
    group: str | None = None


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Something that is still to be done because of a change of a history, at least once.

    Attributes:
        kind: `restart` (send a restart to the work queue), `stop` (StopTask), `release` (give the
            lease of the concurrency group back), `notice` (tell a person), or `result` (report to
            whoever waits).
        task: The task that it is about; empty if it is about the key.
        seconds: How long to wait before; only of `restart`.
        generation: Which restart of the key it is, from 1; only of `restart`.
        reason: Why; a name, such as `max-runtime`.
    """

    kind: str
    task: str = ""
    seconds: int = 0
    generation: int = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class History:
    """What is known of a key.

    Attributes:
        key: The idempotency key.
        revision: Counts the writes; 0 for a history that is not stored yet.
        state: What became of the message.
        reason: Why, a name; empty where the state says it all.
        asked: None as long as the launch was not announced.
        rejection: None if the message was not rejected.
        runs: Its tasks, by ARN, in the order of their creation.
        replaced: ARNs of the tasks that do not count, because another is started for each, in the
            order of the decisions: the first for the restart of generation 1, and so on.
        restarts: How many restarts there were, by cause.
        generation: How many restarts there were in all.
        stopping: ARNs of tasks whose stop was decided, with the name of the limit.
        exit_code: Of the container that decides; None if there is none.
        first_seen_at: When the first observation arrived.
        finished_at: When the key reached a final state, from the times of its tasks.
        due_at: When somebody has to look at it; None for never.
        todo: What is still to be done.
        done: Marks of what was put into `todo` for a final state, so that it is put there once.
        failed_restarts: Why a restart could not be made, by its generation as text.
        restart_due_at: When the last restart is asked for again if nothing has answered it; None
            if none is awaited.
    """

    key: str
    revision: int = 0
    state: State = State.QUEUED
    reason: str = ""
    asked: Asked | None = None
    rejection: Rejection | None = None
    runs: tuple[Run, ...] = ()
    replaced: tuple[str, ...] = ()
    restarts: Mapping[str, int] = field(default_factory=dict)
    generation: int = 0
    stopping: Mapping[str, str] = field(default_factory=dict)
    exit_code: int | None = None
    first_seen_at: float | None = None
    finished_at: float | None = None
    due_at: float | None = None
    todo: tuple[Effect, ...] = ()
    done: tuple[str, ...] = ()
    failed_restarts: Mapping[str, str] = field(default_factory=dict)
    restart_due_at: float | None = None
