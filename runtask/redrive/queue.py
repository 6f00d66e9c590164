"""The dead-letter queue of a stage, and the way from there to its work queue."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from runtask.errors import RuntaskError
from runtask.redrive.letters import read_letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from types_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from function.settings import Settings
    from runtask.redrive.letters import DeadLetter
    from runtask.stage_access import StageAccess

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
MAX_BATCH: Final = 10

# How long a letter stays hidden if this process is killed meanwhile.
HIDE_SECONDS: Final = 300

# A short poll asks only some of the servers, and can miss a message that is there.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
_LONG_POLL_SECONDS: Final = 1


@dataclass(frozen=True, kw_only=True)
class DeadLetterQueue:
    """The dead-letter queue of a stage.

    Attributes:
        access: The stage.
        settings: With which its handler reads a message.
        held: The letters that were received and neither deleted nor shown again, by their ids.
    """

    access: StageAccess
    settings: Settings
    held: dict[str, DeadLetter] = field(default_factory=dict)

    @cached_property
    def _sqs(self) -> Any:  # noqa: ANN401 - the client of a stage has no type
        return self.access.client("sqs")

    @property
    def fifo(self) -> bool:
        """Whether both queues are FIFO queues."""
        return self.access.config.fifo

    @property
    def _url(self) -> str:
        return self.access.dead_letter_queue_url

    def count(self) -> int:
        """Return about how many letters there are, hidden ones included.

        Raises:
            RuntaskError: if SQS does not tell.
        """
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        with self.access.asking("the dead-letter queue", "sqs:GetQueueAttributes"):
            found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=list(names))
        return sum(int(found["Attributes"][name]) for name in names)

    def receive(self, count: int = MAX_BATCH) -> list[DeadLetter]:
        """Return some letters, which are hidden then; none if no more is visible.

        Raises:
            RuntaskError: if SQS rejects the request, or does not answer.
        """
        with self.access.asking("the dead-letter queue", "sqs:ReceiveMessage", "kms:Decrypt"):
            found = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=min(count, MAX_BATCH),
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
                VisibilityTimeout=HIDE_SECONDS,
                WaitTimeSeconds=_LONG_POLL_SECONDS,
            ).get("Messages", [])
        letters = [read_letter(message, self.settings) for message in found]
        self.held.update({letter.message_id: letter for letter in letters})
        return letters

    def send(
        self, entries: Sequence[SendMessageBatchRequestEntryTypeDef]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Send messages to the work queue.

        Returns:
            The ids of those that it has now, and why SQS refused the others, both by the ids of
            the entries.

        Raises:
            RuntaskError: if SQS rejects the request, or does not answer. It may have the messages.
        """
        with self.access.asking(
            "the work queue", "sqs:SendMessage", "kms:GenerateDataKey", "kms:Decrypt"
        ):
            answer = self._sqs.send_message_batch(
                QueueUrl=self.access.queue_url, Entries=list(entries)
            )
        return (
            {one["Id"]: one["MessageId"] for one in answer.get("Successful", ())},
            {one["Id"]: one.get("Message") or one["Code"] for one in answer.get("Failed", ())},
        )

    def delete(self, letters: Sequence[DeadLetter]) -> set[str]:
        """Delete letters, and return the ids of those that are gone.

        Raises:
            RuntaskError: if SQS rejects the request, or does not answer.
        """
        gone: set[str] = set()
        for entries in _batches(letters):
            with self.access.asking("the dead-letter queue", "sqs:DeleteMessage"):
                answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            gone |= {one["Id"] for one in answer.get("Successful", ())}
        for one in gone:
            self.held.pop(one, None)
        return gone

    def show_again(self) -> None:
        """Make everything visible again that is held.

        What cannot be made visible becomes it after HIDE_SECONDS.
        """
        letters = list(self.held.values())
        self.held.clear()
        # It must not hide the error that has led here.
        with contextlib.suppress(RuntaskError):
            for entries in _batches(letters):
                shown = [{**one, "VisibilityTimeout": 0} for one in entries]
                with self.access.asking("the dead-letter queue", "sqs:ChangeMessageVisibility"):
                    self._sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=shown)


def _batches(letters: Iterable[DeadLetter]) -> Iterator[list[dict[str, Any]]]:
    entries = [
        {"Id": letter.message_id, "ReceiptHandle": letter.receipt_handle} for letter in letters
    ]
    for start in range(0, len(entries), MAX_BATCH):
        yield entries[start : start + MAX_BATCH]
