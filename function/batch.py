"""A batch of records: a few threads, and one record at a time within each message group.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from function.limits import THREADS
from function.outcome import Disposition, Outcome

if TYPE_CHECKING:
    from function.launch.admission import TimeBudget
    from function.processor import Processor
    from function.sqs.record import Record


def process(records: list[Record], processor: Processor, time_budget: TimeBudget) -> list[Outcome]:
    """Process every record of a batch.

    Args:
        records: The batch, in the queue's order; not empty.
        processor: Brings one record to its outcome.
        time_budget: The time that the batch has.

    Returns:
        One outcome for each record.
    """
    groups = _groups(records, fifo=processor.settings.fifo)

    def process_group(group: list[Record]) -> list[Outcome]:
        return _process_group(group, processor, time_budget)

    if len(groups) == 1:
        return process_group(groups[0])
    with ThreadPoolExecutor(max_workers=min(THREADS, len(groups))) as pool:
        return [outcome for outcomes in pool.map(process_group, groups) for outcome in outcomes]


def _groups(records: list[Record], *, fifo: bool) -> list[list[Record]]:
    """Return the records in groups, each of which has to be processed in order."""
    if not fifo:
        return [[record] for record in records]
    groups: dict[str | None, list[Record]] = {}
    for record in records:
        groups.setdefault(record.group, []).append(record)
    return list(groups.values())


def _process_group(
    group: list[Record], processor: Processor, time_budget: TimeBudget
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for record in group:
        if outcomes and outcomes[-1].disposition is Disposition.RETURNED:
            # To keep the order, everything behind a returned message has to return as well.
            outcomes.append(processor.return_unattempted(record))
        else:
            outcomes.append(processor.process(record, time_budget))
    return outcomes
