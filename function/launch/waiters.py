"""The messages that wait for a place of a concurrency group, the oldest first.

Each has an item of its own, listed under its group by the time when it was sent, with the receipt
of its delivery: a message is woken by making it visible.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.table import EXPIRES, KEY, LISTED, LISTED_AT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.launch.leases import Place
    from function.table import Table

# The keys of the items, and what they are listed as: the key of a message has no `/`.
_PREFIX: Final = "wait/"

_MILLISECONDS: Final = 1000

# How SQS says that a message is visible already, so that it need not be woken.
_VISIBLE: Final = "MessageNotInflight"

# The first wait of a message for which there is no place; it doubles with each further receive.
# A release wakes it before, so this is for a wake that was lost.
_MIN_WAIT_SECONDS: Final = 15.0

# The wait doubles no more often than this.
_MAX_DOUBLINGS: Final = 10

# A message that is not back this long after its wait counts as gone.
_GRACE_SECONDS: Final = 60.0

# Entries of the list that are read at once.
_MAX_READ: Final = 100


@dataclass(frozen=True, kw_only=True)
class Waiter:
    """A message that waits.

    Attributes:
        key: The idempotency key.
        max: The most tasks of the group, as the message has it.
        tasks: How many tasks it starts.
        receipt_handle: Of its last delivery.
    """

    key: str
    max: int
    tasks: int
    receipt_handle: str


@dataclass(frozen=True, kw_only=True)
class Waiters:
    """The messages of a stage that wait.

    Attributes:
        table: The stage's table.
        sqs: A client for the work queue.
        queue_url: The work queue.
        max_wait_seconds: The longest that a message waits before it asks again by itself.
        clock: Tells the time.
    """

    table: Table
    sqs: SQSClient
    queue_url: str
    max_wait_seconds: float
    clock: Clock

    def wait_seconds(self, place: Place) -> float:
        """Return when a message asks again by itself, if nobody wakes it."""
        doublings = min(place.receives - 1, _MAX_DOUBLINGS)
        return min(_MIN_WAIT_SECONDS * 2.0**doublings, self.max_wait_seconds)

    def add(self, key: str, place: Place) -> None:
        """Put a message on the list, or renew its entry.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        until = self.clock.time() + self.wait_seconds(place) + _GRACE_SECONDS
        self.table.call(
            "put_item",
            Item={
                KEY: {"S": _PREFIX + key},
                LISTED: {"S": _PREFIX + place.group},
                LISTED_AT: {"N": str(round(place.sent_at * _MILLISECONDS))},
                "max": {"N": str(place.max)},
                "tasks": {"N": str(place.tasks)},
                "receipt": {"S": place.receipt_handle},
                # It is waited for no longer, however the message has ended.
                EXPIRES: {"N": str(int(until))},
            },
        )

    def remove(self, key: str) -> None:
        """Take a message off the list, if it is there.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        self.table.call(
            "update_item",
            Key={KEY: {"S": _PREFIX + key}},
            UpdateExpression="SET #expires = :expires REMOVE #listed, #at",
            ExpressionAttributeNames={"#expires": EXPIRES, "#listed": LISTED, "#at": LISTED_AT},
            ExpressionAttributeValues={":expires": {"N": str(int(self.clock.time()))}},
        )

    def older(self, key: str, place: Place, spare: int) -> tuple[int, bool]:
        """Return how many tasks older messages wait to start, and whether this one is listed, too.

        Args:
            key: The key of this message.
            place: What it needs.
            spare: How many tasks they may start before it; more are not counted exactly.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        tasks, listed = 0, False
        own = (round(place.sent_at * _MILLISECONDS), key)
        entries = self.table.listed(_PREFIX + place.group, place.sent_at + 1, _MAX_READ)
        for entry in entries:
            name = entry.key.removeprefix(_PREFIX)
            if name == key:
                listed = True
            elif (round(entry.at * _MILLISECONDS), name) < own and tasks <= spare:
                waiter = self._waiter(name)
                tasks += 0 if waiter is None else waiter.tasks
        return tasks, listed

    def oldest(self, group: str) -> Iterator[Waiter]:
        """Yield the messages that wait for a group, the oldest first.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        for entry in self.table.listed(_PREFIX + group, None, _MAX_READ):
            waiter = self._waiter(entry.key.removeprefix(_PREFIX))
            if waiter is not None:
                yield waiter

    def wake(self, waiter: Waiter) -> bool:
        """Make a message visible, and return whether it will be received.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        try:
            self.sqs.change_message_visibility(
                QueueUrl=self.queue_url,
                ReceiptHandle=waiter.receipt_handle,
                VisibilityTimeout=0,
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code.rpartition(".")[2] == _VISIBLE:
                return True
            # It was deleted, or received again: whatever it is, it does not wait with this receipt.
            self.remove(waiter.key)
            return False
        except BotoCoreError:
            return False
        return True

    def _waiter(self, key: str) -> Waiter | None:
        """Return the message that waits with a key, None if it does not wait any more."""
        item = self.table.get(_PREFIX + key)
        if item is None or LISTED not in item:
            return None
        return Waiter(
            key=key,
            max=int(item["max"]["N"]),
            tasks=int(item["tasks"]["N"]),
            receipt_handle=item["receipt"]["S"],
        )
