"""Processes one record: launches it, rejects it, or returns it to the queue."""

from __future__ import annotations

import contextlib
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import Failure, FailureClass, RetryableFailure, make_failure
from function.launch.launcher import Launcher, LaunchStats, TimeBudget
from function.limits import BACKOFF_BASE_SECONDS, SLOW_BACKOFF_BASE_SECONDS
from function.message import builder
from function.message.idempotency import key_of
from function.message.redaction import redact, secrets_of
from function.outcome import Disposition, Outcome
from function.sqs import dead_letter
from function.sqs.visibility import backoff_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.message.lookups import Lookups
    from function.notifications import Notifications
    from function.observability import Log
    from function.settings import Settings
    from function.sqs.record import Record

_MAX_FRAMES_LOGGED: Final = 5


@dataclass(kw_only=True)
class _Delivery:
    """A record on its way to its outcome.

    Attributes:
        record: The delivery of the message.
        key: The message's idempotency key; None until it is read, and where it is not valid.
        launch_stats: What its RunTask calls have achieved so far.
    """

    record: Record
    key: str | None = None
    launch_stats: LaunchStats = field(default_factory=LaunchStats)

    def outcome(
        self,
        disposition: Disposition,
        *,
        reason: str = "",
        visibility_seconds: int = 0,
        age_seconds: float = 0.0,
    ) -> Outcome:
        """Return the outcome, with what the RunTask calls have achieved."""
        return Outcome(
            record=self.record,
            disposition=disposition,
            reason=reason,
            visibility_seconds=visibility_seconds,
            launched=self.launch_stats.launched,
            already_started=self.launch_stats.already_started,
            throttled=self.launch_stats.throttled,
            age_seconds=age_seconds,
        )

    def log_keys(self) -> dict[str, Any]:
        """Return what every log line about the delivery has in common."""
        return {
            "message_id": self.record.message_id,
            "key": self.key,
            "receives": self.record.receives,
        }


