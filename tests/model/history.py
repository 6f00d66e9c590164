"""What happened in a world, as the invariants need it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.model.jobs import started_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.kernel import Kernel
    from tests.model.ecs import Ecs, Task
    from tests.model.jobs import Job
    from tests.model.sqs import Message
    from tests.model.world import Stage


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A delivery that ended with the deletion of its message, and without a dead letter.

    Attributes:
        tasks: of the message's key that had been started by then.
        others: whether another message of the same key was in queue or dead-letter queue.
    """

    at: float
    tasks: int
    others: bool


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message that came into the dead-letter queue.

    Attributes:
        message: in that queue.
        reason: None where SQS moved it.
        age: of the message, in seconds.
        excused: SQS moved it, and not by the handler's fault.
    """

    message: Message
    reason: str | None
    age: float
    excused: bool = False


@dataclass(kw_only=True, eq=False)
class Sent:
    """A message as a sender sent it, and what became of it.

    Attributes:
        id: of the message.
        stage: to whose queue.
        key: its attribute, else its id.
        job: None where it must be rejected.
        body: the text.
        at: on the kernel's time.
        claims: that it was launched.
        letters: that came of it.
        spare_letters: that a fault, a duplicate or a redrive excuses.
        faults: deliveries in which something went wrong with a call.
        dropped: retention ended it while nobody asked for it.
    """

    id: str
    stage: str
    key: str
    job: Job | None
    body: str
    at: float
    claims: list[Claim] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    spare_letters: int = 0
    faults: int = 0
    dropped: bool = False

    @property
    def started_by(self) -> str:
        """What its tasks carry."""
        return started_by(self.stage, self.key)

    def __str__(self) -> str:
        """Return which message it is, for a violation."""
        return f"message {self.id[-4:]} ({self.stage}, key {self.key[-8:]}, {self.job})"


class History:
    """Everything that happened.

    Attributes:
        sent: messages by id; also those that SQS gave another id.
        violations: found on the way.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.sent: dict[str, Sent] = {}
        self.violations: list[str] = []
        self._excused: set[str] = set()
        self._live: dict[str, list[Message]] = {}
        self._faulty: dict[str, bool] = {}

    def violate(self, text: str) -> None:
        """Write down what must never happen."""
        self.violations.append(f"at {self._kernel.now:.3f} s: {text}")

    def all(self) -> Iterator[Sent]:
        """Return every message once."""
        return (sent for number, sent in self.sent.items() if number == sent.id)

    def send(self, message: Message, stage: str, key: str | None, job: Job | None) -> Sent:
        """A sender sent a message."""
        sent = Sent(
            id=message.id,
            stage=stage,
            key=message.id if key is None else key,
            job=job,
            body=message.body,
            at=self._kernel.now,
        )
        self.sent[message.id] = sent
        self._live[sent.id] = [message]
        return sent

    def letter(self, letter: Message) -> str:
        """The handler sent a dead letter; return the id of the message as it was first sent."""
        number = letter.attribute("messageId") or ""
        sent = self.sent.get(number)
        if sent is None:
            self.violate(f"a dead letter carries the message id {number!r}, which is of no message")
            return number
        letter.origin = sent.id
        reason = letter.attribute("reason") or ""
        sent.letters.append(Letter(message=letter, reason=reason, age=self._kernel.now - sent.at))
        self._live[sent.id].append(letter)
        if not reason or not letter.attribute("error"):
            self.violate(f"{sent}: its dead letter has no reason")
        if sent.job is not None and letter.attribute("key") != sent.key:
            self.violate(f"{sent}: its dead letter carries the key {letter.attribute('key')}")
        if letter.body != sent.body:
            self.violate(f"{sent}: its dead letter has another body")
        return sent.id

    def excuse_move(self, message: Message) -> None:
        """SQS is about to move a message for which the handler can do nothing."""
        self._excused.add(message.id)

    def moved(self, letter: Message) -> None:
        """SQS moved a message to the dead-letter queue."""
        sent = self.sent[letter.id]
        excused = letter.id in self._excused or sent.faults > 1
        age = self._kernel.now - sent.at
        sent.letters.append(Letter(message=letter, reason=None, age=age, excused=excused))
        self._live[sent.id].append(letter)

    def redriven(self, letter: Message, message: Message) -> None:
        """A dead letter was sent again."""
        sent = self.sent[letter.origin]
        self.sent[message.id] = sent
        self._live[sent.id].append(message)
        sent.spare_letters += 1

    def duplicated(self, message: Message, times: int) -> None:
        """SQS delivers a message more often."""
        self.sent[message.id].spare_letters += times

    def dropped(self, message: Message) -> None:
        """Retention ended a message."""
        sent = self.sent[message.id]
        hidden = message.visible_at >= message.sent_at + 4 * 24 * 3600.0
        if message.receives and hidden and not self._faulty.get(message.id, False):
            self.violate(f"{sent}: it was kept out of sight until SQS dropped it")
        sent.dropped = True

    def delivered(  # noqa: PLR0913 - what is known of a delivery
        self,
        message: Message,
        stage: Stage,
        ecs: Ecs,
        *,
        letters: int,
        kept: bool,
        faulty: bool,
    ) -> None:
        """A delivery of a message ended.

        Args:
            message: in the work queue.
            stage: of the queue.
            ecs: with the tasks.
            letters: that were sent in the invocation.
            kept: it stays in the queue.
            faulty: something went wrong with a call of the invocation.
        """
        sent = self.sent[message.id]
        self._faulty[message.id] = faulty
        sent.faults += faulty
        if kept:
            if letters and not faulty:
                self.violate(f"{sent}: {letters} dead letters, and it stays in the queue")
            sent.spare_letters += letters
            return
        if letters:
            sent.spare_letters += (letters - 1) if faulty else 0
            return
        sent.claims.append(
            Claim(
                at=self._kernel.now,
                tasks=len(self.tasks(ecs, sent)),
                others=any(
                    found.stage == stage.name and found.key == sent.key
                    for found in self.pending(besides=message)
                ),
            )
        )

    def pending(self, besides: Message | None = None) -> list[Sent]:
        """Return the messages that are in a queue or a dead-letter queue, but for one copy."""
        return [
            self.sent[number]
            for number, messages in self._live.items()
            if any(not message.gone and message is not besides for message in messages)
        ]

    def tasks(self, ecs: Ecs, sent: Sent) -> list[Task]:
        """Return the tasks that were ever started for a message's key."""
        return [task for task in ecs.tasks if task.started_by == sent.started_by]

    def settled(self, waiting: list[tuple[str, Message]]) -> None:
        """No fault is left, and so much time passed that every queue should be empty."""
        for _, message in waiting:
            self.violate(
                f"{self.sent[message.id]}: still in the queue after {message.receives} receives,"
                " although nothing is in its way"
            )
