"""Observes what becomes of the sample messages: tasks, dead letters, notifications."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from function.message.idempotency import KEY_ATTRIBUTE, started_by
from rehearsal.sample_account import CLUSTER, CONTAINER
from rehearsal.samples import Sample, SampleResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.names import Location
    from rehearsal.emulator import Emulator

# It takes two or three seconds; what has not happened by then will not happen.
MAX_WAIT_SECONDS: Final = 15.0

_POLL_SECONDS: Final = 0.1

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
_MAX_RECEIVE_MESSAGES: Final = 10


@dataclass(frozen=True, kw_only=True)
class SentSample:
    """A sample that was sent.

    Attributes:
        sample: The sample.
        message_id: The id that SQS gave it.
        time: When it was sent, in seconds since 1970.
    """

    sample: Sample
    message_id: str
    time: float


@dataclass(frozen=True, kw_only=True)
class ObservedSample:
    """What became of a sample.

    Attributes:
        sent: The sample.
        result: What became of it.
        reason: Why it was rejected, or empty.
        task: The ARN of its first task, or empty.
        tasks: The number of its tasks.
        exit_code: The exit code of its containers, the highest of several tasks; None while one
            runs or if there is none.
        running_after_seconds: From sending until the task was RUNNING.
    """

    sent: SentSample
    result: SampleResult
    reason: str = ""
    task: str = ""
    tasks: int = 0
    exit_code: int | None = None
    running_after_seconds: float | None = None


@dataclass(kw_only=True)
class StageObserver:
    """Sends samples to one stage and observes what becomes of them.

    Attributes:
        emulator: The embedded AWS.
        location: Account and region of the stage.
        outputs: The outputs of the stage's function stack.
        inbox_url: The URL of a queue that is subscribed to the failure topic.
        sent: The samples that were sent.
        dead_letters: The message attributes of each dead letter, by message id.
        notifications: The notifications, by message id.
    """

    emulator: Emulator
    location: Location
    outputs: Mapping[str, Any]
    inbox_url: str
    sent: list[SentSample] = field(default_factory=list)
    dead_letters: dict[str, dict[str, str]] = field(default_factory=dict)
    notifications: dict[str, dict[str, Any]] = field(default_factory=dict)

    def send(self, samples: Sequence[Sample]) -> None:
        """Send the samples to the stage's work queue."""
        sqs = self._client("sqs")
        for sample in samples:
            answer = sqs.send_message(
                QueueUrl=self.outputs["queueUrl"],
                MessageBody=sample.body,
                MessageAttributes={
                    KEY_ATTRIBUTE: {"DataType": "String", "StringValue": sample.key}
                },
            )
            self.sent.append(
                SentSample(sample=sample, message_id=answer["MessageId"], time=time.time())
            )

    def wait(self) -> list[ObservedSample]:
        """Return what became of the samples: once it is as expected, or after MAX_WAIT_SECONDS."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while True:
            # The queue first: the tasks of a message that has left it are in the list read then.
            left = self.left_in_queue()
            tasks = self._tasks()
            self._read_dead_letters()
            self._read_notifications()
            observed = [self._observe(sent, tasks) for sent in self.sent]
            if (left == 0 and self._settled(observed)) or time.monotonic() > deadline:
                return observed
            time.sleep(_POLL_SECONDS)

    def left_in_queue(self) -> int:
        """Return the number of messages in the work queue, in flight or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self._client("sqs").get_queue_attributes(
            QueueUrl=self.outputs["queueUrl"], AttributeNames=names
        )["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def launch_errors(self, sample: Sample) -> list[str]:
        """Return the errors of a sample's RunTask calls, oldest first."""
        mine = started_by(self.outputs["stage"], sample.key)
        calls = self.emulator.calls("RunTask")
        return [call.error for call in calls if call.started_by == mine and call.error]

    def _settled(self, observed: list[ObservedSample]) -> bool:
        done = all(
            one.result is one.sent.sample.result
            and one.exit_code == one.sent.sample.exit_code
            and (one.result is SampleResult.REJECTED or one.tasks >= one.sent.sample.tasks)
            for one in observed
        )
        announced = self.dead_letters.keys() == self.notifications.keys()
        return done and announced

    def _observe(self, sent: SentSample, tasks: dict[str, list[dict[str, Any]]]) -> ObservedSample:
        sample = sent.sample
        if dead_letter := self.dead_letters.get(sent.message_id):
            return ObservedSample(
                sent=sent, result=SampleResult.REJECTED, reason=dead_letter.get("reason", "")
            )
        mine = tasks.get(started_by(self.outputs["stage"], sample.key), [])
        if not mine:
            return ObservedSample(sent=sent, result=SampleResult.MISSING)
        deliveries = [other for other in self.sent if other.sample.key == sample.key]
        result = SampleResult.LAUNCHED
        if len(mine) > sample.tasks:
            result = SampleResult.LAUNCHED_AGAIN
        elif sent is not deliveries[0]:
            result = SampleResult.STARTED_ALREADY
        started = mine[0].get("startedAt")
        return ObservedSample(
            sent=sent,
            result=result,
            task=mine[0]["taskArn"],
            tasks=len(mine),
            exit_code=_exit_code(mine),
            running_after_seconds=started.timestamp() - sent.time if started else None,
        )

    def _tasks(self) -> dict[str, list[dict[str, Any]]]:
        """Return all tasks by their `startedBy`, oldest first."""
        ecs = self._client("ecs")
        arns = [
            arn
            for status in ("RUNNING", "STOPPED")
            for arn in ecs.list_tasks(cluster=CLUSTER, desiredStatus=status)["taskArns"]
        ]
        found = ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []
        tasks: dict[str, list[dict[str, Any]]] = {}
        for task in sorted(found, key=lambda task: str(task["createdAt"])):
            tasks.setdefault(task.get("startedBy", ""), []).append(task)
        return tasks

    def _read_dead_letters(self) -> None:
        for message in self._messages(self.outputs["deadLetterQueueUrl"]):
            attributes = {
                name: value.get("StringValue", "")
                for name, value in message.get("MessageAttributes", {}).items()
            }
            self.dead_letters[attributes.get("messageId", message["MessageId"])] = attributes

    def _read_notifications(self) -> None:
        for message in self._messages(self.inbox_url):
            notification = json.loads(message["Body"])
            self.notifications[notification["messageId"]] = notification

    def _messages(self, url: str) -> list[dict[str, Any]]:
        """Return the messages of a queue, and leave them there."""
        answer = self._client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_MAX_RECEIVE_MESSAGES,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _client(self, service: str) -> Any:  # noqa: ANN401 - its type follows from the service
        return self.emulator.client(service, self.location.account, self.location.region)


def _exit_code(tasks: list[dict[str, Any]]) -> int | None:
    """Return the highest exit code of the sample container; None until all tasks have stopped."""
    if any(task["lastStatus"] != "STOPPED" for task in tasks):
        return None
    codes = [
        container.get("exitCode")
        for task in tasks
        for container in task["containers"]
        if container["name"] == CONTAINER
    ]
    return max((code for code in codes if code is not None), default=None)
