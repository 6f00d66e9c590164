"""Asks ECS for the tasks of keys, where the stage keeps no histories.

ECS describes a stopped task for an hour, and says nothing of a message that was rejected.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from function.failures.reasons import Failure
from function.ledger import LAUNCHED
from function.message.lookups import Lookups
from function.outcomes import settling
from function.outcomes.clusters import cluster_of
from function.outcomes.history import Asked, History, Run
from function.outcomes.observations import from_description
from function.outcomes.states import State
from runtask.sight import Sight, nothing_known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from function.ledger import Item
    from runtask.histories import Known
    from runtask.stage_access import StageAccess

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
_MAX_DESCRIBED: Final = 100

# To judge a task by what is known now: nothing more will be told.
_LATEST: Final = float("inf")


class TaskObserver:
    """What ECS says of the tasks of keys.

    Args:
        access: The stage.
    """

    def __init__(self, access: StageAccess) -> None:
        self._access = access
        self._ecs = access.client("ecs")
        self._lookups = Lookups(self._ecs)

    def sights(self, keys: Mapping[str, Known | None]) -> list[Sight]:
        """Return what is known of keys: 100 of their tasks are one call.

        Args:
            keys: What the table has of each key.

        Raises:
            RuntaskError: if ECS cannot be asked.
        """
        launches = {key: known.launch for key, known in keys.items() if known and known.launch}
        tasks = self.described([arn for launch in launches.values() for arn in launch.tasks])
        return [
            nothing_known(key) if key not in launches else self._sight(launches[key], tasks)
            for key in keys
        ]

    def described(self, arns: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what ECS says of tasks, by ARN; one that it does not know any more is left out.

        Raises:
            RuntaskError: if ECS cannot be asked.
        """
        by_cluster: defaultdict[str, list[str]] = defaultdict(list)
        for arn in arns:
            by_cluster[cluster_of(Run(arn=arn))].append(arn)
        found: dict[str, dict[str, Any]] = {}
        for cluster, group in by_cluster.items():
            for start in range(0, len(group), _MAX_DESCRIBED):
                with self._access.asking(f"tasks of cluster {cluster}", "ecs:DescribeTasks"):
                    answer = self._ecs.describe_tasks(
                        tasks=group[start : start + _MAX_DESCRIBED],
                        **({"cluster": cluster} if cluster else {}),
                    )
                found |= {task["taskArn"]: task for task in answer["tasks"]}
        return found

    def _sight(self, launch: Item, tasks: Mapping[str, dict[str, Any]]) -> Sight:
        counted = [arn for arn in launch.tasks if arn not in launch.replaced]
        runs = tuple(self._run(arn, tasks.get(arn)) for arn in counted)
        state = State.LAUNCHING if runs else State.QUEUED
        history = History(key=launch.key, state=state, runs=runs)
        if launch.state == LAUNCHED:
            history = self._judged(history, launch, [tasks[arn] for arn in counted if arn in tasks])
        return Sight(history=history, known=True, recorded=False)

    def _run(self, arn: str, task: dict[str, Any] | None) -> Run:
        seen = None if task is None else from_description(task, self._access.stage)
        return Run(arn=arn, missing=task is None) if seen is None else seen.run

    def _judged(self, history: History, launch: Item, tasks: Sequence[dict[str, Any]]) -> History:
        overridden = {
            override["name"]: None
            for task in tasks
            for override in task.get("overrides", {}).get("containerOverrides", ())
            # ECS names every container; those that the message overrides have more than a name.
            if set(override) - {"name"}
        }
        asked = Asked(
            digest=launch.request,
            parameters={},
            containers=tuple(overridden),
            count=launch.count,
            group=None,
            limits={},
            message_id=launch.caller or "",
            queued_at=0.0,
            launched_at=launch.called_at or launch.claimed_at or 0.0,
        )
        judged = History(key=history.key, asked=asked, runs=history.runs, first_seen_at=0.0)
        essential = self._essential(history.runs)
        verdict = settling.judge(judged, essential, _LATEST)
        return History(
            key=history.key,
            state=verdict.state,
            reason=verdict.reason,
            asked=asked,
            runs=history.runs,
            exit_code=verdict.exit_code,
            finished_at=verdict.ended_at,
        )

    def _essential(self, runs: Sequence[Run]) -> tuple[str, ...] | None:
        definition = next((run.task_definition for run in runs if run.task_definition), "")
        try:
            return self._lookups.essential(definition) if definition else None
        except Failure:
            return None
