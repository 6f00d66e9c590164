"""Processes the records of the events queue: reports of launches, events of tasks, the sweep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from function.failures.reasons import Failure, RetryableFailure
from function.launch.admission import backoff_seconds
from function.limits import (
    MALFORMED_BACKOFF_SECONDS,
    MAX_PATIENT_RECEIVES,
    MAX_SWEEP_SECONDS,
    MIN_SWEEP_INTERVAL_SECONDS,
    THREADS,
)
from function.observability import log_unexpected
from function.outcome import Disposition, Outcome
from function.outcomes.observations import MalformedError, Observation, Sweep, parse
from function.sqs.visibility import return_to_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from types_boto3_sqs import SQSClient

    from function.clock import Clock
    from function.observability import Log
    from function.outcomes import sweep
    from function.outcomes.metrics import OutcomeMetrics
    from function.outcomes.updating import Updater
    from function.sqs.record import Record

_MALFORMED: Final = "malformed"
_UNEXPECTED: Final = "unexpected"


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A record with what it says."""

    record: Record
    observation: Observation


class Consumer:
    """Processes batches of the events queue.

    Args:
        stage: The stage's name.
        queue_url: The events queue.
        updater: Changes the histories.
        sweep: Looks after what is due.
        sqs: A client for the events queue.
        metrics: Count what has changed.
        log: The function's logger.
        clock: Tells the time.
        draw: Returns the jitter, a random number from 0 to 1.
    """

    def __init__(  # noqa: PLR0913 - the parts of a consumer
        self,
        *,
        stage: str,
        queue_url: str,
        updater: Updater,
        sweep: sweep.Sweep,
        sqs: SQSClient,
        metrics: OutcomeMetrics,
        log: Log,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        self._stage = stage
        self._queue_url = queue_url
        self._updater = updater
        self._sweep = sweep
        self._sqs = sqs
        self._metrics = metrics
        self._log = log
        self._clock = clock
        self._draw = draw
        self._swept_at = float("-inf")

    def process(self, records: Sequence[Record], deadline: float) -> list[str]:
        """Process a batch.

        Args:
            records: The records of the batch.
            deadline: In monotonic time; nothing is begun after it.

        Returns:
            The ids of the messages that return to the queue.
        """
        returned: list[Outcome] = []
        sweeps: list[Record] = []
        keys: dict[str, list[_Entry]] = {}
        for record in records:
            try:
                observation = parse(record.body, self._stage)
                if isinstance(observation, Sweep):
                    sweeps.append(record)
                elif observation is not None:
                    entry = _Entry(record=record, observation=observation)
                    keys.setdefault(observation.key, []).append(entry)
            except MalformedError:
                # Its text may quote the body.
                self._log.error("event not understood", message_id=record.message_id)
                returned.append(_returned(record, _MALFORMED, MALFORMED_BACKOFF_SECONDS))
        returned += self._process_keys(keys, deadline)
        returned += self._process_sweeps(sweeps, deadline)
        return_to_queue(self._sqs, self._queue_url, returned, self._log)
        self._metrics.flush()
        return [outcome.record.message_id for outcome in returned]

    def _process_keys(self, keys: dict[str, list[_Entry]], deadline: float) -> list[Outcome]:
        def process(item: tuple[str, list[_Entry]]) -> list[Outcome]:
            return self._process_key(*item, deadline)

        if len(keys) <= 1:
            return [outcome for item in keys.items() for outcome in process(item)]
        with ThreadPoolExecutor(max_workers=min(THREADS, len(keys))) as pool:
            return [outcome for found in pool.map(process, keys.items()) for outcome in found]

    def _process_key(self, key: str, entries: Sequence[_Entry], deadline: float) -> list[Outcome]:
        """Apply what a batch says of a key at once, or one by one if that fails."""
        records = [entry.record for entry in entries]
        receives = max(record.receives for record in records)
        try:
            self._update(key, entries, receives, deadline)
        except Failure as failure:
            self._log.warning(
                "event returned to the queue", key=key, reason=failure.reason, records=len(records)
            )
            return [
                _returned(record, failure.reason, backoff_seconds(record.receives, self._draw))
                for record in records
            ]
        except Exception as error:  # noqa: BLE001 - the boundary of what is said of one key
            if len(entries) > 1:
                return [
                    outcome
                    for entry in entries
                    for outcome in self._process_key(key, [entry], deadline)
                ]
            log_unexpected(self._log, error, message_id=records[0].message_id)
            seconds = backoff_seconds(receives, self._draw)
            return [_returned(records[0], _UNEXPECTED, seconds)]
        return []

    def _update(self, key: str, entries: Sequence[_Entry], receives: int, deadline: float) -> None:
        if self._clock.monotonic() >= deadline:
            raise RetryableFailure("not-attempted", "no time was left in the invocation")
        if self._updater.store.failing:
            raise RetryableFailure("table-unavailable", "the table failed moments ago")
        self._updater.update(
            key,
            [entry.observation for entry in entries],
            deadline,
            # An earlier delivery may have ended between its write and what follows from it.
            again=receives > 1,
            last_try=receives >= MAX_PATIENT_RECEIVES,
        )

    def _process_sweeps(self, records: Sequence[Record], deadline: float) -> list[Outcome]:
        now = self._clock.monotonic()
        if not records or now - self._swept_at < MIN_SWEEP_INTERVAL_SECONDS:
            return []
        self._swept_at = now
        try:
            self._sweep.run(min(deadline, now + MAX_SWEEP_SECONDS))
        except Failure as failure:
            # The next minute has a sweep of its own.
            self._log.warning("sweep failed", reason=failure.reason)
        except Exception as error:  # noqa: BLE001 - the boundary of a record
            log_unexpected(self._log, error, message_id=records[0].message_id)
            return [
                _returned(record, _UNEXPECTED, backoff_seconds(record.receives, self._draw))
                for record in records
            ]
        return []


def _returned(record: Record, reason: str, seconds: int) -> Outcome:
    return Outcome(
        record=record,
        disposition=Disposition.RETURNED,
        reason=reason,
        visibility_seconds=seconds,
    )
