"""Why a message did not become a task: every reason, its class, and the exceptions that carry it.

`function.failures.classification` maps AWS errors to reasons. `docs/failures.md` describes every
reason, with cause and cure; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from function.limits import DAILY_NOTIFICATION_INTERVAL_SECONDS, NOTIFICATION_INTERVAL_SECONDS


class FailureClass(StrEnum):
    """What has to change before the message can succeed."""

    # The message. It moves to the dead-letter queue.
    INVALID = "invalid"
    # The account or the configuration. The message is retried slowly, up to a certain age.
    ENVIRONMENT = "environment"
    # Nothing; it only takes time. The message is retried until its retention ends.
    TRANSIENT = "transient"


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason.

    Attributes:
        name: Its name in metrics, log lines, notifications and the dead-letter queue.
        failure_class: Decides whether the message is rejected or retried.
        redrivable: The same message can succeed once the cause is fixed.
        capacity_exhausted: The capacity pool is exhausted, so the circuit breaker opens.
        by_size: Only for tasks of this size: others may still fit.
        announced: A notification is sent although it passes with time.
        skip_backoff: The message waits for another one, so it returns to the queue immediately.
        announcement_seconds: A notification is sent at most once in this time.
        waits_for_day: The message may be invisible for longer than a backoff, until the next day.
        may_have_launched: There was no answer, so tasks may have been launched.
    """

    name: str
    failure_class: FailureClass
    redrivable: bool = False
    capacity_exhausted: bool = False
    by_size: bool = False
    announced: bool = False
    announcement_seconds: float = NOTIFICATION_INTERVAL_SECONDS
    waits_for_day: bool = False
    may_have_launched: bool = False
    skip_backoff: bool = False


_INVALID: Final = FailureClass.INVALID
_ENVIRONMENT: Final = FailureClass.ENVIRONMENT
_TRANSIENT: Final = FailureClass.TRANSIENT

REASONS: Final[dict[str, Reason]] = {
    reason.name: reason
    for reason in (
        # Found by the handler in the message.
        Reason(name="not-json", failure_class=_INVALID),
        Reason(name="not-an-object", failure_class=_INVALID),
        Reason(name="unknown-parameter", failure_class=_INVALID),
        Reason(name="missing-parameter", failure_class=_INVALID),
        Reason(name="wrong-type", failure_class=_INVALID),
        Reason(name="bad-value", failure_class=_INVALID),
        Reason(name="over-limit", failure_class=_INVALID),
        Reason(name="bad-key", failure_class=_INVALID),
        Reason(name="envelope", failure_class=_INVALID),
        Reason(name="template", failure_class=_INVALID, redrivable=True),
        Reason(name="bad-limits", failure_class=_INVALID),
        Reason(name="bad-restart", failure_class=_INVALID),
        Reason(name="not-allowed", failure_class=_INVALID, redrivable=True),
        # Found in the ledger.
        Reason(name="key-reused", failure_class=_INVALID),
        Reason(name="outcome-unknown", failure_class=_INVALID),
        # Found by AWS in the message.
        Reason(name="service-not-found", failure_class=_INVALID, redrivable=True),
        Reason(name="task-definition-not-found", failure_class=_INVALID, redrivable=True),
        Reason(name="container-ambiguous", failure_class=_INVALID),
        Reason(name="invalid-parameter", failure_class=_INVALID),
        Reason(name="client-error", failure_class=_INVALID),
        Reason(name="unsupported", failure_class=_INVALID),
        # Found in the account or the configuration.
        Reason(name="access-denied", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="role-not-assumable", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="cluster-not-found", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="capacity-provider", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="blocked", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="credentials", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="placement", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="unexpected", failure_class=_ENVIRONMENT, redrivable=True),
        # Passes with time.
        Reason(name="throttled", failure_class=_TRANSIENT, redrivable=True),
        Reason(
            name="server-error", failure_class=_TRANSIENT, redrivable=True, may_have_launched=True
        ),
        Reason(name="network", failure_class=_TRANSIENT, redrivable=True, may_have_launched=True),
        Reason(
            name="resource",
            failure_class=_TRANSIENT,
            redrivable=True,
            capacity_exhausted=True,
            by_size=True,
        ),
        Reason(
            name="agent",
            failure_class=_TRANSIENT,
            redrivable=True,
            capacity_exhausted=True,
            by_size=True,
        ),
        Reason(name="quota", failure_class=_TRANSIENT, redrivable=True, capacity_exhausted=True),
        Reason(name="capacity", failure_class=_TRANSIENT, redrivable=True, capacity_exhausted=True),
        Reason(
            name="provisioning", failure_class=_TRANSIENT, redrivable=True, capacity_exhausted=True
        ),
        Reason(name="circuit-open", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="not-attempted", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="in-progress", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="conflict-unresolved", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="table-unavailable", failure_class=_TRANSIENT, redrivable=True, announced=True),
        Reason(
            name="daily-limit",
            failure_class=_TRANSIENT,
            redrivable=True,
            announced=True,
            announcement_seconds=DAILY_NOTIFICATION_INTERVAL_SECONDS,
            waits_for_day=True,
        ),
        Reason(name="concurrency", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="restart-delay", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="payload-unavailable", failure_class=_TRANSIENT, redrivable=True),
        Reason(
            name="blocked-by-group", failure_class=_TRANSIENT, redrivable=True, skip_backoff=True
        ),
        Reason(name="dead-letter-unreachable", failure_class=_TRANSIENT, redrivable=True),
        # Ends the retries of any failure.
        Reason(name="expired", failure_class=_INVALID, redrivable=True),
    )
}


class Failure(Exception):  # noqa: N818 - a failure of a message, not an error of the program
    """A message did not become a task.

    Args:
        reason: A name of REASONS.
        error: What was found, where, and what is expected, for the sender or the operator.
        seconds: When the message shall be back, None for the backoff of its reason.

    Attributes:
        details: The reason with its properties.
        reason: Its name.
        error: As given.
        seconds: As given.

    Raises:
        KeyError: if the reason is not in REASONS.
    """

    def __init__(self, reason: str, error: str, seconds: float | None = None) -> None:
        super().__init__(f"{reason}: {error}")
        self.details = REASONS[reason]
        self.reason = reason
        self.error = error
        self.seconds = seconds

    @property
    def redrivable(self) -> bool:
        """Whether the same message can succeed once the cause is fixed."""
        return self.details.redrivable


class PermanentFailure(Failure):
    """The message can never succeed as it is: it is rejected."""


class RetryableFailure(Failure):
    """The message can succeed later: it returns to the queue."""


def make_failure(reason: str, error: str, seconds: float | None = None) -> Failure:
    """Return the exception that fits the class of a reason."""
    if REASONS[reason].failure_class is FailureClass.INVALID:
        return PermanentFailure(reason, error)
    return RetryableFailure(reason, error, seconds)
