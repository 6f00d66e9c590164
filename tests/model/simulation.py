"""The same world, driven by a seeded chance: many runs, each in a fraction of a second.

A run is the same for the same seed and reading: `python -m tests.model.simulation --seed 7`.
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
from tests.model.invariants import check, check_quiet
from tests.model.jobs import CLUSTERS, INVALID_BODIES, Job
from tests.model.world import STAGES, Options, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.model.world import MakeHandler

STEPS: Final = 60

# The chance of a fault of each call, one of these for a run.
_CHANCES: Final = (0.0, 0.02, 0.1)

# Mostly shorter than what a token, or a list of tasks, can be relied on.
_TICKS: Final = (1.0, 3.0, 30.0, 400.0, 400.0, 900.0, 1800.0, 4000.0, 6 * 3600.0, 25 * 3600.0)
_TICK_WEIGHTS: Final = (6, 6, 6, 6, 4, 4, 2, 1, 1, 1)


@dataclass(frozen=True, kw_only=True)
class Report(Run):
    """What became of one run.

    Attributes:
        letters: dead letters by reason.
        virtual_seconds: that passed in the world.
    """

    letters: dict[str, int]
    virtual_seconds: float


class _Scheduler(Chance[World]):
    """Chooses what happens next."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(world, f"{seed} events")
        self.jobs: list[tuple[Job, str | None]] = []

    def step(self) -> None:
        """Let one thing happen."""
        actions: dict[Callable[[], None], int] = {
            self._send: 6,
            self._send_again: 2,
            self._send_invalid: 1,
            self._deliver: 14,
            self._tick: 6,
            self.duplicate: 2,
            self.wear_out: 1,
            self.redrive: 2,
            self._capacity: 4,
            self._throttle: 1,
            self._ghosts: 1,
            self._table: 2,
            self.world.change_network: 1,
            self.world.sweep: 1,
        }
        (action,) = self.draw.choices(list(actions), list(actions.values()))
        action()

    def _stage(self) -> str:
        return self.draw.choice(STAGES)

    def _send(self) -> None:
        for _ in range(self.draw.choice([1, 1, 3, 8])):
            number = len(self.jobs) + 1
            job = Job(
                number=number,
                count=self.draw.choice([1, 1, 2, 5, 10]),
                by_service=self.draw.random() < 1 / 3,
                cpu=self.draw.choice([256, 256, 4096]),
                cluster=self.draw.choice(CLUSTERS),
            )
            key = f"job-{number}" if self.draw.random() < 1 / 2 else None
            self.world.send(job, stage=self._stage(), key=key)
            self.jobs.append((job, key))

    def _send_again(self) -> None:
        keyed = [(job, key) for job, key in self.jobs if key is not None]
        if not keyed:
            return
        job, key = self.draw.choice(keyed)
        if self.draw.random() < 1 / 2:
            job = Job(number=len(self.jobs) + 1, count=self.draw.choice([1, job.count]))
            self.jobs.append((job, key))
        self.world.send(job, stage=self._stage(), key=key)

    def _send_invalid(self) -> None:
        body = self.draw.choice(list(INVALID_BODIES.values()))
        self.world.send(None, stage=self._stage(), body=body)

    def _deliver(self) -> None:
        self.world.deliver(*self.deliveries())

    def _tick(self) -> None:
        self.world.wait(*self.draw.choices(_TICKS, _TICK_WEIGHTS))

    def _capacity(self) -> None:
        pool = self.world.ecs.pool(f"{self.draw.choice(CLUSTERS)}/FARGATE")
        pool.room = self.draw.choice([0, 1, 4, None, None])
        pool.error = self.draw.random() < 1 / 3
        pool.largest_cpu = self.draw.choice([512, 16_384, 16_384])

    def _throttle(self) -> None:
        self.world.ecs.throttled = not self.world.ecs.throttled

    def _ghosts(self) -> None:
        self.world.ecs.ghosts = self.draw.choice([1, 2])

    def _table(self) -> None:
        self.world.table_away(self.draw.choice([None, None, *Away]))


def run(seed: int, reading: Reading, make: MakeHandler | None = None) -> Report:
    """Return what became of one run.

    Args:
        seed: of everything that is chance.
        reading: of AWS's documents.
        make: makes the handler; the product's if it is left out.
    """
    chance = random.Random(f"{seed} faults").choice(_CHANCES)  # noqa: S311 - a simulation
    options = Options(seed=seed, chance=chance)
    if make is not None:
        options.make = make
    with World(reading, options) as world:
        step = _Scheduler(world, seed).step
        error = violation(world, step, STEPS, check=check, check_quiet=check_quiet)
    letters: dict[str, int] = {}
    for sent in world.history.all():
        for letter in sent.letters:
            reason = letter.reason or "moved by SQS"
            letters[reason] = letters.get(reason, 0) + 1
    return Report(
        seed=seed,
        reading=reading,
        error=error,
        messages=sum(1 for _ in world.history.all()),
        tasks=len(world.ecs.tasks),
        letters=letters,
        virtual_seconds=world.kernel.now,
    )


def soak(seeds: Iterable[int], make: MakeHandler | None = None) -> Iterator[Report]:
    """Return the reports of many seeds; the readings take turns."""
    for seed in seeds:
        yield run(seed, READINGS[seed % len(READINGS)], make)


def main(arguments: list[str] | None = None) -> int:
    """Run seeds from the command line; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description="Simulate the handler among faults.")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one alone")
    options = parser.parse_args(arguments)
    first, seeds = (options.first, options.seeds) if options.seed is None else (options.seed, 1)
    begun, broken, tasks = time.monotonic(), 0, 0
    for report in soak(range(first, first + seeds)):
        tasks += report.tasks
        if report.error:
            broken += 1
            print(report.error, flush=True)  # noqa: T201 - a command
    seconds = time.monotonic() - begun
    print(f"{seeds} seeds, {tasks} tasks, {broken} broken, {seconds:.0f} s")  # noqa: T201 - a command
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
