"""What happens to one message: launched, rejected, or kept for later."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import Failure, FailureClass, failure
from function.failures.redaction import scrub, secrets_of
from function.launch.launcher import Launcher, LaunchStats, TimeBudget
from function.limits import BACKOFF_BASE_SECONDS, SLOW_BACKOFF_BASE_SECONDS
from function.message.builder import calls, complete, read
from function.message.idempotency import key_of
from function.outcome import Disposition, Outcome
from function.sqs import dead_letter
from function.sqs.backoff import visibility_seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.message.lookups import Lookups
    from function.notifications import Notifications
    from function.observability import Log
    from function.settings import Settings
    from function.sqs.record import Record

_FRAMES_SHOWN: Final = 5


@dataclass(frozen=True, kw_only=True)
class Processor:
    """Brings one message to its end.

    Attributes:
        settings: of the function.
        launcher: makes the RunTask calls.
        lookups: ask ECS for what a message leaves out.
        sqs: for the dead-letter queue.
        notices: of failures.
        log: takes constant texts with data in keys.
        clock: tells a message's age.
        draw: gives the jitter, a number from 0 to 1.
    """

    settings: Settings
    launcher: Launcher
    lookups: Lookups
    sqs: SQSClient
    notices: Notifications
    log: Log
    clock: Clock
    draw: Callable[[], float]

    def work(self, record: Record, window: TimeBudget) -> Outcome:
        """Return what became of a message. Nothing is raised: it would take the batch along."""
        stats = LaunchStats()
        try:
            self._launch(record, window, stats)
        except Failure as found:
            return self._settle(record, window, stats, found)
        except Exception as error:  # noqa: BLE001
            # The record's boundary: whatever is wrong with one message, or with the code that
            # reads it, must not touch the others. It is kept and announced, and goes to the
            # dead-letter queue at an age. Only names are logged: a text might quote the message.
            frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_SHOWN:]
            self.log.error(  # noqa: TRY400
                "unexpected exception",
                message_id=record.message_id,
                exception=type(error).__name__,
                frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            )
            unexpected = failure("unexpected", f"{type(error).__name__} in the handler")
            return self._settle(record, window, stats, unexpected)
        return Outcome(
            record=record,
            disposition=Disposition.LAUNCHED,
            launched=stats.launched,
            already_started=stats.already_started,
            age_seconds=self._age(record),
        )

    def put_back(self, record: Record, reason: str) -> Outcome:
        """Return the outcome of a message whose turn never came."""
        return self._keep(record, LaunchStats(), failure(reason, "its turn never came"))

    def _launch(self, record: Record, window: TimeBudget, stats: LaunchStats) -> None:
        key = key_of(record)
        request = complete(read(record.body, self.settings), self.lookups, window.deadline)
        for call in calls(request, key, self.settings.stage):
            self.launcher.launch(call, request.capacity_pool, window, stats)
        self.log.info(
            "message launched",
            message_id=record.message_id,
            key=key,
            task_arns=stats.task_arns,
            already_started=stats.already_started,
            receives=record.receives,
        )

    def _settle(
        self, record: Record, window: TimeBudget, stats: LaunchStats, raw: Failure
    ) -> Outcome:
        """Keep or reject a message that failed."""
        found = failure(raw.reason, scrub(raw.error, secrets_of(record.body)))
        age = self._age(record)
        kind = found.details.failure_class
        if kind is FailureClass.INVALID:
            return self._reject(record, window, stats, found)
        if kind is FailureClass.ENVIRONMENT:
            if age >= self.settings.environment_max_age_seconds:
                return self._reject(record, window, stats, found)
            self.notices.waiting(record, found, _key(record))
        if age >= self.settings.expiry_age_seconds and not found.details.skip_backoff:
            expired = failure("expired", f"the queue drops it soon; last: {found}")
            return self._reject(record, window, stats, expired)
        return self._keep(record, stats, found)

    def _reject(
        self, record: Record, window: TimeBudget, stats: LaunchStats, found: Failure
    ) -> Outcome:
        if self.clock.monotonic() >= window.deadline:
            # A dead letter of an invocation that times out would be sent again by the next one.
            return self._keep(
                record, stats, failure("not-attempted", "no time was left to reject it")
            )
        try:
            dead_letter.send(self.sqs, self.settings.dead_letter_queue_url, record, found)
        except (ClientError, BotoCoreError) as error:
            unreachable = failure("dead-letter-unreachable", type(error).__name__)
            return self._keep(record, stats, unreachable)
        self.log.warning(
            "message rejected",
            message_id=record.message_id,
            key=_key(record),
            reason=found.reason,
            error=found.error,
            receives=record.receives,
        )
        if self.clock.monotonic() < window.deadline:
            self.notices.rejected(record, found, _key(record))
        return Outcome(
            record=record,
            disposition=Disposition.REJECTED,
            reason=found.reason,
            launched=stats.launched,
            already_started=stats.already_started,
            throttled=stats.throttled,
        )

    def _keep(self, record: Record, stats: LaunchStats, found: Failure) -> Outcome:
        seconds = 0
        if not found.details.skip_backoff:
            slow = found.details.failure_class is FailureClass.ENVIRONMENT
            base = SLOW_BACKOFF_BASE_SECONDS if slow else BACKOFF_BASE_SECONDS
            longest = self.settings.longest_backoff_seconds
            seconds = visibility_seconds(record.receives, self.draw, base, longest)
            # A queue that keeps messages for minutes must not drop one while it is out of sight.
            left = self.settings.queue_retention_seconds - self._age(record)
            seconds = max(1, min(seconds, int(left / 2)))
        self.log.info(
            "message kept",
            message_id=record.message_id,
            key=_key(record),
            reason=found.reason,
            error=found.error,
            receives=record.receives,
            visibility_seconds=seconds,
        )
        return Outcome(
            record=record,
            disposition=Disposition.RETURNED,
            reason=found.reason,
            visibility_seconds=seconds,
            launched=stats.launched,
            already_started=stats.already_started,
            throttled=stats.throttled,
        )

    def _age(self, record: Record) -> float:
        return max(0.0, self.clock.time() - record.sent_at)


def _key(record: Record) -> str | None:
    """Return a record's key for a log line, None where it is no valid one."""
    try:
        return key_of(record)
    except Failure:
        return None
