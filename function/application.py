"""The handler without AWS's entry point: an event in, the batch's failures out."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from function import batch, observability
from function.launch.circuit_breaker import CircuitBreaker
from function.launch.launcher import Launcher, TimeBudget
from function.launch.rate_limiter import RateLimiter
from function.limits import LAUNCH_RESERVE_SECONDS, MAX_HOLD_SECONDS
from function.message.lookups import Lookups
from function.notifications import Notifications
from function.outcome import Disposition
from function.processor import Processor
from function.sqs.record import records_of
from function.sqs.visibility import return_to_queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ecs import ECSClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.observability import Log
    from function.settings import Settings

_MILLISECONDS: Final = 1000


class Context(Protocol):
    """What the handler asks of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds before the invocation times out."""


class Application:
    """Everything that lives as long as an execution environment."""

    def __init__(  # noqa: PLR0913 - the parts of the whole, once
        self,
        settings: Settings,
        *,
        ecs: ECSClient,
        sqs: SQSClient,
        sns: SNSClient,
        log: Log,
        clock: Clock = time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Put the parts together.

        Args:
            settings: of the function.
            ecs: client; it should not retry, the queue does.
            sqs: client.
            sns: client.
            log: takes constant texts with data in keys.
            clock: tells time and sleeps.
            draw: gives the jitter, a number from 0 to 1.
        """
        self._settings = settings
        self._sqs = sqs
        self._log = log
        self._clock = clock
        self._worker = Processor(
            settings=settings,
            launcher=Launcher(
                ecs=ecs,
                rate_limiter=RateLimiter(settings.launch_rate_per_instance, clock),
                circuit_breaker=CircuitBreaker(clock),
                clock=clock,
            ),
            lookups=Lookups(ecs, clock),
            sqs=sqs,
            notices=Notifications(sns, settings.failure_topic_arn, settings.stage, log, clock),
            log=log,
            clock=clock,
            draw=draw,
        )

    def handle(self, event: object, context: Context) -> dict[str, Any]:
        """Work a batch, and return the messages that stay in the queue.

        Raises:
            EventError: the event is no SQS batch.
        """
        records = records_of(event)
        if not records:
            return {"batchItemFailures": []}
        self._log.append_keys(request_id=context.aws_request_id)
        now = self._clock.monotonic()
        left = context.get_remaining_time_in_millis() / _MILLISECONDS
        window = TimeBudget(
            deadline=now + left - LAUNCH_RESERVE_SECONDS, hold_until=now + MAX_HOLD_SECONDS
        )
        outcomes = batch.work(records, self._worker, window)
        return_to_queue(self._sqs, self._settings.queue_url, outcomes, self._log)
        observability.emit(outcomes, self._settings.stage)
        return {
            "batchItemFailures": [
                {"itemIdentifier": outcome.record.message_id}
                for outcome in outcomes
                if outcome.disposition is Disposition.RETURNED
            ]
        }
