"""The canary on its way to its exit, and the same message a second time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import REASONS
from runtask.verification import queues
from runtask.verification.canary import Canary, Delivery, container_exit_codes
from runtask.verification.disclosure import Fact, Private, Public, public_or
from runtask.verification.finding import Finding, failed, passed, skipped
from runtask.verification.tasks import is_stopped, stop_all, tasks_of

if TYPE_CHECKING:
    from datetime import datetime

    from types_boto3_ecs.type_defs import TaskTypeDef

    from runtask.verification.context import Verification

_NO_TASK: Final = "no task was named; name one with --task-definition or --message"

# One look in so many goes to the dead-letter queue too: looking there hides what it holds.
_LOOKS_PER_DEAD_LETTER: Final = 10

# What the handler logs once every task of a message is started, or was started already.
_LOGGED: Final = "message launched"

# CloudWatch Logs shows a line some seconds after it was written; a clock may be off by as much.
_LOG_MARGIN_SECONDS: Final = 60.0

# If the log cannot be read, a second task had this long to appear.
_SETTLE_SECONDS: Final = 30.0

_COPIES: Final = 2


def canary(verification: Verification) -> Finding:
    """Send the canary twice with one key, and follow its task to the exit."""
    planned = verification.canary
    if planned is None:
        return skipped(_NO_TASK)
    delivery = _send(verification, planned)
    ecs = verification.operator.session.client("ecs")
    context = verification.context
    launched_at: list[float] = []
    tasks: list[TaskTypeDef] = []
    rejected: list[str] = []
    looks = 0

    def ended() -> bool:
        nonlocal looks, tasks
        looks += 1
        tasks = tasks_of(ecs, planned.cluster, planned.started_by)
        if tasks and not launched_at:
            verification.launched = True
            launched_at.append(context.clock.monotonic())
            context.say(f"canary: task {tasks[0]['taskArn']} was started")
        if not tasks and looks % _LOOKS_PER_DEAD_LETTER == 0:
            rejected.extend(_reasons(verification, planned))
        return bool(rejected) or (bool(tasks) and is_stopped(tasks[0]))

    done = context.wait_for(ended)
    if not tasks and not rejected:
        rejected.extend(_reasons(verification, planned))
    if rejected:
        reasons = [Public(one) if one in REASONS else public_or("reason", one) for one in rejected]
        return failed("the message was rejected: {reasons}; see docs/failures.md", reasons=reasons)
    if not tasks:
        return failed(
            "no task was started in {seconds} s; see the function's log in {log}",
            seconds=context.timeout_seconds,
            log=Private("log-group", str(verification.outputs["logGroup"])),
        )
    facts: dict[str, Fact] = {
        "secondsToLaunch": round(launched_at[0] - delivery.monotonic, 1),
        **_durations(tasks[0]),
    }
    if not done:
        return failed(
            "task {task} is {status} after {seconds} s; it is stopped now",
            facts,
            task=Private("task", tasks[0]["taskArn"]),
            status=public_or("status", tasks[0].get("lastStatus", "")),
            seconds=context.timeout_seconds,
        )
    return _ended(planned, tasks[0], facts)


def idempotency(verification: Verification) -> Finding:
    """Return whether two messages with one key started one task."""
    planned, delivery = verification.canary, verification.delivery
    if planned is None or delivery is None:
        return skipped(_NO_TASK if planned is None else "the canary was not sent")
    if not verification.launched:
        return skipped("the canary started no task")
    ecs = verification.operator.session.client("ecs")
    context = verification.context
    count = 0
    log = _Log(verification, delivery)

    def known() -> bool:
        nonlocal count
        # The log first: what the second copy starts is in the list that is read after it.
        handled = log.shows_both()
        count = len(tasks_of(ecs, planned.cluster, planned.started_by))
        return count > 1 or handled

    handled = context.wait_for(known, None if log.is_readable else _SETTLE_SECONDS)
    facts: dict[str, Fact] = {"copies": _COPIES, "tasks": count}
    if count != 1:
        return failed(
            "{copies} messages with one key started {tasks} tasks, expected 1; the client token "
            "of the handler does not hold",
            facts,
            copies=_COPIES,
            tasks=count,
        )
    if handled:
        return passed("{copies} messages with one key started one task", facts, copies=_COPIES)
    if not log.is_readable:
        return passed(
            "{copies} messages with one key started one task in {seconds} s; the function's log, "
            "which shows when the second was handled, cannot be read ({why})",
            facts,
            copies=_COPIES,
            seconds=_SETTLE_SECONDS,
            why=log.problem,
        )
    return failed(
        "one task was started, and the second message was not handled in {seconds} s",
        facts,
        seconds=context.timeout_seconds,
    )


class _Log:
    """The function's log, as far as it tells when both copies were handled."""

    def __init__(self, verification: Verification, delivery: Delivery) -> None:
        self._logs = verification.operator.session.client("logs")
        self._group = str(verification.outputs["logGroup"])
        self._start = int((delivery.time - _LOG_MARGIN_SECONDS) * 1000)
        self._pending = set(delivery.message_ids)
        self.problem: Public | Private = Public("none")
        self.is_readable = verification.config.log_level in {"DEBUG", "INFO"}
        if not self.is_readable:
            self.problem = Public("logLevel " + verification.config.log_level)
        self.shows_both()

    def shows_both(self) -> bool:
        """Return whether the handler has logged that it launched both copies."""
        if not self.is_readable:
            return False
        try:
            for message_id in tuple(self._pending):
                if self._has_line(message_id):
                    self._pending.discard(message_id)
        except (ClientError, BotoCoreError) as error:
            self.is_readable = False
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            self.problem = public_or("code", code or type(error).__name__)
            return False
        return not self._pending

    def _has_line(self, message_id: str) -> bool:
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self._group, startTime=self._start, filterPattern=f'"{message_id}"'
        )
        return any(_is_launch(one.get("message", "")) for page in pages for one in page["events"])


