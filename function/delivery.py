"""A record on its way to its outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from function.launch.job import LaunchStats
from function.message.idempotency import KEY_ATTRIBUTE
from function.message.task_limits import NO_LIMITS, TaskLimits
from function.outcome import Outcome

if TYPE_CHECKING:
    from function.message.request import Request
    from function.outcome import Disposition, Report
    from function.outcomes.restarts import Message
    from function.sqs.record import Record


@dataclass(kw_only=True)
class Delivery:
    """A record on its way to its outcome.

    Attributes:
        record: The delivery of the message.
        key: The message's idempotency key; None until it is read, and where it is not valid.
        request: What it asks for; None until it is read.
        limits: The limits that hold for it.
        launch_stats: What is known of its tasks.
        restart: That tasks are to be started again, if that is what the message says.
        report: What the events queue is told; None if there is nothing to tell.
    """

    record: Record
    key: str | None = None
    request: Request | None = None
    limits: TaskLimits = NO_LIMITS
    launch_stats: LaunchStats = field(default_factory=LaunchStats)
    restart: Message | None = None
    report: Report | None = None

    @property
    def body(self) -> str:
        """The message's body; of a restart, the request that it stands for."""
        if self.restart is None or self.request is None:
            return self.record.body
        return json.dumps({"ECS": self.request.parameters})

    @property
    def unique(self) -> bool:
        """Whether no other delivery can have used the key, so that the ledger knows nothing."""
        return KEY_ATTRIBUTE not in self.record.attributes and self.record.receives <= 1

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
            table_failures=self.launch_stats.table_failures,
            age_seconds=age_seconds,
            report=self.report,
        )

    def log_keys(self) -> dict[str, Any]:
        """Return what every log line about the delivery has in common."""
        return {
            "message_id": self.record.message_id,
            "key": self.key,
            "receives": self.record.receives,
        }
