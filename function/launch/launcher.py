"""Launches the tasks of a message: at most one RunTask call in each delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from function.failures.classification import (
    CONFLICT,
    classify_error,
    classify_failures,
    may_have_launched,
)
from function.failures.reasons import Failure, FailureClass, RetryableFailure, make_failure
from function.launch.later_attempts import is_another_left, skip_supply, supply_of
from function.limits import MIN_ATTEMPT_INTERVAL_SECONDS, MIN_CONTENDED_INTERVAL_SECONDS

if TYPE_CHECKING:
    from types_boto3_ecs import ECSClient
    from types_boto3_ecs.literals import DesiredStatusType

    from function.clock import Clock
    from function.launch.admission import Admission, TimeBudget
    from function.launch.daily_allowance import DailyAllowance, Reservation
    from function.launch.job import Job, LaunchStats
    from function.launch.leases import Leases, Place
    from function.launch.progress import Attempt, Progress

_STATES: tuple[DesiredStatusType, ...] = ("RUNNING", "STOPPED")


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """Makes RunTask calls.

    Attributes:
        ecs: A client without retries of its own.
        admission: Tells when a call may be made.
        progress: Tells which attempt it is, and remembers what came of it.
        clock: Tells the time.
        leases: The places of concurrency groups.
        allowance: Counts the tasks of a day; None for a stage without a ceiling.
    """

    ecs: ECSClient
    admission: Admission
    progress: Progress
    clock: Clock
    leases: Leases
    allowance: DailyAllowance | None = None

    def launch(self, job: Job, time_budget: TimeBudget, stats: LaunchStats) -> None:
        """Start the tasks that are missing.

        Args:
            job: What to launch.
            time_budget: The time that the batch has.
            stats: Of the message; updated.

        Raises:
            Failure: if tasks are missing still.
        """
        if job.place is None:
            self._launch(job, time_budget, stats)
            return
        new = self.leases.acquire(job.key, job.place)
        try:
            self._launch(job, time_budget, stats)
        except Failure as failure:
            if _needs_no_place(failure, stats, new=new):
                self._release(job.key, job.place, stats)
            raise
        if new and not stats.attempted:
            # The tasks were started before, and have given their place back.
            self._release(job.key, job.place, stats)

    def _launch(self, job: Job, time_budget: TimeBudget, stats: LaunchStats) -> None:
        supply = supply_of(self.progress.ledger, job)
        demand = job.demand(supply)
        try:
            self.admission.enter(demand, time_budget)
        except RetryableFailure as failure:
            if failure.reason == "circuit-open" and is_another_left(job, supply):
                skip_supply(self.progress.ledger, job, supply, stats)
                raise _soon(failure) from None
            raise
        try:
            job.prepare()
            attempt = self.progress.open(job, stats)
        except Failure:
            self.admission.release(demand)
            raise
        if attempt is None:
            self.admission.release(demand)
            return
        stats.attempted = True
        if attempt.supply != supply:
            self.admission.release(demand)
            self.progress.release(job, attempt, stats)
            raise RetryableFailure(
                "in-progress", "another delivery has chosen the capacity provider", seconds=1
            )
        reserved = self._reserve(job, attempt, stats)
        try:
            response = self._run_task(job, attempt, stats)
        except (ClientError, BotoCoreError) as error:
            if not may_have_launched(error) and not _is_conflict(error):
                self._give_back(attempt, reserved, 0, stats)
            self._refused(job, attempt, error, stats)
            return
        if response.get("tasks") or response.get("failures"):
            self._give_back(attempt, reserved, len(response.get("tasks", ())), stats)
        self._answered(job, attempt, response, stats)

    def _release(self, key: str, place: Place, stats: LaunchStats) -> None:
        try:
            self.leases.release(place.group, key)
        except RetryableFailure:
            stats.table_failures += 1  # the sweep gives it back

    def _reserve(self, job: Job, attempt: Attempt, stats: LaunchStats) -> Reservation | None:
        """Count the tasks of a call that was not counted yet.

        Raises:
            RetryableFailure: `daily-limit` or `table-unavailable`; the call is not made then.
        """
        if self.allowance is None or attempt.counted:
            return None
        try:
            return self.allowance.reserve(
                job.count - len(attempt.tasks), repeated=not attempt.owner
            )
        except RetryableFailure:
            self.admission.release(job.demand(attempt.supply))
            self.progress.release(job, attempt, stats)
            raise

    def _give_back(
        self, attempt: Attempt, reserved: Reservation | None, started: int, stats: LaunchStats
    ) -> None:
        """Take back what was counted, unless this or an earlier call may have started it."""
        if self.allowance is None or reserved is None or not attempt.owner:
            return
        if reserved.tasks > started:
            self.allowance.give_back(reserved, reserved.tasks - started, stats)

    def _run_task(self, job: Job, attempt: Attempt, stats: LaunchStats) -> Any:  # noqa: ANN401 - as boto3
        stats.uncertain_since = attempt.called_at
        missing = job.count - len(attempt.tasks)
        return self.ecs.run_task(**job.call(attempt.number, missing, attempt.supply))

    def _answered(self, job: Job, attempt: Attempt, response: Any, stats: LaunchStats) -> None:  # noqa: ANN401 - as boto3
        started = [str(task["taskArn"]) for task in response.get("tasks", ())]
        failures = response.get("failures", [])
        stats.started(started)
        tasks = [arn for arn in dict.fromkeys((*attempt.tasks, *started)) if stats.counts(arn)]
        demand = job.demand(attempt.supply)
        if len(tasks) >= job.count:
            stats.uncertain_since = None
            self.admission.launched(demand)
            if attempt.recorded and not (job.first and attempt.owner):
                self.progress.finish(job, stats)
            return
        failure = classify_failures(failures)
        self.admission.failed(demand, failure)
        other = failure.details.capacity_exhausted and job.supplies > 1
        if started or failures:
            self.progress.advance(job, attempt, tasks, stats, other_supply=other)
        raise _soon(failure) if other and is_another_left(job, attempt.supply) else failure

    def _refused(
        self, job: Job, attempt: Attempt, error: ClientError | BotoCoreError, stats: LaunchStats
    ) -> None:
        if isinstance(error, ClientError) and _is_conflict(error):
            self.admission.release(job.demand(attempt.supply))
            self._conflict(job, attempt, error, stats)
            return
        failure = classify_error(error)
        stats.throttled += failure.reason == "throttled"
        self.admission.failed(job.demand(attempt.supply), failure)
        if not may_have_launched(error):
            if failure.details.capacity_exhausted and job.supplies > 1 and attempt.owner:
                self.progress.advance(job, attempt, attempt.tasks, stats, other_supply=True)
                if is_another_left(job, attempt.supply):
                    failure = _soon(failure)
            else:
                self.progress.release(job, attempt, stats)
        raise failure from None

    def _conflict(self, job: Job, attempt: Attempt, error: ClientError, stats: LaunchStats) -> None:
        """The client token was used with other parameters, such as an earlier network.

        Only tasks of this key count, and ECS lists them while the token lives.
        """
        named: Any = error.response.get("resourceIds") or ()
        stats.found((*attempt.tasks, *list_tasks(self.ecs, job)))
        if len(stats.task_arns) >= job.count:
            stats.uncertain_since = None
            if attempt.recorded:
                self.progress.finish(job, stats)
            return
        text = (
            f"the client token was used with other parameters, and ECS lists"
            f" {len(stats.task_arns)} of {job.count} tasks"
        )
        age = self.clock.time() - attempt.called_at
        complete = set(map(str, named)) <= set(stats.task_arns)
        if attempt.owner:
            if attempt.recorded:
                self.progress.mistrust(job, stats)
        elif not attempt.contended and complete and age >= MIN_CONTENDED_INTERVAL_SECONDS:
            self.progress.advance(job, attempt, stats.task_arns, stats)
        raise RetryableFailure("conflict-unresolved", text) from None


def _soon(failure: Failure) -> Failure:
    """Return a failure for which the next capacity provider is tried without a backoff."""
    return make_failure(failure.reason, failure.error, MIN_ATTEMPT_INTERVAL_SECONDS)


def _needs_no_place(failure: Failure, stats: LaunchStats, *, new: bool) -> bool:
    """Return whether a message that was not launched has no task, and none that may have begun."""
    if stats.attempted:
        return stats.uncertain_since is None and not stats.task_arns
    # Another delivery of the key may have the place that this one has taken for it.
    return new and failure.reason not in {"in-progress", "outcome-unknown"}


def _is_conflict(error: ClientError | BotoCoreError) -> bool:
    """Return whether the client token was used before, so that tasks may run."""
    if not isinstance(error, ClientError):
        return False
    return error.response.get("Error", {}).get("Code") == CONFLICT


def list_tasks(ecs: ECSClient, job: Job) -> list[str]:
    """Return the tasks of a key that run, or have stopped within the hour.

    Raises:
        RetryableFailure: if ECS does not tell.
    """
    found: list[str] = []
    try:
        for state in _STATES:
            more: dict[str, Any] = {}
            while True:
                page = ecs.list_tasks(
                    cluster=job.cluster, startedBy=job.started_by, desiredStatus=state, **more
                )
                found += page["taskArns"]
                if not page.get("nextToken"):
                    break
                more = {"nextToken": page["nextToken"]}
    except (ClientError, BotoCoreError) as error:
        failure = classify_error(error)
        if failure.details.failure_class is FailureClass.INVALID:
            raise RetryableFailure("unexpected", failure.error) from None
        raise failure from None
    return found
