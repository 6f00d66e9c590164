"""Looks, every minute, after what no event tells of, or tells of no more.

A history is due when a task has run for as long as it may, when there was no news of its tasks for
long, or when something was left to be done. ECS is asked for many tasks at once. Several sweeps at
a time do no harm: each write is conditional, and each thing done is harmless to repeat.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.reasons import RetryableFailure
from function.limits import (
    LEASE_BELIEVED_SECONDS,
    LEASE_CHECK_SECONDS,
    LEASE_UNKNOWN_SECONDS,
    MAX_DESCRIBED_TASKS,
    MAX_SWEEP_HISTORIES,
    MIN_MISSING_SECONDS,
    SWEEP_RETRY_SECONDS,
    THREADS,
)
from function.observability import log_unexpected
from function.outcomes.clusters import cluster_of, is_task_arn
from function.outcomes.observations import Due, Observation, TaskMissing, from_description
from function.outcomes.reducer import open_tasks
from function.outcomes.states import FINAL
from function.outcomes.store import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from types_boto3_ecs import ECSClient

    from function.clock import Clock
    from function.observability import Log
    from function.outcomes.effects import Holder, LeaseBook
    from function.outcomes.history import History
    from function.outcomes.metrics import OutcomeMetrics
    from function.outcomes.notices import Notices
    from function.outcomes.store import HistoryStore
    from function.outcomes.updating import Updater

# Histories that are loaded, asked for and updated together.
_CHUNK: Final = 200

_MISSING: Final = "MISSING"
_NO_CLUSTER: Final = "ClusterNotFoundException"


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Looks after what is due.

    Attributes:
        stage: The stage's name.
        store: The histories.
        updater: Changes them.
        ecs: A client without retries of its own.
        leases: The leases of the concurrency groups.
        notices: Tell a person.
        metrics: Count what has changed.
        log: The function's logger.
        clock: Tells the time.
        unknown: Since when nothing is known of keys that hold a place.
        missing: Since when ECS does not know tasks that were started again.
    """

    stage: str
    store: HistoryStore
    updater: Updater
    ecs: ECSClient
    leases: LeaseBook
    notices: Notices
    metrics: OutcomeMetrics
    log: Log
    clock: Clock
    unknown: dict[str, float] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)

    def run(self, deadline: float) -> None:
        """Look after all that is due; what there is no time for is due in the next minute.

        Args:
            deadline: In monotonic time.

        Raises:
            RetryableFailure: `table-unavailable`.
        """
        now = self.clock.time()
        due = self.store.listed(ACTIVE, now, MAX_SWEEP_HISTORIES)
        self.metrics.swept(now - due[0].at if due else 0.0)
        for start in range(0, len(due), _CHUNK):
            if self.clock.monotonic() >= deadline:
                self.log.warning("sweep not finished", left=len(due) - start)
                break
            self._look([entry.key for entry in due[start : start + _CHUNK]], deadline)
        self.notices.tell_due(deadline)
        self._heal_leases(deadline)

    def _look(self, keys: Sequence[str], deadline: float) -> None:
        with ThreadPoolExecutor(max_workers=THREADS) as pool:
            # The index follows the table within moments: what it has may have been done.
            now = self.clock.time()
            histories = [
                history
                for history in pool.map(self.store.load, keys)
                if history.due_at is not None and history.due_at <= now
            ]
            found, unsure = self._describe(histories)

            def update(history: History) -> None:
                self._update(history, found.get(history.key, ()), unsure, deadline)

            list(pool.map(update, histories))

    def _update(
        self,
        history: History,
        observations: Iterable[Observation],
        unsure: set[str],
        deadline: float,
    ) -> None:
        if self.clock.monotonic() >= deadline:
            return
        soon = self.clock.time() + SWEEP_RETRY_SECONDS
        try:
            self.updater.update(
                history.key,
                (*observations, Due(key=history.key)),
                deadline,
                history=history,
                again=True,
                last_try=True,
                due_by=soon if history.key in unsure else None,
            )
        except RetryableFailure as failure:
            self.log.warning("history not updated", key=history.key, reason=failure.reason)
        except Exception as error:  # noqa: BLE001 - one history must not stop the others
            log_unexpected(self.log, error, key=history.key)

    def _describe(
        self, histories: Iterable[History]
    ) -> tuple[dict[str, list[Observation]], set[str]]:
        """Ask ECS for the tasks of histories whose end is not known.

        Returns:
            What was observed, by key; and the keys of which ECS did not tell all.
        """
        found: dict[str, list[Observation]] = {}
        unsure: set[str] = set()
        keys: dict[str, dict[str, str]] = {}
        now = self.clock.time()
        young: set[str] = set()
        new: set[str] = set()
        for history in histories:
            if now - _launched_at(history) < MIN_MISSING_SECONDS:
                young.add(history.key)
            waits = set(open_tasks(history))
            new |= _announced(history)
            for run in history.runs:
                if run.arn in waits and is_task_arn(run.arn):
                    keys.setdefault(cluster_of(run), {})[run.arn] = history.key
                elif run.arn in waits:
                    missing = TaskMissing(key=history.key, arn=run.arn)
                    found.setdefault(history.key, []).append(missing)
        for cluster, of_cluster in keys.items():
            arns = list(of_cluster)
            for start in range(0, len(arns), MAX_DESCRIBED_TASKS):
                asked = {arn: of_cluster[arn] for arn in arns[start : start + MAX_DESCRIBED_TASKS]}
                told = self._believed(self._told(cluster, asked), new, now)
                for arn, observation in told.items():
                    if isinstance(observation, TaskMissing) and observation.key in young:
                        continue  # ECS may not know it yet
                    found.setdefault(asked[arn], []).append(observation)
                unsure |= {key for arn, key in asked.items() if arn not in told}
        return found, unsure

    def _believed(
        self, told: dict[str, Observation], new: set[str], now: float
    ) -> dict[str, Observation]:
        """Return what ECS says, without that it does not know a task which it may not know yet."""
        believed = {}
        for arn, observation in told.items():
            if (
                isinstance(observation, TaskMissing)
                and arn in new
                and now - self.missing.setdefault(arn, now) < MIN_MISSING_SECONDS
            ):
                continue
            self.missing.pop(arn, None)
            believed[arn] = observation
        return believed

    def _told(self, cluster: str, keys: dict[str, str]) -> dict[str, Observation]:
        """Return what ECS says of some tasks of a cluster, by ARN.

        Args:
            cluster: The cluster's name or ARN, empty for the account's default.
            keys: The keys of the tasks, by ARN.
        """
        where: dict[str, Any] = {"cluster": cluster} if cluster else {}
        try:
            answer: Any = self.ecs.describe_tasks(tasks=list(keys), **where)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == _NO_CLUSTER:
                return {arn: TaskMissing(key=key, arn=arn) for arn, key in keys.items()}
            self.log.warning("tasks not described", cause=code, tasks=len(keys))
            return {}
        except BotoCoreError as error:
            self.log.warning("tasks not described", cause=type(error).__name__, tasks=len(keys))
            return {}
        told: dict[str, Observation] = {}
        for task in answer.get("tasks", ()):
            arn = str(task.get("taskArn"))
            seen = from_description(task, self.stage)
            if arn not in keys:
                continue
            if seen is None or seen.key != keys[arn]:
                # Somebody else's task: whoever has said that it is ours was wrong.
                told[arn] = TaskMissing(key=keys[arn], arn=arn)
            else:
                told[arn] = seen
        for failure in answer.get("failures", ()):
            arn = str(failure.get("arn"))
            if failure.get("reason") == _MISSING and arn in keys:
                told[arn] = TaskMissing(key=keys[arn], arn=arn)
        return told

    def _heal_leases(self, deadline: float) -> None:
        """Give back the leases of keys that have ended, or of which nothing is known."""
        now = self.clock.time()
        for holder in self.leases.holders():
            if self.clock.monotonic() >= deadline:
                return
            if now - holder.since >= LEASE_CHECK_SECONDS and self._is_over(holder, now):
                self.log.warning("lease healed", key=holder.key, group=holder.group)
                self.leases.release(holder.group, holder.key)
                self.unknown.pop(holder.key, None)
        for group in self.leases.groups():
            if self.clock.monotonic() < deadline:
                # A message that was woken while its batch was at work has not come.
                self.leases.wake(group)

    def _is_over(self, holder: Holder, now: float) -> bool:
        history = self.store.load(holder.key)
        if history.revision or now - holder.since < LEASE_UNKNOWN_SECONDS:
            self.unknown.pop(holder.key, None)
            return history.state in FINAL
        # The table may have been away. Its report is back then before it is believed.
        return now - self.unknown.setdefault(holder.key, now) >= LEASE_BELIEVED_SECONDS


def _announced(history: History) -> set[str]:
    """Return the tasks that were started again, and that ECS has not told of: nobody knows when."""
    return {run.arn for run in history.runs if not run.version} if history.generation else set()


def _launched_at(history: History) -> float:
    """Return when the last task of a key was started, as far as it is known."""
    moments = [run.created_at for run in history.runs if run.created_at is not None]
    if history.asked is not None:
        moments.append(history.asked.launched_at)
    return max(moments, default=history.first_seen_at or 0.0)
