"""The outcome of a delivery: what the response to SQS and the metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from function.outcomes.observations import Launched, Rejected, RestartFailed
    from function.sqs.record import Record


class Disposition(StrEnum):
    """What was done with a message: exactly one of three."""

    # All of its tasks were started, now or by an earlier delivery. Lambda deletes the message.
    LAUNCHED = "launched"
    # It was moved to the dead-letter queue. Lambda deletes the message.
    REJECTED = "rejected"
    # It returned to the queue, to be received again.
    RETURNED = "returned"


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the events queue is to be told of a delivery.

    Attributes:
        message_id: The message's id.
        make: Returns the report; only a report that is sent is made.
        lost: What to do instead if it could not be sent.
    """

    message_id: str
    make: Callable[[], Launched | Rejected | RestartFailed]
    lost: Callable[[], None] = lambda: None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of one delivery of one message.

    Attributes:
        record: The delivery.
        disposition: What was done with the message.
        reason: Why the message was rejected or returned, a name of `REASONS`; else empty.
        visibility_seconds: When a returned message becomes visible again.
        launched: Tasks that this delivery started.
        already_started: Tasks that an earlier delivery had started.
        throttled: RunTask calls that were throttled.
        table_failures: Calls of the ledger table that failed.
        age_seconds: The age of a launched message.
        report: What the events queue is told of it; None if there is nothing to tell.
    """

    record: Record
    disposition: Disposition
    reason: str = ""
    visibility_seconds: int = 0
    launched: int = 0
    already_started: int = 0
    throttled: int = 0
    table_failures: int = 0
    age_seconds: float = 0.0
    report: Report | None = None
