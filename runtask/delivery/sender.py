"""Sends batches of messages by several threads, and stops at the first refusal or at Ctrl-C."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from runtask import console
from runtask.delivery.batches import batches, entry
from runtask.delivery.pace import Pace
from runtask.errors import ExitCode, RuntaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef

    from runtask.delivery.progress import Progress
    from runtask.delivery.record import Record
    from runtask.messages import Message

# Each has one call under way.
THREADS: Final = 8

# How often an entry that SQS could not take for the moment is sent again, and after how long;
# botocore repeats whole calls by itself.
MAX_ENTRY_ATTEMPTS: Final = 6
_ENTRY_BACKOFF_SECONDS: Final = 0.2

# How long the answers of the calls that are under way are waited for after Ctrl-C.
_MAX_DRAIN_SECONDS: Final = 90.0

_POLL_SECONDS: Final = 0.2


class InterruptedSendError(RuntaskError):
    """Ctrl-C ended a run; what it began was brought to its end."""

    exit_code = ExitCode.INTERRUPTED


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What is to be sent, and how.

    Attributes:
        client: Of the sender.
        url: The queue.
        fifo: Whether it is a FIFO queue.
        messages: All messages of the run.
        record: Where it is noted; None for nowhere.
        rate: Messages a second; None for no limit.
        threads: Calls under way at once.
        explain: Makes the error of a refusal.
    """

    client: SQSClient
    url: str
    fifo: bool
    messages: Sequence[Message]
    record: Record | None
    rate: float | None
    explain: Callable[[Message, ClientError | BotoCoreError], RuntaskError]
    threads: int = THREADS


class Sender:
    """One run.

    Args:
        delivery: What is to be sent, and how.

    Attributes:
        sent: The message ids of what is in the queue, by position; those of earlier runs too.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.sent: dict[int, str] = {} if delivery.record is None else dict(delivery.record.sent)
        left = (at for at in range(len(delivery.messages)) if at not in self.sent)
        self._batches = deque(batches(delivery.messages, left))
        self._pace = Pace(delivery.rate)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def run(self, progress: Progress) -> None:
        """Send everything.

        Args:
            progress: Is told how much was sent.

        Raises:
            InterruptedSendError: if Ctrl-C ended it.
            RuntaskError: if SQS refused a message.
        """
        threads = [
            threading.Thread(target=self._work, daemon=True)
            for _ in range(min(self._threads, len(self._batches)))
        ]
        try:
            for thread in threads:
                thread.start()
            while alive := [thread for thread in threads if thread.is_alive()]:
                alive[0].join(_POLL_SECONDS)
                progress.update(len(self.sent))
        except KeyboardInterrupt:
            self._stop.set()
            console.progress("interrupted; waiting for the answers of what is under way")
            self._drain(threads)
            raise InterruptedSendError(f"interrupted; {self.so_far}") from None
        if self._error is not None:
            raise self._error

    @property
    def so_far(self) -> str:
        """How far the run is, and how it goes on."""
        sent, total = len(self.sent), len(self._delivery.messages)
        text = f"{sent:,} of {total:,} messages were sent"
        if sent == total:
            return text
        if self._delivery.record is None:
            return text
        return (
            f"{text}; to go on, run the same command again (record: {self._delivery.record.path})"
        )

    @property
    def _threads(self) -> int:
        """How many calls may be under way: within a group of a FIFO queue, one after the other."""
        groups = [message.group for message in self._delivery.messages if message.group]
        ordered = self._delivery.fifo and len(set(groups)) < len(groups)
        return 1 if ordered else self._delivery.threads

    def _drain(self, threads: Sequence[threading.Thread]) -> None:
        deadline = time.monotonic() + _MAX_DRAIN_SECONDS
        for thread in threads:
            if thread.ident is not None:  # Ctrl-C can come while the threads are being started
                thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        """Send batches until there are none."""
        try:
            while not self._stop.is_set():
                try:
                    batch = self._batches.popleft()
                except IndexError:
                    return
                if self._stop.wait(self._pace.delay(len(batch))):
                    return
                self._send(batch)
        except BaseException as error:  # noqa: BLE001 - `run` raises it again in the main thread
            with self._lock:
                self._error = self._error or error
            self._stop.set()

    def _send(self, batch: tuple[int, ...]) -> None:
        """Send a batch; an entry that SQS cannot take for the moment is sent again."""
        for attempt in range(1, MAX_ENTRY_ATTEMPTS + 1):
            failed = self._call(batch)
            if not failed:
                return
            refused = next((one for one in failed if one["SenderFault"]), None)
            if refused is not None or attempt == MAX_ENTRY_ATTEMPTS:
                raise self._refusal(refused or failed[0])
            batch = tuple(sorted(int(one["Id"]) for one in failed))
            if self._stop.wait(_ENTRY_BACKOFF_SECONDS * 2**attempt):
                return

    def _call(self, batch: tuple[int, ...]) -> Sequence[BatchResultErrorEntryTypeDef]:
        """Make one call, and return the entries that failed."""
        delivery = self._delivery
        if delivery.record is not None:
            delivery.record.begin(batch)
        entries = [entry(at, delivery.messages[at], fifo=delivery.fifo) for at in batch]
        try:
            answer = delivery.client.send_message_batch(QueueUrl=delivery.url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            if delivery.record is not None and _is_definite(error):
                delivery.record.finish({}, batch)
            raise delivery.explain(delivery.messages[batch[0]], error) from None
        failed = answer.get("Failed", [])
        self._note(
            {int(one["Id"]): one["MessageId"] for one in answer.get("Successful", [])},
            [int(one["Id"]) for one in failed],
        )
        return failed

    def _note(self, sent: Mapping[int, str], refused: Sequence[int]) -> None:
        if self._delivery.record is not None:
            self._delivery.record.finish(sent, refused)
        with self._lock:
            self.sent.update(sent)

    def _refusal(self, failed: BatchResultErrorEntryTypeDef) -> RuntaskError:
        error: Any = {"Code": failed["Code"], "Message": failed.get("Message", "")}
        return self._delivery.explain(
            self._delivery.messages[int(failed["Id"])],
            ClientError({"Error": error}, "SendMessageBatch"),
        )


def _is_definite(error: BotoCoreError | ClientError) -> bool:
    """Return whether SQS certainly took nothing: it answered, and blamed the sender."""
    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return 400 <= status < 500  # noqa: PLR2004 - the status codes of refused requests
