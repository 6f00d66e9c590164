"""One message's RunTask calls: paced, held back while there is no capacity, and never twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.classification import ALREADY_STARTED, failure_of_answer, failure_of_error
from function.failures.reasons import Failure, RetryableFailure, failure

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient

    from function.clock import Clock
    from function.launch.circuit_breaker import CircuitBreaker
    from function.launch.rate_limiter import RateLimiter


@dataclass
class LaunchStats:
    """What the calls of one message came to so far.

    Attributes:
        task_arns: of the tasks that run, also those that an earlier delivery had started.
        launched: tasks that these calls started.
        already_started: calls whose task an earlier delivery had started.
        throttled: calls that were throttled.
    """

    task_arns: list[str] = field(default_factory=list)
    launched: int = 0
    already_started: int = 0
    throttled: int = 0


@dataclass(frozen=True, kw_only=True)
class TimeBudget:
    """The time that a batch has, on the clock's monotonic time.

    Attributes:
        deadline: after it no launch is begun.
        hold_until: up to then a message waits for capacity.
    """

    deadline: float
    hold_until: float


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """Makes RunTask calls.

    Attributes:
        ecs: the client.
        rate_limiter: says when.
        circuit_breaker: says whether.
        clock: to sleep by.
    """

    ecs: ECSClient
    rate_limiter: RateLimiter
    circuit_breaker: CircuitBreaker
    clock: Clock

    def launch(
        self, call: dict[str, Any], capacity_pool: str, window: TimeBudget, stats: LaunchStats
    ) -> None:
        """Start one task, and write it down in the stats.

        Args:
            call: the arguments of RunTask.
            capacity_pool: what the task draws its capacity from.
            window: the time that is left.
            stats: of the message.

        Raises:
            Failure: the task was not started.
        """
        self._wait(capacity_pool, window)
        try:
            answer = self.ecs.run_task(**call)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == ALREADY_STARTED:
                # The token holds: an earlier delivery started this task.
                self.circuit_breaker.release(capacity_pool)
                stats.already_started += 1
                stats.task_arns += map(
                    str, cast("list[str]", error.response.get("resourceIds", []))
                )
                return
            raise self._learned(failure_of_error(error), capacity_pool, stats) from None
        except BotoCoreError as error:
            raise self._learned(failure_of_error(error), capacity_pool, stats) from None
        if not answer.get("tasks"):
            raise self._learned(failure_of_answer(answer.get("failures", [])), capacity_pool, stats)
        self.circuit_breaker.record_success(capacity_pool)
        stats.launched += 1
        stats.task_arns += [task["taskArn"] for task in answer["tasks"]]

    def _wait(self, capacity_pool: str, window: TimeBudget) -> None:
        while wait := self._ask(capacity_pool, window):
            self.clock.sleep(wait)
        away = self.rate_limiter.reserve(window.deadline)
        if away is None:
            self.circuit_breaker.release(capacity_pool)
            raise RetryableFailure("not-attempted", "no time was left in the invocation")
        if away:
            self.clock.sleep(away)

    def _ask(self, capacity_pool: str, window: TimeBudget) -> float:
        if self.clock.monotonic() >= window.deadline:
            raise RetryableFailure("not-attempted", "no time was left in the invocation")
        wait = self.circuit_breaker.acquire(capacity_pool, min(window.hold_until, window.deadline))
        if wait is None:
            raise failure(
                "circuit-open", f"{capacity_pool} has no capacity; other messages probe it"
            )
        return wait

    def _learned(self, found: Failure, capacity_pool: str, stats: LaunchStats) -> Failure:
        """Return a failure after rate_limiter and circuit_breaker have heard of it."""
        if found.reason == "throttled":
            stats.throttled += 1
            self.rate_limiter.throttled()
        if found.details.capacity:
            self.circuit_breaker.record_exhausted(capacity_pool)
        else:
            self.circuit_breaker.release(capacity_pool)
        return found
