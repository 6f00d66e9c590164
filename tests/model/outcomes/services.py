"""The queues, the topic and the log of a stage that follows its tasks."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.model.application import Log
from tests.model.outcomes.fates import is_clean
from tests.model.sqs import MAX_ENTRIES, SqsClient
from tests.model.wire import error_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.model.sqs import Attributes, Message, Queue
    from tests.model.wire import Wire

_MAX_DELAY_SECONDS: Final = 900


@dataclass(kw_only=True)
class Told:
    """What a stage has told the outside.

    Attributes:
        results: the bodies of the results queue.
        notices: the bodies of the topic.
        now: returns the time.
        reported: keys of which a launch was reported, with when that was first.
        rejected: keys of which a rejection was reported.
        restarts: the messages to itself.
        on_wrong: is told of what must never be.
    """

    on_wrong: Callable[[str], None]
    now: Callable[[], float]
    results: list[dict[str, Any]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)
    reported: dict[str, float] = field(default_factory=dict)
    rejected: set[str] = field(default_factory=set)
    restarts: list[Message] = field(default_factory=list)

    def check(self, where: str, value: object) -> None:
        """Look for values of environments."""
        if not is_clean(value):
            self.on_wrong(f"{where}: has a value of an environment: {value}")


@dataclass(frozen=True, kw_only=True)
class FollowingSqsClient(SqsClient):
    """The client of SQS, with what is called after a launch.

    Attributes:
        events: the events queue.
        events_url: its URL.
        results_url: of the results queue.
        told: what was told.
    """

    events: Queue
    events_url: str
    results_url: str
    told: Told

    def change_message_visibility(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - as boto3's
        ReceiptHandle: str,  # noqa: N803 - as boto3's
        VisibilityTimeout: int,  # noqa: N803 - as boto3's
    ) -> dict[str, Any]:
        """Hide a message, or show it."""

        def change() -> dict[str, Any]:
            code = self._queue(QueueUrl, "ChangeMessageVisibility").hide(
                ReceiptHandle, VisibilityTimeout
            )
            if code:
                raise error_of(code, "", "ChangeMessageVisibility")
            return {}

        return self.wire.call("ChangeMessageVisibility", change)

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - as boto3's
        Entries: list[dict[str, Any]],  # noqa: N803 - as boto3's
    ) -> dict[str, Any]:
        """Send reports."""

        def send() -> dict[str, Any]:
            if QueueUrl != self.events_url or not 1 <= len(Entries) <= MAX_ENTRIES:
                raise error_of("InvalidParameterValue", QueueUrl, "SendMessageBatch")
            for entry in Entries:
                body = entry["MessageBody"]
                self.told.check("a report", body)
                found = json.loads(body)
                if found["report"] == "launched":
                    self.told.reported.setdefault(found["key"], self.told.now())
                elif found["report"] == "rejected":
                    self.told.rejected.add(found["key"])
                self.events.send(body, {})
            return {"Successful": [{"Id": entry["Id"]} for entry in Entries], "Failed": []}

        return self.wire.call("SendMessageBatch", send)

    def send_message(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - as boto3's
        MessageBody: str,  # noqa: N803 - as boto3's
        MessageAttributes: Attributes | None = None,  # noqa: N803 - as boto3's
        **more: Any,
    ) -> dict[str, Any]:
        """Send a dead letter, a restart or a result."""
        if QueueUrl == self.dead_url:
            return super().send_message(
                QueueUrl=QueueUrl,
                MessageBody=MessageBody,
                MessageAttributes=MessageAttributes or {},
                **more,
            )

        def send() -> dict[str, Any]:
            self.told.check("a message", MessageBody)
            if QueueUrl == self.results_url:
                self.told.results.append(json.loads(MessageBody))
                return {"MessageId": "result"}
            delay = more.get("DelaySeconds", 0)
            if QueueUrl != self.work_url or not 0 <= delay <= _MAX_DELAY_SECONDS:
                raise error_of("InvalidParameterValue", QueueUrl, "SendMessage")
            message = self.work.send(MessageBody, MessageAttributes or {}, delay=delay)
            self.told.restarts.append(message)
            return {"MessageId": message.id}

        return self.wire.call("SendMessage", send)

    def _queue(self, url: str, operation: str) -> Queue:
        found = {self.work_url: self.work, self.events_url: self.events}.get(url)
        if found is None:
            raise error_of("QueueDoesNotExist", url, operation)
        return found


@dataclass(frozen=True, kw_only=True)
class Topic:
    """The failure topic, for one execution environment."""

    wire: Wire
    told: Told

    def publish(self, **call: Any) -> dict[str, Any]:
        """Publish a notice."""

        def publish() -> dict[str, Any]:
            self.told.check("a notice", call)
            with contextlib.suppress(ValueError):  # that a message waits is told in plain text
                self.told.notices.append(json.loads(call["Message"]))
            return {"MessageId": "notice"}

        return self.wire.call("Publish", publish)


class CheckingLog(Log):
    """A logger that reads every line for values of environments."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.on_wrong)
        self._told = told

    def error(self, text: str, **data: Any) -> None:
        """Take a line."""
        super().error(text, **data)
        self._told.check("a log line", {"text": text, **data})

    def __getattr__(self, _name: str) -> Callable[..., None]:
        """Return what takes a line of any level."""
        return lambda *parts, **data: self._told.check("a log line", [parts, data])
