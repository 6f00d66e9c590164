"""What became of a message."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from function.sqs.record import Record


class Disposition(StrEnum):
    """The three ends of a delivery."""

    LAUNCHED = "launched"
    REJECTED = "rejected"
    RETURNED = "kept"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of one delivery of one message.

    Attributes:
        record: the delivery.
        disposition: how it ended.
        reason: why the message was rejected or kept.
        visibility_seconds: after which a kept message comes back.
        launched: tasks that were started, of this delivery.
        already_started: launches of which an earlier delivery had started the task.
        age_seconds: the message's age when it was launched.
        throttled: RunTask calls that were throttled.
    """

    record: Record
    disposition: Disposition
    reason: str = ""
    visibility_seconds: int = 0
    launched: int = 0
    already_started: int = 0
    age_seconds: float = 0.0
    throttled: int = 0
