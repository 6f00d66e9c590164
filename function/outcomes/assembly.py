"""Joins the parts of what is done after a launch; loaded with the first event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from function.failures.reasons import Failure
from function.outcomes.consumer import Consumer
from function.outcomes.effects import Effects
from function.outcomes.metrics import OutcomeMetrics
from function.outcomes.notices import Notices
from function.outcomes.policy import Policy
from function.outcomes.results import Results
from function.outcomes.store import HistoryStore
from function.outcomes.sweep import Sweep
from function.outcomes.updating import Updater

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ecs import ECSClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.launch.rate_limiter import RateLimiter
    from function.message.lookups import Lookups
    from function.observability import Log
    from function.outcomes.effects import LeaseBook
    from function.outcomes.results import EventBus
    from function.settings import Settings
    from function.table import Table


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the consumer of events shares with the launches.

    Attributes:
        settings: The function's environment variables.
        ecs: A client without retries of its own.
        sqs: A client for all queues.
        sns: A client for the failure topic.
        events: A client for the bus of the results; None where there is no such bus.
        table: The stage's table.
        leases: The leases of the concurrency groups.
        lookups: Tell the containers of a task definition.
        rate_limiter: Paces the calls that change tasks.
        log: The function's logger.
        clock: Tells the time.
        draw: Returns the jitter, a random number from 0 to 1.
    """

    settings: Settings
    ecs: ECSClient
    sqs: SQSClient
    sns: SNSClient
    events: EventBus | None
    table: Table
    leases: LeaseBook
    lookups: Lookups
    rate_limiter: RateLimiter
    log: Log
    clock: Clock
    draw: Callable[[], float]


def make_consumer(parts: Parts, queue_url: str) -> Consumer:
    """Return the consumer of the events queue.

    Args:
        parts: What it shares with the launches.
        queue_url: The events queue.
    """
    settings, log, clock = parts.settings, parts.log, parts.clock
    store = HistoryStore(parts.table, settings.key_retention_seconds, clock)
    metrics = OutcomeMetrics(settings.stage)
    notices = Notices(parts.sns, parts.table, settings, log, clock)

    def essential(task_definition: str) -> tuple[str, ...] | None:
        try:
            return parts.lookups.essential(task_definition)
        except Failure:
            return None

    effects = Effects(
        settings=settings,
        ecs=parts.ecs,
        sqs=parts.sqs,
        leases=parts.leases,
        notices=notices,
        results=Results(settings=settings, sqs=parts.sqs, events=parts.events, essential=essential),
        rate_limiter=parts.rate_limiter,
        log=log,
        clock=clock,
    )
    updater = Updater(
        store=store,
        policy=Policy(
            stage=settings.stage,
            start_attempts=settings.start_attempts,
            announce=settings.announce,
            results=bool(settings.results_queue_url or settings.results_bus),
        ),
        lookups=parts.lookups,
        effects=effects,
        metrics=metrics,
        log=log,
        clock=clock,
    )
    return Consumer(
        stage=settings.stage,
        queue_url=queue_url,
        updater=updater,
        sweep=Sweep(
            stage=settings.stage,
            store=store,
            updater=updater,
            ecs=parts.ecs,
            leases=parts.leases,
            notices=notices,
            metrics=metrics,
            log=log,
            clock=clock,
        ),
        sqs=parts.sqs,
        metrics=metrics,
        log=log,
        clock=clock,
        draw=parts.draw,
    )
