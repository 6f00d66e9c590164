"""Does what a change of a history asks for, each thing at least once.

What fails stays to be done, and the sweep tries it again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import Failure
from function.limits import MAX_RESTART_SECONDS
from function.message.idempotency import KEY_ATTRIBUTE
from function.outcomes import deciding
from function.outcomes.clusters import cluster_of
from function.outcomes.reducer import stop_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_ecs import ECSClient
    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.launch.rate_limiter import RateLimiter
    from function.observability import Log
    from function.outcomes.history import Effect, History
    from function.outcomes.notices import Notices
    from function.outcomes.results import Results
    from function.settings import Settings

# How ECS says that it does not know a task any more, or its cluster: there is nothing to stop.
_NOT_FOUND: Final = "task was not found"
_NO_CLUSTER: Final = "ClusterNotFoundException"
_THROTTLED: Final = frozenset({"ThrottlingException", "Throttling", "RequestLimitExceeded"})


class EffectError(Exception):
    """Something could not be done now; the text says why, and quotes nothing of a message."""


class Holder(Protocol):
    """A holder of a lease.

    Attributes:
        group: The concurrency group.
        key: The idempotency key.
        since: When it got the lease, in seconds since 1970.
    """

    @property
    def group(self) -> str:
        """The concurrency group."""

    @property
    def key(self) -> str:
        """The idempotency key."""

    @property
    def since(self) -> float:
        """When it got the lease, in seconds since 1970."""


class LeaseBook(Protocol):
    """The part of the leases of concurrency groups that is used after a launch."""

    def release(self, group: str, key: str) -> object:
        """Give a lease back, if it is held, and let the messages come that wait for it."""

    def wake(self, group: str) -> object:
        """Let the messages come that wait for the group."""

    def groups(self) -> Iterable[str]:
        """Return the groups that have or had a lease."""

    def holders(self) -> Iterable[Holder]:
        """Return all leases that are held."""


@dataclass(frozen=True, kw_only=True)
class Effects:
    """Does what is to be done.

    Attributes:
        settings: The function's environment variables.
        ecs: A client without retries of its own.
        sqs: A client for the work queue.
        leases: The leases of the concurrency groups.
        notices: Tell a person.
        results: Tell whoever waits.
        rate_limiter: Paces the calls that change tasks.
        log: The function's logger.
        clock: Tells the time.
    """

    settings: Settings
    ecs: ECSClient
    sqs: SQSClient
    leases: LeaseBook
    notices: Notices
    results: Results
    rate_limiter: RateLimiter
    log: Log
    clock: Clock

    def perform(
        self, history: History, todo: Sequence[Effect], deadline: float
    ) -> tuple[Effect, ...]:
        """Do what is to be done, and return what was done.

        Args:
            history: The history, as it is stored.
            todo: What of its `todo` to do.
            deadline: In monotonic time; nothing is begun after it.
        """
        return tuple(effect for effect in todo if self._try(history, effect, deadline))

    def _try(self, history: History, effect: Effect, deadline: float) -> bool:
        if self.clock.monotonic() >= deadline:
            return False
        try:
            self._perform(history, effect, deadline)
        except (ClientError, BotoCoreError, EffectError, Failure) as error:
            cause = self._cause(error)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one, the others go on
            cause = type(error).__name__
        else:
            return True
        self.log.warning("effect not performed", key=history.key, effect=effect.kind, cause=cause)
        return False

    def _perform(self, history: History, effect: Effect, deadline: float) -> None:
        match effect.kind:
            case deciding.RESTART:
                self._restart(history, effect)
            case deciding.STOP:
                self._stop(history, effect, deadline)
            case deciding.RELEASE:
                self._release(history)
            case deciding.NOTICE:
                self.notices.tell(history)
            case deciding.RESULT:
                self.results.tell(history)
            case _:
                raise EffectError("nobody knows this kind of effect")

    def _restart(self, history: History, effect: Effect) -> None:
        """Send the message on which the tasks are started that take the place of the stopped."""
        body = {
            "restart": {
                "key": history.key,
                "generation": effect.generation,
                "task": effect.task,
                "notBefore": math.ceil(self.clock.time() + effect.seconds),
            }
        }
        arguments: dict[str, Any] = {}
        group = None if history.asked is None else history.asked.group
        if self.settings.fifo:
            arguments["MessageGroupId"] = f"restart-{history.key}"
            arguments["MessageDeduplicationId"] = f"{history.key}-{effect.generation}"
        else:
            arguments["DelaySeconds"] = min(effect.seconds, MAX_RESTART_SECONDS)
            if group is not None:
                arguments["MessageGroupId"] = group
        self.sqs.send_message(
            QueueUrl=self.settings.queue_url,
            MessageBody=json.dumps(body),
            MessageAttributes={KEY_ATTRIBUTE: {"DataType": "String", "StringValue": history.key}},
            **arguments,
        )

    def _stop(self, history: History, effect: Effect, deadline: float) -> None:
        run = next((run for run in history.runs if run.arn == effect.task), None)
        if run is None or not run.version:
            # Only a task of which ECS has told that this stage has started it.
            self.log.error("task not stopped: nobody has seen it", key=history.key)
            return
        seconds = self.rate_limiter.reserve((), 0, deadline)
        if seconds is None:
            raise EffectError("no time was left for StopTask at the pace of RunTask")
        if seconds:
            self.clock.sleep(seconds)
        try:
            self.ecs.stop_task(cluster=cluster_of(run), task=run.arn, reason=stop_text(history))
        except ClientError as error:
            if not _is_gone(error):
                raise
        self.log.info("task stopped", key=history.key, task=run.arn, reason=effect.reason)

    def _release(self, history: History) -> None:
        concurrency = None if history.asked is None else history.asked.limits.get("concurrency")
        group = concurrency.get("group") if isinstance(concurrency, dict) else None
        if not isinstance(group, str):
            raise EffectError("the concurrency group of the key is not known")
        self.leases.release(group, history.key)

    def _cause(self, error: Exception) -> str:
        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in _THROTTLED and error.operation_name == "StopTask":
                self.rate_limiter.record_throttled(())
            return f"{error.operation_name} {code}"
        if isinstance(error, Failure):
            return error.reason
        return str(error) if isinstance(error, EffectError) else type(error).__name__


def _is_gone(error: ClientError) -> bool:
    found = error.response.get("Error", {})
    return found.get("Code") == _NO_CLUSTER or _NOT_FOUND in str(found.get("Message", "")).lower()
