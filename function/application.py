"""The handler without Lambda's entry point: handles one event, returns the batch item failures."""

from __future__ import annotations

import functools
import random
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from function import batch, observability
from function.event_bodies import prepared
from function.launch.admission import Admission, TimeBudget
from function.launch.circuit_breaker import CircuitBreaker
from function.launch.daily_allowance import DailyAllowance
from function.launch.launcher import Launcher, list_tasks
from function.launch.leases import Leases
from function.launch.progress import Progress
from function.launch.rate_limiter import Quota, Quotas, RateLimiter
from function.ledger import Ledger
from function.limits import LAUNCH_RESERVE_SECONDS, MAX_HOLD_SECONDS, REPORT_RESERVE_SECONDS
from function.memory import Memory
from function.message.idempotency import Stage
from function.message.lookups import Lookups
from function.message.payload_store import PayloadStore
from function.notifications import Notifications
from function.outcome import Disposition
from function.processor import Processor
from function.reporter import Reporter
from function.sqs.record import records_of
from function.sqs.visibility import return_to_queue
from function.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_ecs import ECSClient
    from types_boto3_s3 import S3Client
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.observability import Log
    from function.outcome import Outcome
    from function.outcomes.consumer import Consumer
    from function.outcomes.restarts import Restarts
    from function.outcomes.results import EventBus
    from function.settings import Settings

_MILLISECONDS: Final = 1000


class Context(Protocol):
    """The part of Lambda's context object that the handler uses."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation times out."""


