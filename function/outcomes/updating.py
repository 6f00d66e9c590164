"""Changes the history of a key by what was observed, and does what follows from the change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from function.failures.reasons import Failure, RetryableFailure
from function.outcomes import deciding, settling
from function.outcomes.exit_codes import is_injected
from function.outcomes.observations import Due, Launched, TaskSeen
from function.outcomes.reducer import reduce
from function.outcomes.store import OutdatedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from function.clock import Clock
    from function.message.lookups import Lookups
    from function.observability import Log
    from function.outcomes.effects import Effects
    from function.outcomes.history import Effect, History, Run
    from function.outcomes.metrics import OutcomeMetrics
    from function.outcomes.observations import Observation
    from function.outcomes.policy import Policy
    from function.outcomes.store import HistoryStore

# How often an update begins again because another invocation changed the history in between.
_MAX_TRIES: Final = 8


@dataclass(frozen=True, kw_only=True)
class Updater:
    """Updates histories; safe to use from several threads, for different keys.

    Attributes:
        store: The histories.
        policy: What the stage decides, without the containers of a task definition.
        lookups: Tell the containers of a task definition.
        effects: Do what a change asks for.
        metrics: Count what has changed.
        log: The function's logger.
        clock: Tells the time.
    """

    store: HistoryStore
    policy: Policy
    lookups: Lookups
    effects: Effects
    metrics: OutcomeMetrics
    log: Log
    clock: Clock

    def update(  # noqa: PLR0913 - what the events and the sweep differ in
        self,
        key: str,
        observations: Sequence[Observation],
        deadline: float,
        *,
        history: History | None = None,
        again: bool = False,
        last_try: bool = False,
        due_by: float | None = None,
    ) -> None:
        """Apply observations of one key, in their order, and do what follows.

        Args:
            key: The idempotency key.
            observations: What was observed of it.
            deadline: In monotonic time; nothing is begun after it.
            history: What was loaded moments ago; None to load it.
            again: Whether to do also what an earlier invocation has left.
            last_try: Whether to go on without what ECS does not tell now.
            due_by: The latest time at which somebody has to look at the key again.

        Raises:
            RetryableFailure: `table-unavailable`; `in-progress`, if others write all the time;
                otherwise if ECS does not tell the containers of a task definition.
        """
        before = self.store.load(key) if history is None else history
        for _ in range(_MAX_TRIES):
            after = self._after(before, observations, deadline, last_try=last_try)
            if due_by is not None and after.due_at is not None:
                after = replace(after, due_at=min(after.due_at, due_by))
            if _same(before, after, observations):
                saved = before
                break
            try:
                saved = self.store.save(before, after)
            except OutdatedError as error:
                before = error.history
                continue
            self.metrics.changed(before, saved)
            self._log_end(before, saved)
            break
        else:
            raise RetryableFailure("in-progress", "other invocations write this history")
        todo = saved.todo if again else tuple(e for e in saved.todo if e not in before.todo)
        if todo:
            self._clear(saved, self.effects.perform(saved, todo, deadline))

    def _after(
        self,
        history: History,
        observations: Sequence[Observation],
        deadline: float,
        *,
        last_try: bool,
    ) -> History:
        essential = self._essential(history, observations, deadline, last_try=last_try)
        policy = replace(self.policy, essential=essential)
        for observation in observations:
            history = reduce(history, observation, policy, self.clock.time())
        return history

    def _essential(
        self,
        history: History,
        observations: Iterable[Observation],
        deadline: float,
        *,
        last_try: bool,
    ) -> tuple[str, ...] | None:
        """Return the essential containers where they decide, None where nobody needs them."""
        asked, runs = [history.asked], [*history.runs]
        for observation in observations:
            if isinstance(observation, Launched):
                asked.append(observation.asked)
            elif isinstance(observation, TaskSeen):
                runs.append(observation.run)
        if any(one is not None and one.containers for one in asked):
            return None
        definition = next((run.task_definition for run in runs if _is_ambiguous(run)), "")
        if not definition:
            return None
        try:
            return self.lookups.essential(definition, deadline)
        except Failure as failure:
            if isinstance(failure, RetryableFailure) and not last_try:
                raise
            self.log.warning(
                "task definition not described", task_definition=definition, reason=failure.reason
            )
            return None

    def _clear(self, history: History, done: Sequence[Effect]) -> None:
        """Remove what was done from what is to be done.

        If that fails the sweep does it again, which is harmless.
        """
        for _ in range(_MAX_TRIES):
            todo = tuple(effect for effect in history.todo if effect not in done)
            if todo == history.todo:
                return
            cleared = replace(history, todo=todo)
            now = self.clock.time()
            cleared = replace(cleared, due_at=deciding.due_at(cleared, now, looked=False))
            try:
                self.store.save(history, cleared)
            except OutdatedError as error:
                history = error.history
            except RetryableFailure as failure:
                self.log.warning("history not updated", key=history.key, reason=failure.reason)
                return
            else:
                return

    def _log_end(self, before: History, after: History) -> None:
        if (before.state, before.reason) == (after.state, after.reason):
            return
        self.log.info(
            "state changed",
            key=after.key,
            state=str(after.state),
            reason=after.reason,
            exit_code=after.exit_code,
            generation=after.generation,
        )


def _same(before: History, after: History, observations: Iterable[Observation]) -> bool:
    """Return whether there is nothing to write: not for a check that can be a little earlier."""
    if any(isinstance(observation, Due) for observation in observations):
        return before == after
    later = before.due_at is not None and after.due_at is not None and before.due_at <= after.due_at
    return (replace(after, due_at=before.due_at) if later else after) == before


def _is_ambiguous(run: Run) -> bool:
    """Return whether the exit code of an ended task depends on its task definition."""
    own = [container for container in run.containers if not is_injected(container.name)]
    return settling.has_ended(run) and len(own) > 1
