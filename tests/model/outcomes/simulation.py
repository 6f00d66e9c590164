"""The world with outcomes, driven by a seeded chance.

A run is the same for the same seed: `python -m tests.model.outcomes.simulation --seed 7`.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rehearsal.emulator import READINGS, Reading
from tests.model.chance import Chance, Run, violation
from tests.model.dynamodb import Away
from tests.model.jobs import CLUSTERS, INVALID_BODIES
from tests.model.outcomes.fates import LimitedJob
from tests.model.outcomes.invariants import check, check_quiet
from tests.model.outcomes.world import FollowedWorld
from tests.model.world import STAGES, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

STEPS: Final = 40

_CHANCES: Final = (0.0, 0.02, 0.1)
_LOSSES: Final = (0.0, 0.1, 0.5)

_TICKS: Final = (5.0, 60.0, 300.0, 900.0, 2400.0, 3 * 3600.0)
_TICK_WEIGHTS: Final = (6, 6, 6, 4, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Report(Run):
    """What became of one run.

    Attributes:
        restarts: messages of the stages to themselves.
    """

    restarts: int


class _Scheduler(Chance[FollowedWorld]):
    """Chooses what happens next."""

    def __init__(self, world: FollowedWorld, seed: int) -> None:
        super().__init__(world, f"{seed} outcomes")
        self.jobs: list[tuple[LimitedJob, str | None, str]] = []

    def step(self) -> None:
        """Let one thing happen."""
        actions: dict[Callable[[], None], int] = {
            self._send: 6,
            self._send_again: 1,
            self._send_invalid: 1,
            self._deliver: 12,
            self._live: 8,
            self._events: 4,
            self._repeat_event: 2,
            self.duplicate: 2,
            self.wear_out: 1,
            self.redrive: 1,
            self._capacity: 2,
            self._throttle: 1,
            self._table: 2,
            self._loss: 1,
        }
        (action,) = self.draw.choices(list(actions), list(actions.values()))
        action()
        self.world.note_hindrance()

    def _send(self) -> None:
        for _ in range(self.draw.choice([1, 1, 3, 6])):
            number = len(self.jobs) + 1
            most = self.draw.choice([0, 0, 1, 3])
            job = LimitedJob(
                number=number,
                count=self.draw.choice([1, 1, 2, 3] if most != 1 else [1]),
                by_service=False,
                cluster=self.draw.choice(CLUSTERS),
                minutes=self.draw.choice([0, 0, 2, 10]),
                most=most,
                group=f"group-{most}",
                again=self.draw.choice([0, 0, 1, 2]),
                spot=self.draw.random() < 1 / 4,
            )
            key = f"job-{number}" if self.draw.random() < 1 / 2 else None
            stage = self.draw.choice(STAGES)
            self.world.send(job, stage=stage, key=key)
            self.jobs.append((job, key, stage))

    def _send_again(self) -> None:
        if keyed := [found for found in self.jobs if found[1] is not None]:
            job, key, stage = self.draw.choice(keyed)
            self.world.send(job, stage=stage, key=key)

    def _send_invalid(self) -> None:
        body = self.draw.choice(list(INVALID_BODIES.values()))
        self.world.send(None, stage=self.draw.choice(STAGES), body=body)

    def _deliver(self) -> None:
        self.world.tick(self.draw.choice([0.0, 1.0, 20.0]))
        self.world.deliver(*self.deliveries())

    def _live(self) -> None:
        (seconds,) = self.draw.choices(_TICKS, _TICK_WEIGHTS)
        self.world.live(seconds, sweeping=self.draw.random() < 9 / 10)

    def _events(self) -> None:
        self.world.bus.pump()
        self.world.schedule()
        self.world.deliver_events(*self.deliveries())

    def _repeat_event(self) -> None:
        after = self.world.after[self.draw.choice(STAGES)]
        if after.events.messages:
            after.events.duplicate(self.draw.choice(after.events.messages))

    def _capacity(self) -> None:
        supply = self.draw.choice(["FARGATE", "FARGATE_SPOT"])
        pool = self.world.ecs.pool(f"{self.draw.choice(CLUSTERS)}/{supply}")
        pool.room = self.draw.choice([0, 1, 4, None, None])
        pool.error = self.draw.random() < 1 / 3

    def _throttle(self) -> None:
        self.world.ecs.throttled = not self.world.ecs.throttled

    def _table(self) -> None:
        self.world.table_away(self.draw.choice([None, None, *Away]))

    def _loss(self) -> None:
        self.world.bus.loss = self.draw.choice(_LOSSES)


def run(seed: int, reading: Reading) -> Report:
    """Return what became of one run.

    Args:
        seed: of everything that is chance.
        reading: of AWS's documents.
    """
    chance = random.Random(f"{seed} faults").choice(_CHANCES)  # noqa: S311 - a simulation
    with FollowedWorld(reading, Options(seed=seed, chance=chance)) as world:
        step = _Scheduler(world, seed).step
        error = violation(world, step, STEPS, check=check, check_quiet=check_quiet)
    return Report(
        restarts=sum(len(after.told.restarts) for after in world.after.values()),
        tasks=len(world.ecs.tasks),
        messages=sum(1 for _ in world.history.all()),
        error=error,
        reading=reading,
        seed=seed,
    )


def soak(seeds: Iterable[int]) -> Iterator[Report]:
    """Return the reports of many seeds; the readings take turns."""
    for seed in seeds:
        yield run(seed, READINGS[seed % len(READINGS)])


def main(arguments: list[str] | None = None) -> int:
    """Run seeds from the command line; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description="Simulate launches and outcomes among faults.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone")
    options = parser.parse_args(arguments)
    first, seeds = (options.first, options.seeds) if options.seed is None else (options.seed, 1)
    begun, broken, tasks, restarts = time.monotonic(), 0, 0, 0
    for report in soak(range(first, first + seeds)):
        tasks += report.tasks
        restarts += report.restarts
        if report.error:
            broken += 1
            print(report.error, flush=True)  # noqa: T201 - a command
    seconds = time.monotonic() - begun
    print(  # noqa: T201 - a command
        f"{seeds} seeds, {tasks} tasks, {restarts} restarts, {broken} broken, {seconds:.0f} s"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
