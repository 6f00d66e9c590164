"""Makes a message's RunTask calls: rate-limited, and held while there is no capacity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.classification import ALREADY_STARTED, classify_error, classify_failures
from function.failures.reasons import Failure, RetryableFailure

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient

    from function.clock import Clock
    from function.launch.circuit_breaker import CircuitBreaker
    from function.launch.rate_limiter import RateLimiter


@dataclass(kw_only=True)
class LaunchStats:
    """What the RunTask calls of one message have achieved so far.

    Attributes:
        task_arns: The tasks of the message, including those that an earlier delivery started.
        launched: Tasks that this delivery started.
        already_started: Calls whose task an earlier delivery had started.
        throttled: Calls that were throttled.
    """

    task_arns: list[str] = field(default_factory=list)
    launched: int = 0
    already_started: int = 0
    throttled: int = 0


@dataclass(frozen=True, kw_only=True)
class TimeBudget:
    """The time that a batch has, in monotonic time.

    Attributes:
        deadline: No launch starts after this.
        hold_until: No message waits for capacity after this.
    """

    deadline: float
    hold_until: float


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """Makes RunTask calls.

    Attributes:
        ecs: A client without retries of its own.
        rate_limiter: Schedules calls.
        circuit_breaker: Rejects calls while capacity is exhausted.
        clock: Sleeps until a call may be made.
    """

    ecs: ECSClient
    rate_limiter: RateLimiter
    circuit_breaker: CircuitBreaker
    clock: Clock

    def launch(
        self, call: dict[str, Any], capacity_pool: str, time_budget: TimeBudget, stats: LaunchStats
    ) -> None:
        """Start one task, and record it in the stats.

        Args:
            call: The arguments of RunTask.
            capacity_pool: The pool that the task draws on.
            time_budget: The time that the batch has.
            stats: Of the message; updated.

        Raises:
            Failure: if the task was not started.
        """
        self._wait(capacity_pool, time_budget)
        try:
            response = self.ecs.run_task(**call)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == ALREADY_STARTED:
                self.circuit_breaker.release(capacity_pool)
                stats.already_started += 1
                stats.task_arns += map(
                    str, cast("list[str]", error.response.get("resourceIds", []))
                )
                return
            raise self._reported(classify_error(error), capacity_pool, stats) from None
        except BotoCoreError as error:
            raise self._reported(classify_error(error), capacity_pool, stats) from None
        if not response.get("tasks"):
            failure = classify_failures(response.get("failures", []))
            raise self._reported(failure, capacity_pool, stats)
        self.circuit_breaker.record_success(capacity_pool)
        stats.launched += 1
        stats.task_arns += [task["taskArn"] for task in response["tasks"]]

    def _wait(self, capacity_pool: str, time_budget: TimeBudget) -> None:
        """Sleep until the call may be made.

        Raises:
            RetryableFailure: `not-attempted` or `circuit-open`, if that is too late.
        """
        while seconds := self._circuit_wait(capacity_pool, time_budget):
            self.clock.sleep(seconds)
        delay = self.rate_limiter.reserve(time_budget.deadline)
        if delay is None:
            self.circuit_breaker.release(capacity_pool)
            raise RetryableFailure("not-attempted", "no time was left in the invocation")
        if delay:
            self.clock.sleep(delay)

    def _circuit_wait(self, capacity_pool: str, time_budget: TimeBudget) -> float:
        if self.clock.monotonic() >= time_budget.deadline:
            raise RetryableFailure("not-attempted", "no time was left in the invocation")
        hold_until = min(time_budget.hold_until, time_budget.deadline)
        seconds = self.circuit_breaker.acquire(capacity_pool, hold_until)
        if seconds is None:
            raise RetryableFailure(
                "circuit-open",
                f"capacity pool {capacity_pool} is exhausted, and other messages probe it",
            )
        return seconds

    def _reported(self, failure: Failure, capacity_pool: str, stats: LaunchStats) -> Failure:
        """Report the failure to the rate limiter and circuit breaker, then return it."""
        if failure.reason == "throttled":
            stats.throttled += 1
            self.rate_limiter.record_throttled()
        if failure.details.capacity_exhausted:
            self.circuit_breaker.record_exhausted(capacity_pool)
        else:
            self.circuit_breaker.release(capacity_pool)
        return failure
