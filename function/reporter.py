"""Notes what the events queue is to be told of a delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from function.outcome import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from function.clock import Clock
    from function.delivery import Delivery
    from function.failures.reasons import Failure
    from function.message.request import Request
    from function.outcomes.history import Asked
    from function.outcomes.observations import Launched, Rejected, RestartFailed
    from function.outcomes.restarts import Message


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """Gives deliveries their reports.

    A report is made when it is sent, at the end of the batch: no launch waits for it, nor for the
    import of what makes it.

    Attributes:
        clock: Tells the time.
    """

    clock: Clock

    def launched(self, delivery: Delivery, key: str, request: Request) -> None:
        """Report that the tasks of a message are started.

        Args:
            delivery: The delivery.
            key: The idempotency key.
            request: As it was completed.
        """
        at = self.clock.time()

        def make() -> Launched:
            from function.outcomes import reports  # noqa: PLC0415

            return reports.launched(
                delivery.record,
                key,
                delivery.request or request,
                delivery.limits,
                containers=reports.containers_of(request),
                tasks=delivery.launch_stats.task_arns,
                at=at,
            )

        delivery.report = Report(message_id=delivery.record.message_id, make=make)

    def restarted(self, delivery: Delivery, key: str, asked: Asked) -> None:
        """Report that tasks were started again."""

        def make() -> Launched:
            from function.outcomes.observations import Launched  # noqa: PLC0415

            return Launched(key=key, asked=asked, tasks=tuple(delivery.launch_stats.task_arns))

        delivery.report = Report(message_id=delivery.record.message_id, make=make)

    def restart_failed(self, delivery: Delivery, restart: Message, failure: Failure) -> None:
        """Report that tasks will not be started again."""

        def make() -> RestartFailed:
            from function.outcomes.observations import RestartFailed  # noqa: PLC0415

            return RestartFailed(
                key=restart.key, generation=restart.generation, reason=failure.reason
            )

        delivery.report = Report(message_id=delivery.record.message_id, make=make)

    def rejected(
        self, delivery: Delivery, failure: Failure, *, instead: Callable[[], None]
    ) -> None:
        """Report that a message was moved to the dead-letter queue.

        Args:
            delivery: The delivery.
            failure: Why.
            instead: What to do if the report could not be sent.
        """
        at = self.clock.time()

        def make() -> Rejected:
            from function.outcomes import reports  # noqa: PLC0415

            return reports.rejected(delivery.record, delivery.key, failure, at=at)

        delivery.report = Report(message_id=delivery.record.message_id, make=make, lost=instead)
