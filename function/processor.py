"""Processes one record: launches it, rejects it, or returns it to the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from function import observability
from function.delivery import Delivery
from function.failures.reasons import (
    Failure,
    FailureClass,
    PermanentFailure,
    RetryableFailure,
    make_failure,
)
from function.jobs import job_of, with_supply
from function.launch.later_attempts import begin_restart
from function.ledger import LAUNCHED
from function.message import builder
from function.message.applied_limits import effective
from function.message.idempotency import KEY_ATTRIBUTE, Stage, key_of, origin_of
from function.message.quotable import public_pieces, secrets_of
from function.message.redaction import redact
from function.outcome import Disposition, Outcome
from function.sqs import dead_letter

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.launch.admission import Admission, TimeBudget
    from function.launch.job import Job
    from function.launch.launcher import Launcher
    from function.memory import Memory
    from function.message.lookups import Lookups
    from function.message.payload_store import PayloadStore
    from function.message.request import Request
    from function.notifications import Notifications
    from function.observability import Log
    from function.outcomes.restarts import Message, Restarts
    from function.reporter import Reporter
    from function.settings import Settings
    from function.sqs.record import Record

# How the body of a restart begins.
RESTART: Final = '{"restart":'


@dataclass(frozen=True, kw_only=True)
class Processor:
    """Processes one record at a time; safe to use from several threads.

    Attributes:
        settings: The function's environment variables.
        stage: Where a key is valid.
        launcher: Makes the RunTask calls.
        admission: Tells when a returned message shall be back.
        memory: Remembers in the ledger what a delivery without a launch has to pass on.
        lookups: Ask ECS for what a message leaves out.
        sqs: A client for the dead-letter queue.
        notifications: Announce failures on the failure topic.
        log: The function's logger.
        clock: Tells a message's age.
        payloads: Stores what is too large for an override.
        reporter: Makes reports for the events queue; None for a stage without outcomes.
        restarts: Returns what turns restarts into requests; None for a stage without outcomes.
    """

    settings: Settings
    stage: Stage
    launcher: Launcher
    admission: Admission
    memory: Memory
    lookups: Lookups
    sqs: SQSClient
    notifications: Notifications
    log: Log
    clock: Clock
    payloads: PayloadStore
    reporter: Reporter | None = None
    restarts: Callable[[], Restarts] | None = None

    def process(self, record: Record, time_budget: TimeBudget) -> Outcome:
        """Return the outcome of a record. Never raises: that would fail the whole batch."""
        delivery = Delivery(record=record)
        try:
            return self._process(delivery, time_budget)
        except Exception as error:  # noqa: BLE001
            return self._escaped(delivery, error)

    def return_unattempted(self, record: Record) -> Outcome:
        """Return a record to the queue because a message before it in its group returned.

        Never raises, either.
        """
        delivery = Delivery(record=record)
        blocked = RetryableFailure(
            "blocked-by-group", "a message before it in its group returned to the queue"
        )
        try:
            try:
                delivery.key = key_of(record)
                delivery.request = builder.read(record.body, self.settings)
            except PermanentFailure:
                pass  # it is rejected when its turn comes
            self.memory.pass_on(delivery)
            return self._return_to_queue(delivery, blocked)
        except Exception as error:  # noqa: BLE001
            return self._escaped(delivery, error)

    def _process(self, delivery: Delivery, time_budget: TimeBudget) -> Outcome:
        try:
            delivery.key = key_of(delivery.record)
            self._launch(delivery, delivery.key, time_budget)
        except Failure as failure:
            return self._fail(delivery, failure, time_budget)
        except Exception as error:  # noqa: BLE001
            # The record's boundary: whatever is wrong with one message, or with the code that
            # handles it, must not affect the others. The message is retried and announced, and
            # moves to the dead-letter queue at a certain age.
            self._log_unexpected(delivery.record, error)
            unexpected = make_failure("unexpected", f"{type(error).__name__} in the handler")
            return self._fail(delivery, unexpected, time_budget)
        return delivery.outcome(Disposition.LAUNCHED, age_seconds=self._age(delivery.record))

    def _escaped(self, delivery: Delivery, error: Exception) -> Outcome:
        """Return a record to the queue although even rejecting or returning it has failed."""
        self._log_unexpected(delivery.record, error)
        unexpected = RetryableFailure("unexpected", type(error).__name__)
        seconds = self.admission.back_in(
            unexpected, delivery.record.receives, self.settings.max_backoff_seconds
        )
        return delivery.outcome(
            Disposition.RETURNED, reason=unexpected.reason, visibility_seconds=seconds
        )

    def _log_unexpected(self, record: Record, error: Exception) -> None:
        observability.log_unexpected(self.log, error, message_id=record.message_id)

    def _launch(self, delivery: Delivery, key: str, time_budget: TimeBudget) -> None:
        """Start every task that a message asks for.

        Raises:
            Failure: if at least one of the tasks was not started.
        """
        if self.restarts is not None and is_restart(delivery.record):
            self._start_again(delivery, key, self.restarts(), time_budget)
            return
        stats = delivery.launch_stats
        asked = delivery.request = builder.read(delivery.record.body, self.settings)
        limits = delivery.limits = effective(asked, self.settings)
        asked, request = with_supply(asked, limits, 0), None
        try:
            request = self._complete(asked, time_budget)
            self.launcher.launch(self._job(delivery, key, request, time_budget), time_budget, stats)
        except PermanentFailure as failure:
            # Before the message is condemned for what ECS said minutes ago, ECS is asked again.
            fresh = self._fresh(asked, time_budget) if _blames_request(failure) else None
            if fresh is None or fresh in (asked, request):
                raise
            request = fresh
            self.launcher.launch(self._job(delivery, key, fresh, time_budget), time_budget, stats)
        self._log_launched(delivery)
        if self.reporter is not None:
            self.reporter.launched(delivery, key, request)

    def _start_again(
        self, delivery: Delivery, key: str, restarts: Restarts, time_budget: TimeBudget
    ) -> None:
        """Start tasks again that the stage itself has decided to.

        Raises:
            Failure: if at least one of the tasks was not started.
        """
        delivery.restart, history = restarts.check(delivery.record.body, key)
        if history.asked is not None and self._was_made(delivery, key, delivery.restart):
            # Its report was lost, or is late. ECS may have forgotten the task that was replaced.
            if self.reporter is not None:
                self.reporter.restarted(delivery, key, history.asked)
            return
        plan = restarts.plan(delivery.restart, history)
        if plan is None:
            return
        delivery.request, limits = plan.request, plan.limits
        request = self._complete(with_supply(plan.request, limits, 0), time_budget)
        job = job_of(
            delivery.record,
            key,
            request,
            limits,
            self.stage,
            digest=lambda: plan.asked.digest,
            unique=False,
            restarted=True,
        )
        begin_restart(self.launcher.progress.ledger, job, plan.restart)
        self.launcher.launch(job, time_budget, delivery.launch_stats)
        self._log_launched(delivery)
        if self.reporter is not None:
            self.reporter.restarted(delivery, key, plan.asked)

    def _was_made(self, delivery: Delivery, key: str, restart: Message) -> bool:
        """Return whether the tasks of a restart were started before.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        item = self.launcher.progress.ledger.read(key)
        if item is None or item.generation < restart.generation or item.state != LAUNCHED:
            return False
        delivery.launch_stats.replaced = item.replaced
        delivery.launch_stats.found(item.tasks)
        return True

    def _log_launched(self, delivery: Delivery) -> None:
        stats = delivery.launch_stats
        self.log.info(
            "message launched",
            **delivery.log_keys(),
            task_arns=stats.task_arns,
            already_started=stats.already_started,
        )

    def _complete(self, request: Request, time_budget: TimeBudget) -> Request:
        return builder.complete(request, self.lookups, time_budget.deadline, settings=self.settings)

    def _fresh(self, asked: Request, time_budget: TimeBudget) -> Request | None:
        """Return a request completed anew, None if no answer was older than the batch."""
        if not self.lookups.forget(before=time_budget.started):
            return None
        return self._complete(asked, time_budget)

    def _job(self, delivery: Delivery, key: str, request: Request, time_budget: TimeBudget) -> Job:
        return job_of(
            delivery.record,
            key,
            request,
            delivery.limits,
            self.stage,
            digest=(delivery.request or request).digest,
            unique=delivery.unique,
            prepare=lambda: self._store(request, key, time_budget),
        )

    def _store(self, request: Request, key: str, time_budget: TimeBudget) -> None:
        if request.payload is not None:
            self.payloads.store(request.payload, key, time_budget.deadline)

    def _fail(self, delivery: Delivery, failure: Failure, time_budget: TimeBudget) -> Outcome:
        """Reject a message or return it to the queue, by the class of its failure."""
        record, reason = delivery.record, failure.reason
        secrets = secrets_of(delivery.body, self.settings)
        text = redact(failure.error, secrets, public_pieces(self.settings))
        failure = make_failure(reason, text, failure.seconds)
        failure_class = failure.details.failure_class
        if reason == "table-unavailable":
            delivery.launch_stats.table_failures += 1
        if failure_class is FailureClass.INVALID:
            return self._reject(delivery, failure, time_budget)
        failing = failure_class is FailureClass.ENVIRONMENT
        failing_since = self.memory.pass_on(delivery, failing=failing)
        if failing and (
            self.clock.time() - failing_since >= self.settings.environment_max_age_seconds
        ):
            return self._reject(delivery, failure, time_budget)
        if failing or failure.details.announced:
            self.notifications.waiting(record, failure, delivery.key)
        never_attempted = failure.details.skip_backoff or reason == "not-attempted"
        if self._age(record) >= self.settings.expiry_age_seconds and not never_attempted:
            expired = make_failure(
                "expired", f"the message's retention ends soon; last failure: {failure}"
            )
            return self._reject(delivery, expired, time_budget)
        return self._return_to_queue(delivery, failure)

    def _reject(self, delivery: Delivery, failure: Failure, time_budget: TimeBudget) -> Outcome:
        """Move a message to the dead-letter queue; return it to the queue if that fails."""
        record = delivery.record
        if delivery.restart is not None and self.reporter is not None:
            # The key has a history, which tells; the message was sent by nobody.
            self.log.warning(
                "restart failed", **delivery.log_keys(), reason=failure.reason, error=failure.error
            )
            self.reporter.restart_failed(delivery, delivery.restart, failure)
            return delivery.outcome(Disposition.LAUNCHED)
        if self.clock.monotonic() >= time_budget.deadline:
            # If the invocation timed out after sending the dead letter, the next one would send
            # it again.
            no_time = RetryableFailure(
                "not-attempted", "no time was left to reject the message", seconds=1
            )
            return self._return_to_queue(delivery, no_time)
        letter = dead_letter.Letter(
            failure=failure,
            key=delivery.key,
            origin=origin_of(record),
            tasks=self.memory.tasks(delivery, failure),
        )
        try:
            dead_letter.send(self.sqs, self.settings.dead_letter_queue_url, record, letter)
        except (ClientError, BotoCoreError) as error:
            unreachable = RetryableFailure("dead-letter-unreachable", type(error).__name__)
            return self._return_to_queue(delivery, unreachable)
        self.log.warning(
            "message rejected",
            **delivery.log_keys(),
            reason=failure.reason,
            error=failure.error,
            tasks=letter.tasks,
        )

        def notify() -> None:
            if self.clock.monotonic() < time_budget.deadline:
                self.notifications.rejected(record, failure, delivery.key)

        if self.reporter is None or failure.reason == "bad-restart":
            notify()
        else:
            self.reporter.rejected(delivery, failure, instead=notify)
        return delivery.outcome(Disposition.REJECTED, reason=failure.reason)

    def _return_to_queue(self, delivery: Delivery, failure: Failure) -> Outcome:
        record = delivery.record
        # With a retention of minutes, the message must not expire while it is invisible.
        longest = (self.settings.queue_retention_seconds - self._age(record)) / 2
        seconds = self.admission.back_in(failure, record.receives, longest)
        if not failure.details.skip_backoff:
            seconds = max(seconds, round(delivery.launch_stats.back_after))
        self.log.info(
            "message returned to the queue",
            **delivery.log_keys(),
            reason=failure.reason,
            error=failure.error,
            visibility_seconds=seconds,
        )
        return delivery.outcome(
            Disposition.RETURNED, reason=failure.reason, visibility_seconds=seconds
        )

    def _age(self, record: Record) -> float:
        return max(0.0, self.clock.time() - record.sent_at)


def is_restart(record: Record) -> bool:
    """Return whether a message looks like a restart by the stage itself."""
    return record.body.startswith(RESTART) and KEY_ATTRIBUTE in record.attributes


def _blames_request(failure: PermanentFailure) -> bool:
    """Return whether a failure may come of what was looked up."""
    return failure.reason not in {"key-reused", "outcome-unknown"}
