"""Watches what becomes of the sample messages: tasks, dead letters, notices."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from function.message.idempotency import KEY_ATTRIBUTE, started_by
from rehearsal.sample_account import CLUSTER
from rehearsal.samples import Sample, SampleResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.names import Location
    from rehearsal.emulator import Emulator

# All of it takes two or three seconds; whatever is not there after this will not come.
PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.1

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
_MAX_RECEIVE = 10


@dataclass(frozen=True, kw_only=True)
class SentSample:
    """A sample that is on its way."""

    sample: Sample
    message_id: str
    time: float


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What became of a sample."""

    sent: SentSample
    verdict: SampleResult
    reason: str = ""
    task: str = ""
    exit_code: int | None = None
    running_after_seconds: float | None = None


@dataclass(kw_only=True)
class Watch:
    """One stage under observation."""

    emulator: Emulator
    location: Location
    outputs: Mapping[str, Any]
    inbox_url: str
    sent: list[SentSample] = field(default_factory=list)
    dead_letters: dict[str, dict[str, str]] = field(default_factory=dict)
    notices: dict[str, dict[str, Any]] = field(default_factory=dict)

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

    def wait(self) -> list[Observed]:
        """Wait until everything is as it should be, or patience ends, and say what is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            tasks = self._tasks()
            self._read_dead_letters()
            self._read_notices()
            observed = [self._observe(sent, tasks) for sent in self.sent]
            if self._settled(observed) or time.monotonic() > deadline:
                return observed
            time.sleep(_POLL_SECONDS)

    def left_in_queue(self) -> int:
        """Return how many messages the work queue still holds, in flight or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self._client("sqs").get_queue_attributes(
            QueueUrl=self.outputs["queueUrl"], AttributeNames=names
        )["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def refusals(self, sample: Sample) -> list[str]:
        """Return how RunTask refused a sample, in the order of the calls."""
        mine = started_by(self.outputs["stage"], sample.key)
        calls = self.emulator.calls("RunTask")
        return [call.error for call in calls if call.started_by == mine and call.error]

    def _settled(self, observed: list[Observed]) -> bool:
        done = all(
            one.verdict is one.sent.sample.verdict and one.exit_code == one.sent.sample.exit_code
            for one in observed
        )
        announced = self.dead_letters.keys() == self.notices.keys()
        return done and announced and self.left_in_queue() == 0

    def _observe(self, sent: SentSample, tasks: dict[str, list[dict[str, Any]]]) -> Observed:
        sample = sent.sample
        if letter := self.dead_letters.get(sent.message_id):
            return Observed(
                sent=sent, verdict=SampleResult.REJECTED, reason=letter.get("reason", "")
            )
        mine = tasks.get(started_by(self.outputs["stage"], sample.key), [])
        if not mine:
            return Observed(sent=sent, verdict=SampleResult.MISSING)
        deliveries = [other for other in self.sent if other.sample.key == sample.key]
        verdict = SampleResult.LAUNCHED
        if sent is not deliveries[0]:
            verdict = SampleResult.LAUNCHED_AGAIN if len(mine) > 1 else SampleResult.STARTED_ALREADY
        task = mine[0]
        codes = {box["name"]: box.get("exitCode") for box in task["containers"]}
        started = task.get("startedAt")
        return Observed(
            sent=sent,
            verdict=verdict,
            task=task["taskArn"],
            exit_code=codes.get("report") if task["lastStatus"] == "STOPPED" else None,
            running_after_seconds=started.timestamp() - sent.time if started else None,
        )

    def _tasks(self) -> dict[str, list[dict[str, Any]]]:
        """Return all tasks by what they were started by, the oldest first."""
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

    def _read_notices(self) -> None:
        for message in self._messages(self.inbox_url):
            notice = json.loads(message["Body"])
            self.notices[notice["messageId"]] = notice

    def _messages(self, url: str) -> list[dict[str, Any]]:
        """Return what a queue holds, and leave it there for whoever looks after us."""
        answer = self._client("sqs").receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_MAX_RECEIVE,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _client(self, service: str) -> Any:  # noqa: ANN401 - its type follows from the service
        return self.emulator.client(service, self.location.account, self.location.region)