class Application:
    """Everything that lives as long as the execution environment.

    Args:
        settings: The function's environment variables.
        ecs: A client without retries of its own: the queue retries.
        sqs: A client for the work queue and the dead-letter queue.
        sns: A client for the failure topic.
        dynamodb: A client for the ledger table.
        events: A client for the bus of the results; None where there is no such bus.
        s3: A client for payloads.
        log: The function's logger.
        clock: Replaced in tests and simulations.
        draw: Returns the jitter, a random number from 0 to 1.
    """

    def __init__(  # noqa: PLR0913 - the one place where all parts are joined
        self,
        settings: Settings,
        *,
        ecs: ECSClient,
        sqs: SQSClient,
        sns: SNSClient,
        dynamodb: DynamoDBClient,
        events: EventBus | None = None,
        s3: S3Client,
        log: Log,
        clock: Clock = time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._sqs = sqs
        self._log = log
        self._clock = clock
        table = Table(dynamodb, settings.ledger_table, clock)
        ledger = Ledger(table, settings.key_retention_seconds, clock)
        rate_limiter = RateLimiter(
            Quotas(
                run_task=Quota(settings.run_task_rate, settings.run_task_burst),
                fargate_launch=Quota(settings.fargate_launch_rate, settings.fargate_launch_burst),
                fargate_spot_launch=Quota(
                    settings.fargate_spot_launch_rate, settings.fargate_spot_launch_burst
                ),
            ),
            settings.maximum_concurrency,
            clock,
        )
        lookups = Lookups(ecs, clock)
        admission = Admission(
            rate_limiter=rate_limiter,
            circuit_breaker=CircuitBreaker(clock),
            clock=clock,
            draw=draw,
            max_backoff_seconds=settings.max_backoff_seconds,
        )
        leases = Leases(
            table,
            sqs,
            settings.queue_url,
            retention_seconds=settings.key_retention_seconds,
            max_wait_seconds=settings.max_backoff_seconds / 2,
            clock=clock,
        )

        @functools.cache
        def restarts() -> Restarts:
            # Loaded with the first restart.
            from function.outcomes.restarts import Restarts  # noqa: PLC0415
            from function.outcomes.store import HistoryStore  # noqa: PLC0415

            store = HistoryStore(table, settings.key_retention_seconds, clock)
            return Restarts(store=store, ecs=ecs, settings=settings, clock=clock)

        outcomes = settings.events_queue_url is not None
        self._processor = Processor(
            settings=settings,
            stage=Stage(name=settings.stage, account=settings.account, region=settings.region),
            launcher=Launcher(
                ecs=ecs,
                admission=admission,
                progress=Progress(
                    ledger=ledger,
                    list_tasks=functools.partial(list_tasks, ecs),
                    clock=clock,
                    timeout_seconds=settings.timeout_seconds,
                ),
                clock=clock,
                allowance=DailyAllowance(
                    ledger=ledger,
                    max_tasks=settings.max_tasks_per_day,
                    clock=clock,
                    draw=draw,
                )
                if settings.max_tasks_per_day
                else None,
                leases=leases,
            ),
            admission=admission,
            memory=Memory(ledger=ledger, clock=clock),
            lookups=lookups,
            sqs=sqs,
            notifications=Notifications(sns, settings, log, clock),
            log=log,
            clock=clock,
            payloads=PayloadStore(s3=s3, account=settings.account, clock=clock),
            reporter=Reporter(clock=clock) if outcomes else None,
            restarts=restarts if outcomes else None,
        )

        def make_consumer(queue_url: str) -> Consumer:
            # Loaded with the first event: a stage without events never needs it, and the others
            # not before a message was launched.
            from function.outcomes import assembly  # noqa: PLC0415

            parts = assembly.Parts(
                settings=settings,
                ecs=ecs,
                sqs=sqs,
                sns=sns,
                events=events,
                table=table,
                leases=leases,
                lookups=lookups,
                rate_limiter=rate_limiter,
                log=log,
                clock=clock,
                draw=draw,
            )
            return assembly.make_consumer(parts, queue_url)

        self._make_consumer = functools.cache(make_consumer)

    def handle(self, event: object, context: Context) -> dict[str, Any]:
        """Handle a batch.

        Args:
            event: The event of the SQS event source mapping.
            context: Lambda's context of this invocation.

        Returns:
            The response that names the messages to return to the queue.

        Raises:
            EventError: if the event is not an SQS batch.
        """
        records = records_of(event)
        if not records:
            return {"batchItemFailures": []}
        self._log.append_keys(request_id=context.aws_request_id)
        now = self._clock.monotonic()
        remaining = context.get_remaining_time_in_millis() / _MILLISECONDS
        time_budget = TimeBudget(
            started=now,
            deadline=now + remaining - LAUNCH_RESERVE_SECONDS,
            hold_until=now + MAX_HOLD_SECONDS,
        )
        url = self._settings.events_queue_url
        if url is not None and records[0].queue == url.rpartition("/")[2]:
            # A mapping has one queue, and an invocation is of one mapping.
            returned = self._make_consumer(url).process(records, time_budget.deadline)
            return {"batchItemFailures": [{"itemIdentifier": name} for name in returned]}
        records = prepared(records, self._settings, self._log)
        if not records:
            return {"batchItemFailures": []}
        outcomes = batch.process(records, self._processor, time_budget)
        return_to_queue(self._sqs, self._settings.queue_url, outcomes, self._log)
        lost = None
        if url is not None:
            lost = self._report(url, outcomes, time_budget)
        observability.emit_metrics(outcomes, self._settings.stage, reports_lost=lost)
        return {
            "batchItemFailures": [
                {"itemIdentifier": outcome.record.message_id}
                for outcome in outcomes
                if outcome.disposition is Disposition.RETURNED
            ]
        }

    def _report(self, url: str, outcomes: list[Outcome], time_budget: TimeBudget) -> int:
        """Tell the events queue what became of the messages; nothing depends on it.

        Returns:
            How many reports were lost.
        """
        from function.outcomes import reports  # noqa: PLC0415 - only if it is used

        waiting = [outcome.report for outcome in outcomes if outcome.report is not None]
        if not waiting:
            return 0
        lost = waiting
        latest = time_budget.deadline + LAUNCH_RESERVE_SECONDS - REPORT_RESERVE_SECONDS
        if self._clock.monotonic() <= latest:
            lost = reports.send(self._sqs, url, waiting, self._log)
        for report in lost:
            report.lost()
        return len(lost)