def _is_launch(line: str) -> bool:
    try:
        content = json.loads(line)
    except ValueError:
        return False
    return isinstance(content, dict) and content.get("message") == _LOGGED


def _send(verification: Verification, planned: Canary) -> Delivery:
    """Send both copies, and register that what they leave is cleaned up."""
    context = verification.context
    sqs = verification.operator.session.client("sqs")
    url = str(verification.outputs["queueUrl"])
    verification.cleanup.callback(_clean_up, verification, planned)
    sent_at, monotonic = context.clock.time(), context.clock.monotonic()
    first, second = (
        queues.send(sqs, url, body=planned.message.body, key=planned.message.key, copy=copy)
        for copy in range(_COPIES)
    )
    context.say(f"canary: sent twice with key {planned.message.key}")
    delivery = Delivery(message_ids=(first, second), time=sent_at, monotonic=monotonic)
    verification.delivery = delivery
    return delivery


def _clean_up(verification: Verification, planned: Canary) -> None:
    ecs = verification.operator.session.client("ecs")
    if stop_all(ecs, planned.cluster, planned.started_by):
        verification.context.say(
            f"cannot stop every task of {planned.started_by} in cluster {planned.cluster}; stop "
            "what is left by hand"
        )
    if verification.delivery and not verification.launched:
        verification.context.say(
            f"the messages with key {planned.message.key} may still be in the work queue, and "
            "start a task later"
        )


def _reasons(verification: Verification, planned: Canary) -> list[str]:
    """Take the canary's dead letters out, and return their reasons; none if that is denied."""
    sqs = verification.operator.session.client("sqs")
    url = str(verification.outputs["deadLetterQueueUrl"])
    try:
        taken = queues.take_dead_letters(sqs, url, planned.message.key, _COPIES)
    except (ClientError, BotoCoreError):
        return []
    return [letter.reason or "maxReceiveCount" for letter in taken]


def _ended(planned: Canary, task: TaskTypeDef, facts: dict[str, Fact]) -> Finding:
    codes = container_exit_codes(task, planned.containers)
    stop_code = public_or("stop-code", task.get("stopCode", "unknown"))
    facts = {**facts, "exitCodes": list(codes.values()), "stopCode": stop_code}
    if codes and all(code == 0 for code in codes.values()):
        return passed(
            "started after {launch} s, ended with exit code 0 after {end} s",
            facts,
            launch=facts["secondsToLaunch"],
            end=facts["secondsToExit"],
        )
    return failed(
        "task {task} ended with exit codes {codes}, expected 0; stop code {stop_code}, reason: "
        "{text}",
        facts,
        task=Private("task", task["taskArn"]),
        codes=list(codes.values()),
        stop_code=stop_code,
        text=Private("text", str(task.get("stoppedReason", "none"))),
    )


def _durations(task: TaskTypeDef) -> dict[str, Fact]:
    """Return how long a task took from its creation, on the clock of ECS."""
    return {
        "secondsToRunning": _seconds(task, "startedAt"),
        "secondsToExit": _seconds(task, "stoppedAt"),
    }


def _seconds(task: TaskTypeDef, name: str) -> float | None:
    times: dict[str, Any] = dict(task)
    created: datetime | None = times.get("createdAt")
    then: datetime | None = times.get(name)
    if created is None or then is None:
        return None
    return round((then - created).total_seconds(), 1)
