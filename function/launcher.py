"""One message's RunTask calls: paced, held back while there is no capacity, and never twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from function.failures import Failure, Keep, failure
from function.faults import ALREADY_STARTED, failure_of_answer, failure_of_error

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient

    from function.breaker import Breaker
    from function.clock import Clock
    from function.pace import Pacer


@dataclass
class Tally:
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
class Window:
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
        pacer: says when.
        breaker: says whether.
        clock: to sleep by.
    """

    ecs: ECSClient
    pacer: Pacer
    breaker: Breaker
    clock: Clock

    def launch(self, call: dict[str, Any], lane: str, window: Window, tally: Tally) -> None:
        """Start one task, and write it down in the tally.

        Args:
            call: the arguments of RunTask.
            lane: what the task draws its capacity from.
            window: the time that is left.
            tally: of the message.

        Raises:
            Failure: the task was not started.
        """
        self._wait(lane, window)
        try:
            answer = self.ecs.run_task(**call)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == ALREADY_STARTED:
                # The token holds: an earlier delivery started this task.
                self.breaker.unknown(lane)
                tally.already_started += 1
                tally.task_arns += map(
                    str, cast("list[str]", error.response.get("resourceIds", []))
                )
                return
            raise self._learned(failure_of_error(error), lane, tally) from None
        except BotoCoreError as error:
            raise self._learned(failure_of_error(error), lane, tally) from None
        if not answer.get("tasks"):
            raise self._learned(failure_of_answer(answer.get("failures", [])), lane, tally)
        self.breaker.found(lane)
        tally.launched += 1
        tally.task_arns += [task["taskArn"] for task in answer["tasks"]]

    def _wait(self, lane: str, window: Window) -> None:
        while wait := self._ask(lane, window):
            self.clock.sleep(wait)
        away = self.pacer.reserve(window.deadline)
        if away is None:
            self.breaker.unknown(lane)
            raise Keep("not-begun", "no time was left in the invocation")
        if away:
            self.clock.sleep(away)

    def _ask(self, lane: str, window: Window) -> float:
        if self.clock.monotonic() >= window.deadline:
            raise Keep("not-begun", "no time was left in the invocation")
        wait = self.breaker.ask(lane, min(window.hold_until, window.deadline))
        if wait is None:
            raise failure("held", f"{lane} has no capacity; other messages probe it")
        return wait

    def _learned(self, found: Failure, lane: str, tally: Tally) -> Failure:
        """Return a failure after pacer and breaker have heard of it."""
        if found.reason == "throttled":
            tally.throttled += 1
            self.pacer.throttled()
        if found.details.capacity:
            self.breaker.gone(lane)
        else:
            self.breaker.unknown(lane)
        return found