@dataclass(frozen=True, kw_only=True)
class Processor:
    """Processes one record at a time; safe to use from several threads.

    Attributes:
        settings: The function's environment variables.
        launcher: Makes the RunTask calls.
        lookups: Ask ECS for what a message leaves out.
        sqs: A client for the dead-letter queue.
        notifications: Announce failures on the failure topic.
        log: The function's logger.
        clock: Tells a message's age.
        draw: Returns the jitter, a random number from 0 to 1.
    """

    settings: Settings
    launcher: Launcher
    lookups: Lookups
    sqs: SQSClient
    notifications: Notifications
    log: Log
    clock: Clock
    draw: Callable[[], float]

    def process(self, record: Record, time_budget: TimeBudget) -> Outcome:
        """Return the outcome of a record. Never raises: that would fail the whole batch."""
        delivery = _Delivery(record=record)
        try:
            delivery.key = key_of(record)
            self._launch(delivery, delivery.key, time_budget)
        except Failure as failure:
            return self._fail(delivery, failure, time_budget)
        except Exception as error:  # noqa: BLE001
            # The record's boundary: whatever is wrong with one message, or with the code that
            # handles it, must not affect the others. The message is retried and announced, and
            # moves to the dead-letter queue at a certain age. Only the exception's name and the
            # code's location are logged: its text might quote the message.
            frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES_LOGGED:]
            self.log.error(  # noqa: TRY400
                "unexpected exception",
                message_id=record.message_id,
                exception=type(error).__name__,
                frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            )
            unexpected = make_failure("unexpected", f"{type(error).__name__} in the handler")
            return self._fail(delivery, unexpected, time_budget)
        return delivery.outcome(Disposition.LAUNCHED, age_seconds=self._age(record))

    def return_unattempted(self, record: Record) -> Outcome:
        """Return a record to the queue because a message before it in its group returned."""
        delivery = _Delivery(record=record)
        with contextlib.suppress(
            Failure
        ):  # an invalid key is rejected when the record's turn comes
            delivery.key = key_of(record)
        blocked = RetryableFailure(
            "blocked-by-group", "a message before it in its group returned to the queue"
        )
        return self._return_to_queue(delivery, blocked)

    def _launch(self, delivery: _Delivery, key: str, time_budget: TimeBudget) -> None:
        """Start every task that a message asks for.

        Raises:
            Failure: if at least one of the tasks was not started.
        """
        stats = delivery.launch_stats
        request = builder.read(delivery.record.body, self.settings)
        request = builder.complete(request, self.lookups, time_budget.deadline)
        for call in builder.calls(request, key, self.settings.stage):
            self.launcher.launch(call, request.capacity_pool, time_budget, stats)
        self.log.info(
            "message launched",
            **delivery.log_keys(),
            task_arns=stats.task_arns,
            already_started=stats.already_started,
        )

    def _fail(self, delivery: _Delivery, failure: Failure, time_budget: TimeBudget) -> Outcome:
        """Reject a message or return it to the queue, by the class of its failure."""
        record = delivery.record
        failure = make_failure(failure.reason, redact(failure.error, secrets_of(record.body)))
        failure_class = failure.details.failure_class
        age = self._age(record)
        if failure_class is FailureClass.INVALID:
            return self._reject(delivery, failure, time_budget)
        if failure_class is FailureClass.ENVIRONMENT:
            if age >= self.settings.environment_max_age_seconds:
                return self._reject(delivery, failure, time_budget)
            self.notifications.waiting(record, failure, delivery.key)
        if age >= self.settings.expiry_age_seconds and not failure.details.skip_backoff:
            expired = make_failure(
                "expired", f"the message's retention ends soon; last failure: {failure}"
            )
            return self._reject(delivery, expired, time_budget)
        return self._return_to_queue(delivery, failure)

    def _reject(self, delivery: _Delivery, failure: Failure, time_budget: TimeBudget) -> Outcome:
        """Move a message to the dead-letter queue; return it to the queue if that fails."""
        record = delivery.record
        if self.clock.monotonic() >= time_budget.deadline:
            # If the invocation timed out after sending the dead letter, the next one would send
            # it again.
            no_time = RetryableFailure("not-attempted", "no time was left to reject the message")
            return self._return_to_queue(delivery, no_time)
        try:
            dead_letter.send(
                self.sqs, self.settings.dead_letter_queue_url, record, failure, delivery.key
            )
        except (ClientError, BotoCoreError) as error:
            unreachable = RetryableFailure("dead-letter-unreachable", type(error).__name__)
            return self._return_to_queue(delivery, unreachable)
        self.log.warning(
            "message rejected", **delivery.log_keys(), reason=failure.reason, error=failure.error
        )
        if self.clock.monotonic() < time_budget.deadline:
            self.notifications.rejected(record, failure, delivery.key)
        return delivery.outcome(Disposition.REJECTED, reason=failure.reason)

    def _return_to_queue(self, delivery: _Delivery, failure: Failure) -> Outcome:
        seconds = self._visibility_seconds(delivery.record, failure)
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

    def _visibility_seconds(self, record: Record, failure: Failure) -> int:
        """Return the visibility timeout with which a message returns to the queue."""
        if failure.details.skip_backoff:
            return 0
        slow = failure.details.failure_class is FailureClass.ENVIRONMENT
        seconds = backoff_seconds(
            record.receives,
            self.draw,
            base_seconds=SLOW_BACKOFF_BASE_SECONDS if slow else BACKOFF_BASE_SECONDS,
            max_seconds=self.settings.max_backoff_seconds,
        )
        # With a retention of minutes, the message must not expire while it is invisible.
        remaining = self.settings.queue_retention_seconds - self._age(record)
        return max(1, min(seconds, int(remaining / 2)))

    def _age(self, record: Record) -> float:
        return max(0.0, self.clock.time() - record.sent_at)
