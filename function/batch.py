"""A batch of messages: a few threads, one message at a time in each message group.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from function.limits import THREADS
from function.outcome import Disposition, Outcome

if TYPE_CHECKING:
    from function.launch.launcher import TimeBudget
    from function.processor import Processor
    from function.sqs.record import Record


def work(records: list[Record], worker: Processor, window: TimeBudget) -> list[Outcome]:
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


def _run(line: list[Record], worker: Processor, window: TimeBudget) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for record in line:
        if outcomes and outcomes[-1].disposition is Disposition.RETURNED:
            # In order: what stands behind a message that comes back comes back behind it.
            outcomes.append(worker.put_back(record, "blocked-by-group"))
        else:
            outcomes.append(worker.work(record, window))
    return outcomes
