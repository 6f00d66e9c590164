"""A batch of messages: a few threads, one message at a time in each message group.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from function.limits import THREADS
from function.outcomes import Outcome, Verdict

if TYPE_CHECKING:
    from function.launcher import Window
    from function.records import Record
    from function.worker import Worker


def work(records: list[Record], worker: Worker, window: Window) -> list[Outcome]:
    """Return what became of each message of a batch.

    Args:
        records: the batch, in the queue's order.
        worker: brings one message to its end.
        window: the time that the batch has.
    """
    lines = _lines(records, fifo=worker.settings.fifo)

    def run(line: list[Record]) -> list[Outcome]:
        return _run(line, worker, window)

    if len(lines) == 1:
        return run(lines[0])
    with ThreadPoolExecutor(max_workers=min(THREADS, len(lines))) as pool:
        return [outcome for outcomes in pool.map(run, lines) for outcome in outcomes]


def _lines(records: list[Record], *, fifo: bool) -> list[list[Record]]:
    """Return the messages that have to be worked one after another, line by line."""
    if not fifo:
        return [[record] for record in records]
    groups: dict[str | None, list[Record]] = {}
    for record in records:
        groups.setdefault(record.group, []).append(record)
    return list(groups.values())


def _run(line: list[Record], worker: Worker, window: Window) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for record in line:
        if outcomes and outcomes[-1].verdict is Verdict.KEPT:
            # In order: what stands behind a message that comes back comes back behind it.
            outcomes.append(worker.put_back(record, "group-waits"))
        else:
            outcomes.append(worker.work(record, window))
    return outcomes
