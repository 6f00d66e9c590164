"""Why a message does not become a task: every reason, its class, and the exceptions that carry it.

Which answer of AWS means which reason is the table in `function.failures.classification`. Every
reason is described for operators, with cause and cure, in `docs/failures.md`, which a test checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class FailureClass(StrEnum):
    """What has to change before the message can succeed."""

    INVALID = "invalid"
    """The message. It goes to the dead-letter queue."""
    ENVIRONMENT = "environment"
    """The account or the configuration. The message is kept, slowly, up to an age."""
    TRANSIENT = "transient"
    """Nothing, but time. The message is kept for as long as the queue keeps it."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason.

    Attributes:
        name: the name in metrics, notices and the dead-letter queue.
        failure_class: decides what happens to the message.
        redrivable: the same message can succeed once an operator has mended account or config.
        capacity: the cluster has no room: the breaker opens.
        skip_backoff: the message's turn never came, so it goes back without backoff.
    """

    name: str
    failure_class: FailureClass
    redrivable: bool = False
    capacity: bool = False
    skip_backoff: bool = False


_INVALID = FailureClass.INVALID
_ENVIRONMENT = FailureClass.ENVIRONMENT
_TRANSIENT = FailureClass.TRANSIENT

REASONS: Final[dict[str, Reason]] = {
    reason.name: reason
    for reason in (
        # The message, as the handler reads it.
        Reason(name="not-json", failure_class=_INVALID),
        Reason(name="not-an-object", failure_class=_INVALID),
        Reason(name="unknown-parameter", failure_class=_INVALID),
        Reason(name="missing-parameter", failure_class=_INVALID),
        Reason(name="wrong-type", failure_class=_INVALID),
        Reason(name="bad-value", failure_class=_INVALID),
        Reason(name="over-limit", failure_class=_INVALID),
        Reason(name="bad-key", failure_class=_INVALID),
        Reason(name="not-allowed", failure_class=_INVALID, redrivable=True),
        # The message, as AWS answers it.
        Reason(name="service-not-found", failure_class=_INVALID, redrivable=True),
        Reason(name="task-definition-not-found", failure_class=_INVALID, redrivable=True),
        Reason(name="container-ambiguous", failure_class=_INVALID),
        Reason(name="invalid-parameter", failure_class=_INVALID),
        Reason(name="client-error", failure_class=_INVALID),
        Reason(name="unsupported", failure_class=_INVALID),
        # The account.
        Reason(name="access-denied", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="role-not-assumable", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="cluster-not-found", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="blocked", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="credentials", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="placement", failure_class=_ENVIRONMENT, redrivable=True),
        Reason(name="unexpected", failure_class=_ENVIRONMENT, redrivable=True),
        # Time.
        Reason(name="throttled", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="server-error", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="network", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="resource", failure_class=_TRANSIENT, redrivable=True, capacity=True),
        Reason(name="agent", failure_class=_TRANSIENT, redrivable=True, capacity=True),
        Reason(name="quota", failure_class=_TRANSIENT, redrivable=True, capacity=True),
        Reason(name="capacity", failure_class=_TRANSIENT, redrivable=True, capacity=True),
        Reason(name="provisioning", failure_class=_TRANSIENT, redrivable=True, capacity=True),
        Reason(name="circuit-open", failure_class=_TRANSIENT, redrivable=True),
        Reason(name="not-attempted", failure_class=_TRANSIENT, redrivable=True, skip_backoff=True),
        Reason(
            name="blocked-by-group", failure_class=_TRANSIENT, redrivable=True, skip_backoff=True
        ),
        Reason(name="dead-letter-unreachable", failure_class=_TRANSIENT, redrivable=True),
        # What a transient failure ends in.
        Reason(name="expired", failure_class=_INVALID, redrivable=True),
    )
}


class Failure(Exception):  # noqa: N818 - what happened to a message is no error of the program
    """A message did not become a task.

    Attributes:
        reason: a name of REASONS.
        error: what was found, where, and what is allowed, for the sender or the operator.
    """

    def __init__(self, reason: str, error: str) -> None:
        """Carry a reason of the table; KeyError for a name that is not in it."""
        super().__init__(f"{reason}: {error}")
        self.details = REASONS[reason]
        self.reason = reason
        self.error = error

    @property
    def redrivable(self) -> bool:
        """Whether the same message can succeed once an operator has mended something."""
        return self.details.redrivable


class PermanentFailure(Failure):
    """The message can never succeed as it is."""


class RetryableFailure(Failure):
    """The message can succeed later."""


def failure(reason: str, error: str) -> Failure:
    """Return the exception that fits a reason's class."""
    if REASONS[reason].failure_class is FailureClass.INVALID:
        return PermanentFailure(reason, error)
    return RetryableFailure(reason, error)
