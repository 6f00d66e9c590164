"""What a delivery without a launch has to pass on to the next one, and to the dead-letter queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from function.failures.reasons import RetryableFailure
from function.ledger import ContendedError, Item, Ledger
from function.message.idempotency import (
    UNKNOWN_TASKS,
    launches_known,
    origin_of,
)

if TYPE_CHECKING:
    from function.clock import Clock
    from function.delivery import Delivery
    from function.failures.reasons import Failure
    from function.sqs.record import Record


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The part of the ledger that is not about a launch.

    Attributes:
        ledger: The table.
        clock: Tells the time.
    """

    ledger: Ledger
    clock: Clock

    def pass_on(self, delivery: Delivery, *, failing: bool = False) -> float:
        """Record what the next delivery of a message has to know.

        The first delivery of a message without a key records whether it has called RunTask: a
        later one could not tell, once the client token has ended. It is the only one that makes
        calls without announcing them.

        Args:
            delivery: It returns to the queue.
            failing: Whether it is for an environment failure.

        Returns:
            Since when the message fails for an environment failure, in seconds since 1970.
        """
        now, since = self.clock.time(), delivery.record.first_received_at
        if delivery.key is None or delivery.request is None:
            return since
        new = delivery.unique and not delivery.launch_stats.recorded
        if not failing and (not new or self.ledger.failing):
            return now
        try:
            if failing and not new:
                return self._failing_since(delivery)
            self.ledger.create(self._item(delivery, failing=failing))
        except ContendedError:
            pass  # another delivery has recorded it
        except RetryableFailure:
            delivery.launch_stats.table_failures += 1
            return since
        return now

    def tasks(self, delivery: Delivery, failure: Failure) -> str:
        """Return how many tasks of a rejected message were started, for its dead letter."""
        stats = delivery.launch_stats
        if delivery.key is None or failure.reason == "key-reused":
            return "0"
        if stats.uncertain_since is not None:
            return UNKNOWN_TASKS
        if stats.recorded or delivery.unique:
            return str(len(stats.task_arns))
        try:
            return self._recorded_tasks(delivery.key, delivery.record)
        except RetryableFailure:
            stats.table_failures += 1
            return UNKNOWN_TASKS

    def _recorded_tasks(self, key: str, record: Record) -> str:
        item = self.ledger.read(key)
        if item is None or not item.request:
            return "0" if launches_known(record) else UNKNOWN_TASKS
        if item.called_at is not None or item.doubt_at is not None:
            return UNKNOWN_TASKS
        return str(len(item.tasks))

    def _item(self, delivery: Delivery, *, failing: bool) -> Item:
        if delivery.key is None or delivery.request is None:
            raise TypeError("the message was not read")
        called_at = delivery.launch_stats.uncertain_since
        return Item(
            key=delivery.key,
            request=delivery.request.digest(),
            count=delivery.request.count,
            called_at=called_at,
            caller=None if called_at is None else origin_of(delivery.record),
            failing_at=self.clock.time() if failing else None,
        )

    def _failing_since(self, delivery: Delivery) -> float:
        """Return since when a message fails, and record it if it is new."""
        key, now = delivery.key or "", self.clock.time()
        try:
            before = self.ledger.update(key, put={}, keep={"failing_at": now}, when={})
        except ContendedError:
            if not launches_known(delivery.record):
                return delivery.record.first_received_at
            self.ledger.create(self._item(delivery, failing=True))
            return now
        return now if before.failing_at is None else before.failing_at
