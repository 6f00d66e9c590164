"""What a message wants launched, and what has become of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from function.ledger import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from function.launch.admission import Demand
    from function.launch.leases import Place


@dataclass(frozen=True, kw_only=True)
class Job:
    """The tasks of one message, in one delivery.

    Attributes:
        key: The idempotency key.
        digest: Returns the hash of what the sender asked for.
        count: How many tasks that is.
        call: Returns the arguments of RunTask for an attempt, the number of missing tasks, and the
            number of the capacity provider.
        cluster: The cluster's name or ARN.
        started_by: What the message's tasks carry.
        demand: Returns what the call takes, by the number of the capacity provider.
        origin: The id of the message that was sent first.
        first: Whether this is the first delivery.
        unique: Whether the key can have been used by no other delivery, so that the ledger has
            nothing to tell.
        unrecorded_since: Since when, in seconds since 1970, a call may have been made that the
            ledger does not know of, if it has no item; None if there is no such call.
        supplies: How many capacity providers there are to choose from.
        place: What it needs of a concurrency group; None if that is not limited.
        prepare: Makes, before a call is announced, what the tasks need; it may raise a Failure.
    """

    key: str
    digest: Callable[[], str]
    count: int
    call: Callable[[int, int, int], dict[str, Any]]
    cluster: str
    started_by: str
    demand: Callable[[int], Demand]
    origin: str
    first: bool
    unique: bool
    unrecorded_since: float | None
    supplies: int = 1
    place: Place | None = None
    prepare: Callable[[], None] = lambda: None

    @cached_property
    def claim(self) -> str:
        """A name of this delivery, unlike all others."""
        return uuid.uuid4().hex

    def item(self, **values: Any) -> Item:  # noqa: ANN401 - of any attribute
        """Return a new item of the ledger."""
        return Item(key=self.key, request=self.request, count=self.count, **values)

    @cached_property
    def request(self) -> str:
        """The hash of what the sender asked for; most first deliveries do not need it."""
        return self.digest()


@dataclass(kw_only=True)
class LaunchStats:
    """What is known of a message's tasks.

    Attributes:
        task_arns: The tasks that are known, including those that an earlier delivery started.
        launched: Tasks that this delivery started.
        already_started: Tasks that an earlier delivery had started.
        throttled: Calls that were throttled.
        table_failures: Calls of the ledger table that failed.
        recorded: Whether the ledger has an item of the key, which was read or written.
        uncertain_since: Since when a call may have started tasks that are not known; None if there
            is no such call.
        back_after: The message is of no use before these seconds have passed.
        replaced: Tasks that do not count, because others were started for them.
        generation: The last restart that was begun, as far as it was read.
        attempted: Whether this delivery had an attempt to make.
    """

    task_arns: list[str] = field(default_factory=list)
    launched: int = 0
    already_started: int = 0
    throttled: int = 0
    table_failures: int = 0
    recorded: bool = False
    uncertain_since: float | None = None
    back_after: float = 0.0
    replaced: tuple[str, ...] = ()
    generation: int = 0
    attempted: bool = False

    def found(self, tasks: Iterable[str]) -> None:
        """Add tasks that an earlier delivery started."""
        new = self._new(tasks)
        self.task_arns += new
        self.already_started += len(new)

    def started(self, tasks: Iterable[str]) -> None:
        """Add tasks that this delivery started."""
        new = self._new(tasks)
        self.task_arns += new
        self.launched += len(new)

    def counts(self, task: str) -> bool:
        """Return whether a task counts: none was started for it."""
        return task not in self.replaced

    def _new(self, tasks: Iterable[str]) -> list[str]:
        known = {*self.task_arns, *self.replaced}
        return [arn for arn in dict.fromkeys(tasks) if arn not in known]
