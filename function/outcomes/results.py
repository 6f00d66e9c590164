"""Tells whoever waits for a key what became of it, through a queue or an event bus.

A result has names, codes and times, and no text of ECS or of a sender.
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from function.outcomes.effects import EffectError
from function.outcomes.exit_codes import deciders, deciding_code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_sqs import SQSClient

    from function.outcomes.history import History, Run
    from function.settings import Settings

# The form of a result; a property may be added without a change of it.
VERSION: Final = 1

_SOURCE: Final = "ecs-run-task"
_DETAIL_TYPE: Final = "ECS Run Task Result"


class EventBus(Protocol):
    """The part of boto3's client of EventBridge that is used."""

    def put_events(self, *, Entries: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - as boto3
        """Put events on a bus."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """Sends results.

    Attributes:
        settings: The queue or bus.
        sqs: A client for the queue.
        events: A client for the bus; None where there is none.
        essential: Returns the essential containers of a task definition, None if not known.
    """

    settings: Settings
    sqs: SQSClient
    events: EventBus | None
    essential: Callable[[str], tuple[str, ...] | None]

    def tell(self, history: History) -> None:
        """Send the result of a key that has ended.

        Raises:
            ClientError: if AWS refuses it; BotoCoreError if it does not answer.
            EffectError: if the bus has not taken it.
        """
        body = json.dumps(self.result(history))
        if self.settings.results_queue_url is not None:
            self.sqs.send_message(QueueUrl=self.settings.results_queue_url, MessageBody=body)
        if self.settings.results_bus is not None and self.events is not None:
            entry = {
                "Source": _SOURCE,
                "DetailType": _DETAIL_TYPE,
                "Detail": body,
                "EventBusName": self.settings.results_bus,
            }
            answer = self.events.put_events(Entries=[entry])
            if answer.get("FailedEntryCount"):
                code = str(answer["Entries"][0].get("ErrorCode", ""))
                raise EffectError(f"PutEvents {code}")

    def result(self, history: History) -> dict[str, Any]:
        """Return the result of a key."""
        asked, rejection = history.asked, history.rejection
        source = asked or rejection
        started = [run.started_at for run in history.runs if run.started_at is not None]
        return {
            "version": VERSION,
            "key": history.key,
            "stage": self.settings.stage,
            "state": str(history.state),
            "reason": history.reason,
            "exitCode": history.exit_code,
            "tasks": [self._task(history, run) for run in history.runs],
            "attempts": history.generation + 1,
            "queuedAt": _moment(None if source is None else source.queued_at),
            "startedAt": _moment(min(started, default=None)),
            "finishedAt": _moment(history.finished_at),
            "group": None if source is None else source.group,
        }

    def _task(self, history: History, run: Run) -> dict[str, Any]:
        overridden = () if history.asked is None else history.asked.containers
        essential = None
        if not overridden and len(run.containers) > 1:
            essential = self.essential(run.task_definition)
        return {
            "arn": run.arn,
            "exitCode": deciding_code(deciders(run, overridden, essential)),
            "stopCode": run.stop_code,
            "startedAt": _moment(run.started_at),
            "stoppedAt": _moment(run.stopped_at),
            "replaced": run.arn in history.replaced,
            "containers": [
                {"name": container.name, "exitCode": container.exit_code}
                for container in run.containers
            ],
        }


def _moment(at: float | None) -> str | None:
    """Return a time as ISO 8601, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
