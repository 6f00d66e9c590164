"""Observes what becomes of the sample messages: tasks, dead letters, notifications, results."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from function.message.idempotency import KEY_ATTRIBUTE, started_by
from rehearsal.emulator import TaskScript
from rehearsal.sample_account import CLUSTER, CONTAINER
from rehearsal.samples import Sample, SampleResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.names import Location
    from rehearsal.emulator import Emulator

# The end of waiting for what neither happens nor fails, which is a bug. It takes two or three
# seconds on an idle machine, and many times as long on a busy one.
MAX_WAIT_SECONDS: Final = 60.0

_POLL_SECONDS: Final = 0.1

# An answer of RunTask that stays the same: nothing in the rehearsal grants a permission later.
_DENIED: Final = "AccessDeniedException"

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

    @property
    def key(self) -> str:
        """The idempotency key."""
        return self.sample.key or self.message_id


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
        outcome: The state that its key has reached, from the results queue; empty if none has come.
        starts: How often it was started, from there.
    """

    sent: SentSample
    result: SampleResult
    reason: str = ""
    task: str = ""
    tasks: int = 0
    exit_code: int | None = None
    running_after_seconds: float | None = None
    outcome: str = ""
    starts: int = 0


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
        results: The results of keys that have ended.
    """

    emulator: Emulator
    location: Location
    outputs: Mapping[str, Any]
    inbox_url: str
    sent: list[SentSample] = field(default_factory=list)
    dead_letters: dict[str, dict[str, str]] = field(default_factory=dict)
    notifications: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def send(self, samples: Sequence[Sample]) -> None:
        """Send the samples to the stage's work queue."""
        sqs = self._client("sqs")
        for sample in samples:
            key = {KEY_ATTRIBUTE: {"DataType": "String", "StringValue": sample.key}}
            answer = sqs.send_message(
                QueueUrl=self.outputs["queueUrl"],
                MessageBody=sample.body,
                MessageAttributes=key if sample.key else {},
                # Until then, the embedded AWS knows what becomes of its task.
                DelaySeconds=1 if sample.failure else 0,
            )
            sent = SentSample(sample=sample, message_id=answer["MessageId"], time=time.time())
            self.sent.append(sent)
            if sample.failure:
                self.emulator.set_script(
                    started_by(self.outputs["stage"], sent.key),
                    TaskScript(failure=sample.failure, times=1),
                )

    def wait(self, *, late: bool = False) -> list[ObservedSample]:
        """Return what became of the samples, once nothing more can happen to them.

        That is so when the work queue is empty and all tasks have stopped, or when only messages
        are left whose launch is denied. A message is deleted after its tasks or dead letter exist,
        so they are found by what is read after the queue. What became of its key, and that it was
        rejected, is told later.

        Args:
            late: Of those whose task is started again, which takes longer, and not of the others.
        """
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while True:
            # The queue first: the tasks of a message that has left it are in the list read then.
            left = self.left_in_queue()
            tasks = self._tasks()
            self._read_dead_letters()
            self._read_notifications()
            self._read_results()
            observed = [
                self._observe(sent, tasks)
                for sent in self.sent
                if (sent.sample.failure is not None) == late
            ]
            if self._is_final(left, observed, tasks) or time.monotonic() > deadline:
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
        keys = {sent.key for sent in self.sent if sent.sample == sample}
        mine = {started_by(self.outputs["stage"], key) for key in keys}
        calls = self.emulator.calls("RunTask")
        return [call.error for call in calls if call.started_by in mine and call.error]

    def _is_final(
        self,
        left: int,
        observed: Sequence[ObservedSample],
        tasks: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> bool:
        """Return whether nothing more can happen to the samples.

        Args:
            left: The messages in the work queue, read before the rest.
            observed: What became of each sample so far.
            tasks: All tasks by their `startedBy`.
        """
        if any(task["lastStatus"] != "STOPPED" for some in tasks.values() for task in some):
            return False
        if left == 0:
            return all(one.outcome for one in observed) and (
                self.dead_letters.keys() <= self.notifications.keys()
            )
        missing = [one for one in observed if one.result is SampleResult.MISSING]
        return left == len(missing) and all(
            _DENIED in self.launch_errors(one.sent.sample) for one in missing
        )

    def _observe(self, sent: SentSample, tasks: dict[str, list[dict[str, Any]]]) -> ObservedSample:
        sample = sent.sample
        result = self.results.get(sent.key, {})
        outcome, starts = str(result.get("state", "")), int(result.get("attempts", 0))
        if dead_letter := self.dead_letters.get(sent.message_id):
            return ObservedSample(
                sent=sent,
                result=SampleResult.REJECTED,
                reason=dead_letter.get("reason", ""),
                outcome=outcome,
            )
        mine = tasks.get(started_by(self.outputs["stage"], sent.key), [])
        if not mine:
            return ObservedSample(sent=sent, result=SampleResult.MISSING)
        deliveries = [other for other in self.sent if other.key == sent.key]
        found = SampleResult.LAUNCHED
        if len(mine) > sample.all_tasks:
            found = SampleResult.LAUNCHED_AGAIN
        elif sent is not deliveries[0]:
            found = SampleResult.STARTED_ALREADY
        started = mine[-1].get("startedAt")
        return ObservedSample(
            sent=sent,
            result=found,
            outcome=outcome,
            starts=starts,
            task=mine[-1]["taskArn"],
            tasks=len(mine),
            exit_code=_exit_code(mine),
            running_after_seconds=started.timestamp() - sent.time if started else None,
        )

    def _tasks(self) -> dict[str, list[dict[str, Any]]]:
        """Return all tasks by their `startedBy`, oldest first."""
        ecs = self._client("ecs")
        # RUNNING first, and each once: a task that stops between the two lists is in both.
        arns = list(
            dict.fromkeys(
                arn
                for status in ("RUNNING", "STOPPED")
                for arn in ecs.list_tasks(cluster=CLUSTER, desiredStatus=status)["taskArns"]
            )
        )
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
            # One that is about a task, or about several keys, names no message.
            if message_id := notification.get("messageId"):
                self.notifications[message_id] = notification

    def _read_results(self) -> None:
        """Take all results out of their queue."""
        url, sqs = self.outputs["resultsQueueUrl"], self._client("sqs")
        received = {"QueueUrl": url, "MaxNumberOfMessages": _MAX_RECEIVE_MESSAGES}
        while messages := sqs.receive_message(**received).get("Messages"):
            for message in messages:
                result = json.loads(message["Body"])
                self.results[result["key"]] = result
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

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
